package httpapi

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/ledger"
)

// FuzzDebit: no input makes the reader panic, and a debit that it accepts is
// the same operation when it is written out and read again.
func FuzzDebit(f *testing.F) {
	for _, seed := range []string{
		`{"agent":{"id":"agt","name":"Agent"},"channel":"widget","conversation_id":"c1","messages":1,"run_id":"r1",` +
			`"occurred_at":"2026-11-23T10:30:00.125+01:00","lines":[{"node":"ai_reply","action":"run","quantity":"2"},{"node":"n","action":"a","quantity":3}]}`,
		`{"agent":{"id":"a","name":null},"channel":"api","messages":null,"occurred_at":null,"lines":[{"node":"n","action":"a","quantity":"0.000001"}]}`,
		`{"agent":{"id":"a","name":"\u00fc\ud83d\ude00 \"\\"},"channel":"api","lines":[{"node":"n","action":"a","quantity":"1000000000"}]}`,
		`{"agent":{"id":"a"},"channel":"api","messages":-0,"lines":[{"node":"n","action":"a","quantity":1000000000}]}`,
		`{"agent":[],"channel":1,"lines":[[],{}]}`,
		`{"agent":{"id":"a","id":"b"}}`,
		`{}`, `null`, `[]`, `"`, ``, "\xff", strings.Repeat(`{"a":`, 64),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		debit, accepted := parseDebit(body)
		if !accepted {
			return
		}
		text, err := json.Marshal(sentDebit(debit))
		if err != nil {
			t.Fatal(err)
		}
		again, accepted := parseDebit(text)
		if !accepted {
			t.Fatalf("%s is accepted, and not when it is written as %s", body, text)
		}
		if ledger.Keyed("op", debit).Hash != ledger.Keyed("op", again).Hash {
			t.Fatalf("%s is another operation when it is written as %s", body, text)
		}
	})
}

func parseDebit(body []byte) (ledger.Debit, bool) {
	object, err := ReadObject(body)
	if err != nil {
		return ledger.Debit{}, false
	}
	debit := readDebit(object)
	return debit, object.Close() == nil
}

// sentDebit is a debit as a caller would write it.
func sentDebit(d ledger.Debit) map[string]any {
	lines := []map[string]any{}
	for _, line := range d.Lines {
		lines = append(lines, map[string]any{"node": line.Node, "action": line.Action, "quantity": line.Quantity.String()})
	}
	sent := map[string]any{
		"agent": map[string]any{"id": d.Agent.ID, "name": d.Agent.Name}, "channel": d.Channel, "messages": d.Messages, "lines": lines,
		"occurred_at": nil, "conversation_id": nil, "run_id": nil,
	}
	if d.OccurredAt != nil {
		sent["occurred_at"] = d.OccurredAt.Format(time.RFC3339Nano)
	}
	if d.Conversation != "" {
		sent["conversation_id"] = d.Conversation
	}
	if d.Run != "" {
		sent["run_id"] = d.Run
	}
	return sent
}
