package dynamo

import (
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
)

// A kind is stored under its own name, and comes back as itself even where there
// is nothing to say; what another version has written comes back as unknown.
func TestEveryKindOfEntryIsStored(t *testing.T) {
	for kind := range entryKinds {
		if !slices.Contains(ledger.EntryTypes(), kind) {
			t.Errorf("a %s is stored, and is not listed", kind)
		}
	}
	for _, kind := range ledger.EntryTypes() {
		empty, err := decodeDetail(kind, map[string]types.AttributeValue{
			entryKinds[kind].attribute: &types.AttributeValueMemberM{},
		})
		if _, unknown := empty.(*ledger.Unknown); err != nil || unknown {
			t.Errorf("an empty %s comes back as %#v, %v", kind, empty, err)
			continue
		}
		item, err := encodeEntry(&ledger.Entry{Account: "acme", Operation: "op", Seq: 1, Detail: empty})
		if err != nil {
			t.Errorf("an empty %s is not stored: %v", kind, err)
			continue
		}
		if entry, err := decodeEntry(item); err != nil || !reflect.DeepEqual(entry.Detail, empty) {
			t.Errorf("an empty %s comes back as %#v, %v", kind, entry.Detail, err)
		}
		item["t"] = text("lease")
		if entry, err := decodeEntry(item); err != nil || entry.Type() != "lease" {
			t.Errorf("a kind of another version comes back as %#v, %v", entry.Detail, err)
		}
		if attribute := entryKinds[kind].attribute; attribute != "" {
			item["t"] = text(string(kind))
			delete(item, attribute)
			entry, err := decodeEntry(item)
			if _, unknown := entry.Detail.(*ledger.Unknown); err != nil || !unknown || entry.Type() != kind {
				t.Errorf("a %s without its detail comes back as %#v, %v", kind, entry.Detail, err)
			}
		}
	}
}
