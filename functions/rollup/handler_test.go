package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/commit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/failures/failurestest"
	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/rollup/rolluptest"
)

type fixture struct {
	t      *testing.T
	tables *dynamotest.Tables
	bucket *failurestest.Bucket
	handler
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, tables: dynamotest.NewTables(t), bucket: failurestest.New(t)}
	// Without waiting: an index that lags fails its ring at once.
	folder := &rollup.Folder{Store: f.tables.Client, Now: time.Now, Page: 100}
	f.handler = handler{folder: folder, store: f.tables.Client, failures: f.bucket.Bucket}
	return f
}

// enter opens an account with so many entries, of which one may be of a type
// that no program knows.
func (f *fixture) enter(account string, count, broken int) []ledger.Entry {
	f.t.Helper()
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit(account, int64(i+1), 0, 2)
		if i+1 == broken {
			entries[i].Detail = &ledger.Unknown{Kind: "lease"}
		}
	}
	wallet := ledger.Wallet{Account: account, Seq: int64(count), LastAt: rolluptest.Start, Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active}}
	verdict, err := f.tables.Commit(f.t.Context(), commit.Change{After: wallet, Entries: entries})
	if err != nil || !verdict.Committed {
		f.t.Fatal(verdict, err)
	}
	return entries
}

func (f *fixture) call(payload string) string {
	f.t.Helper()
	answer, err := f.Invoke(f.t.Context(), []byte(payload))
	if err != nil {
		f.t.Fatalf("%s: %v", payload, err)
	}
	return string(answer)
}

// folded fails where the account is not folded up to its entries' last.
func (f *fixture) folded(account string, entries []ledger.Entry) {
	f.t.Helper()
	sheets, err := f.tables.AllSheets(f.t.Context(), account)
	if err != nil {
		f.t.Fatal(err)
	}
	if difference := rolluptest.Difference(rolluptest.SumsIn(sheets), rolluptest.SumsOf(entries)); difference != "" {
		f.t.Errorf("%s: %s", account, difference)
	}
}

// ring is a record of the stream: an account's wallet at a seq.
func ring(sequence int, account string, seq int) string {
	return fmt.Sprintf(`{"eventID":"e%d","eventName":"MODIFY","eventSource":"aws:dynamodb","dynamodb":{"Keys":{"pk":{"S":"A#%s#00"}},`+
		`"NewImage":{"pk":{"S":"A#%[2]s#00"},"n":{"N":"%d"}},"SequenceNumber":"49590338271490256608559692538361571095921575989136588%03[1]d"}}`, sequence, account, seq)
}

func number(sequence int) string {
	return fmt.Sprintf("49590338271490256608559692538361571095921575989136588%03d", sequence)
}

func records(rings ...string) string { return `{"Records":[` + strings.Join(rings, ",") + `]}` }

func TestOnlyTheFirstRecordOfAFailingAccountComesAgain(t *testing.T) {
	f := newFixture(t)
	good, quarantined := f.enter("good", 5, 0), f.enter("bad", 4, 3)
	f.enter("late", 2, 0)
	f.enter("later", 1, 0)
	answer := f.call(records(
		ring(1, "good", 4), ring(2, "late", 2), ring(3, "bad", 4), ring(4, "late", 9), ring(5, "good", 5), ring(6, "late", 10), ring(7, "later", 2),
	))
	want := fmt.Sprintf(`{"batchItemFailures":[{"itemIdentifier":%q},{"itemIdentifier":%q}]}`, number(2), number(7))
	if answer != want {
		t.Errorf("answer %s, want %s", answer, want)
	}
	f.folded("good", good)
	f.folded("bad", quarantined[:2])
	if answer := f.call(`{"quarantined":true}`); answer != `{"quarantined":["bad"]}` {
		t.Errorf("quarantined: %s", answer)
	}
	if answer := f.call(records(ring(8, "good", 5), ring(9, "bad", 4))); answer != `{"batchItemFailures":[]}` {
		t.Errorf("delivered again: %s", answer)
	}
	f.folded("good", good)
}

