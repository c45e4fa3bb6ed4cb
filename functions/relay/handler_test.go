package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/eventbus/eventbustest"
	"drawdown/shared/failures/failurestest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
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
	f.handler = handler{store: f.tables.Client, bus: f.said.Bus, failures: f.bucket.Bucket}
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
func record(sequence int, account string, seq int, due bool, alerts ...string) string {
	var list []string
	for _, alert := range alerts {
		of, kind, _ := strings.Cut(alert, " ")
		list = append(list, fmt.Sprintf(`{"M":{"n":{"N":%q},"k":{"S":%q}}}`, of, kind))
	}
	image := fmt.Sprintf(`"pk":{"S":"A#%s#00"},"n":{"N":"%d"},"la":{"N":"1795514400000"},"g":{"L":[{"M":{"i":{"S":"g1"}}}]}`, account, seq)
	if len(list) > 0 {
		image += `,"al":{"L":[` + strings.Join(list, ",") + `]}`
	}
	if due {
		image += `,"rd":{"BOOL":true}`
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

// ids are those of what was said, internal messages as they are.
func (f *fixture) ids() []string {
	f.t.Helper()
	var ids []string
	for _, said := range f.said.Said() {
		if events.Type(said.DetailType).Internal() {
			ids = append(ids, said.DetailType+" "+said.Detail)
			continue
		}
		message, err := events.Decode([]byte(said.Detail))
		if err != nil || string(message.Type) != said.DetailType {
			f.t.Errorf("said %+v, %v", said, err)
		}
		ids = append(ids, message.ID)
	}
	return ids
}

const clean = `{"batchItemFailures":[]}`

func TestNewsAreSaidWithTheEntrysBalance(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 5)
	f.enter("a.b:c", 2)
	answer := f.call(records(
		record(1, "acme", 3, false, "2 low_balance", "3 depleted"), record(2, "acme", 4, true), record(3, "a.b:c", 2, false, "2 overage_started"),
		record(4, "acme", 5, true, "5 overage_limit"),
		`{"eventName":"REMOVE","dynamodb":{"Keys":{"pk":{"S":"A#gone#00"}},"SequenceNumber":"5"}}`,
		record(6, "acme", 5, false),
	))
	if answer != clean {
		t.Errorf("answer %s", answer)
	}
	want := []string{
		"acme#2#balance.low", "acme#3#balance.depleted", "a.b:c#2#overage.started", "acme#5#overage.limit_reached",
		`drawdown.internal.refill_due {"account_id":"acme","seq":5}`,
	}
	if got := f.ids(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	message, err := events.Decode([]byte(f.said.Said()[0].Detail))
	after, _ := message.Data.(*events.Balance)
	if err != nil || message.Seq != 2 || message.AccountID != "acme" || after == nil || *after != (events.Balance{Available: "99", OverageUsed: "0"}) {
		t.Errorf("the message is %+v, %v", message, err)
	}
	if f.said.Requests() != 1 {
		t.Errorf("%d requests", f.said.Requests())
	}
}

// A batch that falls, is granted to, falls again and ends with a debit that
// crosses nothing: each crossing is said once, of the entry that made it and with
// the balance after that entry, though there is one image of them all. The image
// that comes twice says the same again.
func TestEveryCrossingOfABatchIsSaid(t *testing.T) {
	f := newFixture(t)
	committer := committest.NewCommitter(f.tables.Client, func() time.Time { return ledgertest.Start })
	grant := func(credits credit.Amount) ledger.Action {
		return ledger.AddGrant{Amount: credits * credit.Credit, Source: ledger.FromPromo}
	}
	debit := func(credits credit.Amount) ledger.Action { // an AI reply takes one and a half
		lines := []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: credits * credit.Credit * 2 / 3}}
		return ledger.Debit{Agent: ledger.Agent{ID: "a1"}, Channel: "api", Lines: lines}
	}
	settings := ledger.Settings{
		Name: "Acme", Zone: "UTC", Status: ledger.Active, LowBalance: 5 * credit.Credit,
		Overage: &ledger.Overage{Policy: ledger.Bill, Limit: 3 * credit.Credit},
	}
	commands := []ledger.Command{{Action: ledger.Configure{Settings: settings}}} // which goes alone
	for i, action := range []ledger.Action{
		grant(9), debit(6), debit(3), grant(12), debit(9), debit(3), grant(3), debit(6), debit(0),
	} {
		commands = append(commands, ledger.Keyed(ledger.OperationID(fmt.Sprintf("op-%d", i)), action))
	}
	for _, outcome := range committer.Run(t.Context(), "acme", commands...) {
		if outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
	wallet, err := f.tables.Wallet(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, alert := range wallet.Alerts {
		alerts = append(alerts, fmt.Sprintf("%d %s", alert.Seq, alert.Kind))
	}
	image := record(1, "acme", int(wallet.Seq), false, alerts...)
	want := []string{
		"acme#3#balance.low 3/0", "acme#4#balance.depleted 0/0", "acme#6#balance.low 3/0", "acme#7#balance.depleted 0/0",
		"acme#9#balance.depleted 0/3", "acme#9#overage.started 0/3", "acme#9#overage.limit_reached 0/3",
	}
	for try := 1; try <= 2; try++ {
		if got := f.call(records(image)); got != clean {
			t.Errorf("answer %s", got)
		}
		var said []string
		for _, each := range f.said.Said()[(try-1)*len(want):] {
			message, err := events.Decode([]byte(each.Detail))
			after, _ := message.Data.(*events.Balance)
			if err != nil || after == nil {
				t.Fatalf("said %+v, %v", each, err)
			}
			said = append(said, fmt.Sprintf("%s %s/%s", message.ID, after.Available, after.OverageUsed))
		}
		if !slices.Equal(said, want) {
			t.Fatalf("time %d: said %q, want %q", try, said, want)
		}
	}
}

// What fails comes again, and what is said twice has the same id.
func TestOnlyWhatCouldNotBeSaidComesAgain(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 3)
	batch := records(
		record(1, "acme", 1, false, "1 low_balance"),
		record(2, "acme", 2, false, "2 low_balance", "2 depleted"),
		record(3, "late", 7, true, "7 low_balance"), // its entry is not in the index yet
		record(4, "acme", 3, false, "3 a_newer_kind", "3 depleted"),
	)
	f.said.Refuse(func(s eventbustest.Said) bool { return strings.Contains(s.Detail, "acme#2#balance.depleted") })
	failing := func(numbers ...int) string {
		var items []string
		for _, number := range numbers {
			items = append(items, fmt.Sprintf(`{"itemIdentifier":"%d"}`, number))
		}
		return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
	}
	if got, want := f.call(batch), failing(2, 3, 4); got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
	want := []string{
		"acme#1#balance.low", "acme#2#balance.low", `drawdown.internal.refill_due {"account_id":"late","seq":7}`, "acme#3#balance.depleted",
	}
	if got := f.ids(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	f.said.Refuse(nil)
	f.enter("late", 7)
	if got, want := f.call(batch), failing(4); got != want {
		t.Errorf("again: %s, want %s", got, want)
	}
	again := f.ids()[len(want):]
	if !slices.Contains(again, "acme#2#balance.depleted") || !slices.Contains(again, "late#7#balance.low") {
		t.Errorf("again said %q", again)
	}
	f.said.Break(true)
	if got, want := f.call(batch), failing(1, 2, 3, 4); got != want {
		t.Errorf("with no bus: %s, want %s", got, want)
	}
}

func TestTheIndexIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 1)
	f.indexWait = 5 * time.Second
	done := make(chan string)
	go func() { done <- f.call(records(record(1, "late", 2, false, "2 depleted"))) }()
	time.Sleep(50 * time.Millisecond)
	f.enter("late", 2)
	if got := <-done; got != clean {
		t.Errorf("answer %s", got)
	}
}

// More than one request takes, of more accounts than are read at once.
func TestABatchOfManyAccounts(t *testing.T) {
	f := newFixture(t)
	var all []string
	for i := range 2*readsAtOnce + 3 {
		account := fmt.Sprintf("acme-%d", i)
		f.enter(account, 1)
		all = append(all, record(i+1, account, 1, false, "1 depleted"))
	}
	if got := f.call(records(all...)); got != clean {
		t.Errorf("answer %s", got)
	}
	if got := len(f.ids()); got != len(all) || f.said.Requests() != (len(all)+9)/10 {
		t.Errorf("%d said in %d requests", got, f.said.Requests())
	}
}

func TestASweepSaysWhatWasGivenUp(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 1)
	for name, batch := range map[string]string{
		"a": records(record(1, "acme", 1, false, "1 depleted")), "b": records(record(2, "late", 1, false, "1 depleted")), "c": `{"sweep":true}`,
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
