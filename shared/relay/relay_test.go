package relay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/eventbus/eventbustest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
	"drawdown/shared/rollup/rolluptest"
)

type fixture struct {
	Relay
	t      *testing.T
	tables *dynamotest.Tables
	said   *eventbustest.Bus
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, tables: dynamotest.NewTables(t), said: eventbustest.New(t)}
	// Without waiting: an index that lags fails its image at once.
	f.Relay = Relay{Store: f.tables.Client, Bus: f.said.Bus}
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

// image is the news of one, with alerts written "<seq> <kind>". Its record is its
// number.
func image(number int, account string, seq int64, due bool, alerts ...string) ledger.News {
	news := ledger.News{
		Account: account, Seq: seq, LastAt: ledgertest.Start, RefillDue: due, Record: strconv.Itoa(number),
	}
	for _, alert := range alerts {
		var a ledger.Alert
		if _, err := fmt.Sscanf(alert, "%d %s", &a.Seq, &a.Kind); err != nil {
			panic(err)
		}
		news.Alerts = append(news.Alerts, a)
	}
	return news
}

func (f *fixture) say(news ...ledger.News) []string { return f.Say(f.t.Context(), news) }

// ids are those of what was published, internal messages as they are.
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

func TestNewsAreSaidWithTheEntrysBalance(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 5)
	f.enter("a.b:c", 2)
	again := f.say(
		image(1, "acme", 3, false, "2 low_balance", "3 depleted"), image(2, "acme", 4, true), image(3, "a.b:c", 2, false, "2 overage_started"),
		image(4, "acme", 5, true, "5 overage_limit"),
	)
	if len(again) > 0 {
		t.Errorf("again: %q", again)
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
// crosses nothing: each crossing is published once, with the entry that raised it
// and the balance after that entry, though there is one image of them all. A
// repeated image publishes the same again.
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
	crossings := image(1, "acme", wallet.Seq, false, alerts...)
	want := []string{
		"acme#3#balance.low 3/0", "acme#4#balance.depleted 0/0", "acme#6#balance.low 3/0", "acme#7#balance.depleted 0/0",
		"acme#9#balance.depleted 0/3", "acme#9#overage.started 0/3", "acme#9#overage.limit_reached 0/3",
	}
	for try := 1; try <= 2; try++ {
		if again := f.say(crossings); len(again) > 0 {
			t.Errorf("again: %q", again)
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

// What fails is retried, and what is published twice has the same id.
func TestOnlyWhatCouldNotBeSaidComesAgain(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 3)
	batch := []ledger.News{
		image(1, "acme", 1, false, "1 low_balance"),
		image(2, "acme", 2, false, "2 low_balance", "2 depleted"),
		image(3, "late", 7, true, "7 low_balance"), // its entry is not in the index yet
		image(4, "acme", 3, false, "3 a_newer_kind", "3 depleted"),
	}
	f.said.Refuse(func(s eventbustest.Said) bool { return strings.Contains(s.Detail, "acme#2#balance.depleted") })
	if got, want := f.say(batch...), []string{"2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("again %q, want %q", got, want)
	}
	want := []string{
		"acme#1#balance.low", "acme#2#balance.low", `drawdown.internal.refill_due {"account_id":"late","seq":7}`, "acme#3#balance.depleted",
	}
	if got := f.ids(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	f.said.Refuse(nil)
	f.enter("late", 7)
	if got, want := f.say(batch...), []string{"4"}; !slices.Equal(got, want) {
		t.Errorf("the second time %q, want %q", got, want)
	}
	again := f.ids()[len(want):]
	if !slices.Contains(again, "acme#2#balance.depleted") || !slices.Contains(again, "late#7#balance.low") {
		t.Errorf("again said %q", again)
	}
	f.said.Break(true)
	if got, want := f.say(batch...), []string{"1", "2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("with no bus %q, want %q", got, want)
	}
}

func TestTheIndexIsWaitedFor(t *testing.T) {
	f := newFixture(t)
	f.enter("acme", 1)
	f.IndexWait = 5 * time.Second
	done := make(chan []string)
	go func() { done <- f.say(image(1, "late", 2, false, "2 depleted")) }()
	time.Sleep(50 * time.Millisecond)
	f.enter("late", 2)
	if again := <-done; len(again) > 0 {
		t.Errorf("again: %q", again)
	}
}

// More than one request takes, of more accounts than are read at once.
func TestABatchOfManyAccounts(t *testing.T) {
	f := newFixture(t)
	var all []ledger.News
	for i := range 2*readsAtOnce + 3 {
		account := fmt.Sprintf("acme-%d", i)
		f.enter(account, 1)
		all = append(all, image(i+1, account, 1, false, "1 depleted"))
	}
	if again := f.say(all...); len(again) > 0 {
		t.Errorf("again: %q", again)
	}
	if got := len(f.ids()); got != len(all) || f.said.Requests() != (len(all)+9)/10 {
		t.Errorf("%d said in %d requests", got, f.said.Requests())
	}
}
