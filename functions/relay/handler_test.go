package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/eventbus/eventbustest"
	"drawdown/shared/failures/failurestest"
	"drawdown/shared/ledger"
	"drawdown/shared/relay"
	"drawdown/shared/rollup/rolluptest"
)

type fixture struct {
	handler
	t      *testing.T
	tables *dynamotest.Tables
	said   *eventbustest.Bus
	bucket *failurestest.Bucket
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, tables: dynamotest.NewTables(t), said: eventbustest.New(t), bucket: failurestest.New(t)}
	// Without waiting: an index that lags fails its record at once.
	f.handler = handler{relay: &relay.Relay{Store: f.tables.Client, Bus: f.said.Bus}, failed: f.bucket}
	return f
}

// enter opens an account with so many debits.
func (f *fixture) enter(account string, count int) {
	f.t.Helper()
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit(account, int64(i+1), 0, 1)
		entries[i].After = ledger.Balance{Available: credit.Amount(100-i) * credit.Credit}
	}
	wallet := ledger.Wallet{Account: account, Seq: int64(count), LastAt: rolluptest.Start, Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active}}
	verdict, err := f.tables.Commit(f.t.Context(), commit.Change{After: wallet, Entries: entries})
	if err != nil || !verdict.Committed {
		f.t.Fatal(verdict, err)
	}
}

// record is one of the stream, with alerts written "<seq> <kind>".
func record(sequence int, account string, seq int, alerts ...string) string {
	var list []string
	for _, alert := range alerts {
		of, kind, _ := strings.Cut(alert, " ")
		list = append(list, fmt.Sprintf(`{"M":{"n":{"N":%q},"k":{"S":%q}}}`, of, kind))
	}
	image := fmt.Sprintf(`"pk":{"S":"A#%s#00"},"n":{"N":"%d"},"la":{"N":"1795514400000"},"g":{"L":[{"M":{"i":{"S":"g1"}}}]}`, account, seq)
	if len(list) > 0 {
		image += `,"al":{"L":[` + strings.Join(list, ",") + `]}`
	}
	return fmt.Sprintf(`{"eventID":"e%d","eventName":"MODIFY","dynamodb":{"Keys":{"pk":{"S":"A#%s#00"}},"NewImage":{%s},"SequenceNumber":"%d"}}`,
		sequence, account, image, sequence)
}

func records(all ...string) string { return `{"Records":[` + strings.Join(all, ",") + `]}` }

func (f *fixture) call(payload string) string {
	f.t.Helper()
	answer, err := f.Invoke(f.t.Context(), []byte(payload))
	if err != nil {
		f.t.Fatalf("%s: %v", payload, err)
	}
	return string(answer)
}

// ids are those of what was said.
func (f *fixture) ids() []string {
	f.t.Helper()
	var ids []string
	for _, said := range f.said.Said() {
		message, err := events.Decode([]byte(said.Detail))
		if err != nil {
			f.t.Errorf("said %+v, %v", said, err)
		}
		ids = append(ids, message.ID)
	}
	return ids
}

// The answer names the records that must come again, by their sequence numbers.
func TestABatchOfTheStream(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 2)
	got := f.call(records(
		record(1, "acme", 1, "1 low_balance"),
		`{"eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"A#gone#00"}},"SequenceNumber":"2"}}`,
		record(3, "late", 7, "7 low_balance"), // its entry is not in the index yet
		record(4, "acme", 2), record(5, "acme", 2, "2 depleted"),
	))
	if want := `{"batchItemFailures":[{"itemIdentifier":"3"}]}`; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	if got, want := f.ids(), []string{"acme#1#balance.low", "acme#2#balance.depleted"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	if got := f.call(records(record(6, "acme", 2))); got != `{"batchItemFailures":[]}` {
		t.Errorf("answer %s", got)
	}
}

func TestASweepSaysWhatWasGivenUp(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 1)
	for name, batch := range map[string]string{
		"a": records(record(1, "acme", 1, "1 depleted")), "b": records(record(2, "late", 1, "1 depleted")), "c": `{"sweep":true}`,
	} {
		text, err := json.Marshal(map[string]string{"payload": batch})
		if err != nil {
			t.Fatal(err)
		}
		f.bucket.Put(name, string(text))
	}
	if got, err := f.Invoke(t.Context(), []byte(`{"sweep":true}`)); err == nil {
		t.Errorf("what fails again is answered with %s", got)
	}
	if _, found := f.bucket.Objects()["a"]; found || len(f.bucket.Objects()) != 2 || !slices.Equal(f.ids(), []string{"acme#1#balance.depleted"}) {
		t.Errorf("left are %v, said %q", f.bucket.Objects(), f.ids())
	}
	for _, payload := range []string{`{}`, `[]`, `x`, `{"Records":[]}`, `{"sweep":false}`} {
		if got, err := f.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s is answered with %s", payload, got)
		}
	}
}