func TestCallsOfAnEngineer(t *testing.T) {
	f := newFixture(t)
	entries := f.enter("acme", 5, 0)
	for _, c := range []struct{ call, answer string }{
		{`{"quarantined":true}`, `{"quarantined":[]}`},
		{`{"catch_up":"acme"}`, `{"account_id":"acme","seq":5,"folded":5,"quarantined":false}`},
		{`{"catch_up":"acme"}`, `{"account_id":"acme","seq":5,"folded":0,"quarantined":false}`},
		{`{"rebuild":"acme"}`, `{"account_id":"acme","seq":5,"folded":5,"quarantined":false}`},
		{`{"sweep":true}`, `{"swept":0}`},
	} {
		if got := f.call(c.call); got != c.answer {
			t.Errorf("%s: %s, want %s", c.call, got, c.answer)
		}
		if strings.Contains(c.call, "acme") {
			f.folded("acme", entries)
		}
	}
	f.enter("bad", 2, 1)
	if got := f.call(`{"rebuild":"bad"}`); got != `{"account_id":"bad","seq":2,"folded":0,"quarantined":true}` {
		t.Errorf("rebuilt with its bad entry: %s", got)
	}
	for _, call := range []string{`{}`, `{"sweep":false}`, `{"Records":[]}`, `{"catch_up":"nobody"}`, `{"rebuild":"nobody"}`, `[]`, `{"sweep"`} {
		if answer, err := f.Invoke(t.Context(), []byte(call)); err == nil {
			t.Errorf("%s: %s", call, answer)
		}
	}
}

// quoted is a batch as Lambda leaves it in the bucket.
func quoted(t *testing.T, batch string) string {
	t.Helper()
	text, err := json.Marshal(map[string]string{"payload": batch})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestASweepFoldsWhatWasGivenUpAndKeepsWhatFailsAgain(t *testing.T) {
	f := newFixture(t)
	one, other := f.enter("one", 3, 0), f.enter("other", 2, 0)
	f.bucket.Put("a", quoted(t, records(ring(1, "one", 3))))
	f.bucket.Put("b", quoted(t, records(ring(2, "absent", 3))))
	if err := f.bucket.Ask(t.Context(), "other", []byte(`{"catch_up":"other"}`)); err != nil {
		t.Fatal(err)
	}
	if answer, err := f.Invoke(t.Context(), []byte(`{"sweep":true}`)); err == nil {
		t.Errorf("a batch fails again, and the sweep answers %s", answer)
	}
	f.folded("one", one)
	f.folded("other", other)
	if left := slices.Sorted(maps.Keys(f.bucket.Objects())); !slices.Equal(left, []string{"b"}) {
		t.Errorf("left are %q", left)
	}
	f.enter("absent", 3, 0)
	if got := f.call(`{"sweep":true}`); got != `{"swept":1}` {
		t.Errorf("once the entries are there: %s", got)
	}
	if len(f.bucket.Objects()) != 0 {
		t.Errorf("left are %v", f.bucket.Objects())
	}
}

// More accounts than are folded at once, and none of them forgotten.
func TestABatchOfManyAccounts(t *testing.T) {
	f := newFixture(t)
	var rings []string
	for i := range 2*accountsAtOnce + 3 {
		f.enter(fmt.Sprintf("acme-%d", i), 1, 0)
		rings = append(rings, ring(i, fmt.Sprintf("acme-%d", i), 1+i%2)) // every second one rings for an entry too many
	}
	var answer struct {
		Failures []struct {
			Number string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal([]byte(f.call(records(rings...))), &answer); err != nil {
		t.Fatal(err)
	}
	for i, failure := range answer.Failures {
		if failure.Number != number(2*i+1) {
			t.Errorf("failure %d is %s", i, failure.Number)
		}
	}
	if len(answer.Failures) != accountsAtOnce+1 {
		t.Errorf("%d failures", len(answer.Failures))
	}
	for i := range rings {
		if mark, err := f.tables.Mark(context.Background(), fmt.Sprintf("acme-%d", i)); err != nil || mark.Seq != 1 {
			t.Errorf("account %d stands at %+v, %v", i, mark, err)
		}
	}
}
