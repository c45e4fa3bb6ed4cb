package dynamo

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// entryRecord is what entries of every kind have. The detail lies beside it, in an
// attribute of its kind.
type entryRecord struct {
	PK          string       `dynamodbav:"pk"`
	SK          string       `dynamodbav:"sk"`
	Wallet      string       `dynamodbav:"w"`
	Other       string       `dynamodbav:"x,omitempty"` // as Wallet, but of no debit
	Seq         int64        `dynamodbav:"n"`
	Type        string       `dynamodbav:"t"`
	Hash        []byte       `dynamodbav:"h,omitempty"`
	CreatedAt   int64        `dynamodbav:"ca"`
	Credits     int64        `dynamodbav:"c,omitempty"`
	Change      int64        `dynamodbav:"ch,omitempty"`
	Available   int64        `dynamodbav:"av,omitempty"`
	OverageUsed int64        `dynamodbav:"ou,omitempty"`
	Lapsed      []partRecord `dynamodbav:"lp,omitempty"`
	Alerts      []string     `dynamodbav:"al,omitempty"`
}

// entryKinds are the kinds of entries, and how each is stored.
var entryKinds = map[ledger.EntryType]entryKind{
	ledger.DebitEntry:      detailIn("db", chargeRecordOf, (*chargeRecord).charge),
	ledger.GrantEntry:      detailIn("gr", issueRecordOf, (*issueRecord).issue),
	ledger.ReversalEntry:   detailIn("rv", reversalRecordOf, (*reversalRecord).reversal),
	ledger.ExpiryEntry:     noDetail(&ledger.Expiry{}),
	ledger.SettingsEntry:   detailIn("se", settingsRecordOf, (*settingsRecord).settings).beside(updateProfile),
	ledger.RenewalEntry:    detailIn("rn", renewalRecordOf, (*renewalRecord).renewal),
	ledger.PlanChangeEntry: detailIn("pc", planChangeRecordOf, (*planChangeRecord).planChange),
	ledger.PlanEndEntry:    detailIn("pe", planEndRecordOf, (*planEndRecord).planEnd),
	ledger.TakeBackEntry:   detailIn("rc", takenBackRecordOf, (*takenBackRecord).takenBack),
	ledger.GiveBackEntry:   detailIn("rc", givenBackRecordOf, (*givenBackRecord).givenBack),
	ledger.RefillEntry:     detailIn("rf", refillStepRecordOf, (*refillStepRecord).refillStep).beside(putRefillTerms),
}

// entryKind is how entries of one kind are stored.
type entryKind struct {
	attribute  string // of the detail; empty: it has none
	encode     func(ledger.Detail) (types.AttributeValue, error)
	decode     func(types.AttributeValue) (ledger.Detail, error)
	putsBeside func(Names, *ledger.Entry) (*types.TransactWriteItem, error)
}

// detailIn stores details of one kind as records in an attribute of that name.
func detailIn[D ledger.Detail, R any](attribute string, record func(D) *R, detail func(*R) D) entryKind {
	return entryKind{
		attribute: attribute,
		encode: func(d ledger.Detail) (types.AttributeValue, error) {
			of, is := d.(D)
			if !is {
				return nil, fmt.Errorf("it is a %T", d)
			}
			return attributevalue.Marshal(record(of))
		},
		decode: func(value types.AttributeValue) (ledger.Detail, error) {
			var r R
			if err := attributevalue.Unmarshal(value, &r); err != nil {
				return nil, err
			}
			return detail(&r), nil
		},
	}
}

// noDetail stores nothing of details that are all alike.
func noDetail(detail ledger.Detail) entryKind {
	return entryKind{decode: func(types.AttributeValue) (ledger.Detail, error) { return detail, nil }}
}

// beside says what entries of the kind write beside themselves; nil: this one
// writes nothing.
func (k entryKind) beside(put func(Names, *ledger.Entry) (*types.TransactWriteItem, error)) entryKind {
	k.putsBeside = put
	return k
}

func encodeEntry(e *ledger.Entry) (map[string]types.AttributeValue, error) {
	key, wallet := entryKey(e.Account, e.Operation), walletKey(e.Account).PK
	record := entryRecord{
		PK:          key.PK,
		SK:          key.SK,
		Wallet:      wallet,
		Seq:         e.Seq,
		Type:        string(e.Type()),
		CreatedAt:   millis(e.CreatedAt),
		Credits:     int64(e.Credits),
		Change:      int64(e.Change),
		Available:   int64(e.After.Available),
		OverageUsed: int64(e.After.OverageUsed),
		Lapsed:      mapped(e.Lapsed, partRecordOf),
		Alerts:      mapped(e.Alerts, func(k ledger.AlertKind) string { return string(k) }),
	}
	if e.Type() != ledger.DebitEntry {
		record.Other = wallet
	}
	if e.Hash != (ledger.Hash{}) {
		record.Hash = e.Hash[:]
	}
	item, err := attributevalue.MarshalMap(record)
	if err == nil {
		err = encodeDetail(e, item)
	}
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding entry %d of %s: %w", e.Seq, e.Account, err)
	}
	return item, nil
}

func encodeDetail(e *ledger.Entry, item map[string]types.AttributeValue) error {
	if _, is := e.Detail.(*ledger.Unknown); is {
		return nil // its type says all that there is
	}
	kind, known := entryKinds[e.Type()]
	if !known {
		return fmt.Errorf("no way to store a %q", e.Type())
	}
	if kind.attribute == "" {
		return nil
	}
	value, err := kind.encode(e.Detail)
	item[kind.attribute] = value
	return err
}

func decodeEntry(item map[string]types.AttributeValue) (ledger.Entry, error) {
	var r entryRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return ledger.Entry{}, fmt.Errorf("dynamo: decoding an entry: %w", err)
	}
	detail, err := decodeDetail(ledger.EntryType(r.Type), item)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("dynamo: decoding the detail of an entry: %w", err)
	}
	e := ledger.Entry{
		Seq:       r.Seq,
		CreatedAt: instant(r.CreatedAt),
		Credits:   credit.Amount(r.Credits),
		Change:    credit.Amount(r.Change),
		After:     ledger.Balance{Available: credit.Amount(r.Available), OverageUsed: credit.Amount(r.OverageUsed)},
		Lapsed:    mapped(r.Lapsed, partRecord.part),
		Alerts:    mapped(r.Alerts, func(k string) ledger.AlertKind { return ledger.AlertKind(k) }),
		Detail:    detail,
	}
	e.Account, e.Operation = operationOf(r.PK)
	copy(e.Hash[:], r.Hash)
	return e, nil
}

// decodeDetail is an Unknown for a kind of another version of the platform.
func decodeDetail(t ledger.EntryType, item map[string]types.AttributeValue) (ledger.Detail, error) {
	kind, known := entryKinds[t]
	if value, there := item[kind.attribute]; known && (there || kind.attribute == "") {
		return kind.decode(value)
	}
	return &ledger.Unknown{Kind: t}, nil
}

type partRecord struct {
	Grant   string `dynamodbav:"g"`
	Credits int64  `dynamodbav:"c"`
}

func partRecordOf(p ledger.Part) partRecord { return partRecord{p.GrantID, int64(p.Credits)} }

func (r partRecord) part() ledger.Part {
	return ledger.Part{GrantID: r.Grant, Credits: credit.Amount(r.Credits)}
}
