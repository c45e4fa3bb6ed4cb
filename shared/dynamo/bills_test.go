package dynamo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/money"
)

func period(n int) ledger.Command {
	start := ledgertest.Start.AddDate(0, n, 0)
	return ledger.Command{Operation: ledger.PeriodOperation("sub_1", start), Action: ledger.OpenPeriod{
		Subscription: "sub_1", Plan: "basic", Start: start, End: start.AddDate(0, 1, 0), LapseAt: start.AddDate(0, 1, 3), Credits: 10 * credit.Credit,
		Overage: ledger.Overage{Policy: ledger.Bill, Limit: 100 * credit.Credit}, OverageRate: money.Rate{PerCredit: 2 * credit.Credit, Currency: "usd"},
	}}
}

// The renewal that resets overage leaves the intent to bill it, in its own transaction.
func TestARenewalLeavesTheIntentToBill(t *testing.T) {
	client := dynamotest.NewClient(t)
	now := ledgertest.Start
	committer := committest.NewCommitter(client, func() time.Time { return now })
	accept(t, committer, "acme", ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}},
		period(0), debit("op", 10)) // of which five are beyond the period's
	if due, err := client.DueBills(t.Context(), "", 10); err != nil || len(due) > 0 {
		t.Fatalf("due before the period is over: %+v, %v", due, err)
	}
	now = ledgertest.Start.AddDate(0, 1, 0)
	accept(t, committer, "acme", period(1), period(1))
	due, err := client.DueBills(t.Context(), "", 10)
	if err != nil || len(due) != 1 || due[0].Account != "acme" || due[0].Err != nil || !due[0].At.Equal(now) {
		t.Fatalf("due %+v, %v", due, err)
	}
	if after, err := client.DueBills(t.Context(), due[0].Place, 10); err != nil || len(after) > 0 {
		t.Errorf("due after the last one: %+v, %v", after, err)
	}
	at, id := due[0].At, due[0].Bill
	bill, err := client.Bill(t.Context(), "acme", at, id)
	want := billing.Bill{
		Account: "acme", ID: fmt.Sprintf("overage:period:sub_1:%d", now.Unix()), At: now, Kind: billing.OverageBill, State: billing.BillPending,
		Amount: money.Money{Minor: 10, Currency: "usd"}, Credits: 5 * credit.Credit, Description: "basic", Seq: 4, Version: 1,
	}
	if err != nil || bill == nil || *bill != want {
		t.Errorf("bill %+v, want %+v, %v", bill, want, err)
	}
	if none, err := client.Bill(t.Context(), "acme", at.Add(time.Millisecond), id); err != nil || none != nil {
		t.Errorf("a bill that is not there: %+v, %v", none, err)
	}
	accept(t, committer, "acme", ledger.Command{Operation: ledger.EndOperation("sub_1"), Action: ledger.EndPlan{Subscription: "sub_1"}})
	if due, err := client.DueBills(t.Context(), "", 10); err != nil || len(due) != 1 {
		t.Errorf("nothing was used since, and due is %+v, %v", due, err)
	}
}

// The sweep finds accounts with automatic refill, as long as there is something to do for them.
func TestTheSweepFindsRefills(t *testing.T) {
	tables := dynamotest.NewTables(t)
	client := tables.Client
	now := ledgertest.Start
	committer := committest.NewCommitter(client, func() time.Time { return now })
	terms := ledger.SetRefill{Enabled: true, Threshold: 10 * credit.Credit, Pack: "p", Cap: money.Money{Minor: 1000, Currency: "usd"}}
	off := ledger.Command{Action: ledger.SetRefill{}}
	found := func(want ...string) {
		t.Helper()
		due, err := client.Refills(t.Context(), "", 10)
		if err != nil || !slices.Equal(due, want) {
			t.Fatalf("found %q, want %q, %v", due, want, err)
		}
	}
	for _, account := range []string{"b", "a"} {
		accept(t, committer, account, ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}},
			ledger.Command{Action: terms})
	}
	found("a", "b")
	accept(t, committer, "b", off)
	found("a")
	accept(t, committer, "a", ledger.Command{Action: ledger.StartRefill{Price: money.Money{Minor: 400, Currency: "usd"}, Credits: credit.Credit}}, off)
	found("a") // in flight still
	id := "rf_a_3"
	accept(t, committer, "a", ledger.Command{Operation: ledger.RefillOperation(id), Action: ledger.SettleRefill{ID: id, Outcome: ledger.RefillPaid}})
	found()
}

// The stream's filters see by these attributes whether an image is worth waking for.
func TestTheWalletShowsNewsAndDueRefills(t *testing.T) {
	tables := dynamotest.NewTables(t)
	now := ledgertest.Start
	committer := committest.NewCommitter(tables.Client, func() time.Time { return now })
	shows := func(after string, news, due bool) {
		t.Helper()
		out, err := tables.DB.GetItem(t.Context(), &dynamodb.GetItemInput{
			TableName: &tables.Names.Wallets, Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "A#acme#00"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		// Where there is nothing to tell, they take no byte.
		_, al := out.Item["al"]
		na, hasNews := out.Item["na"].(*types.AttributeValueMemberBOOL)
		rd, isDue := out.Item["rd"].(*types.AttributeValueMemberBOOL)
		if al != news || hasNews != news || news && !na.Value || isDue != due || due && !rd.Value {
			t.Errorf("after %s: alerts %t, news %t, refill due %t", after, al, hasNews, isDue)
		}
	}
	accept(t, committer, "acme", ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}}, grant("g", 20))
	shows("a gift", false, false)
	accept(t, committer, "acme", ledger.Command{Action: ledger.SetRefill{Enabled: true, Threshold: 10 * credit.Credit, Pack: "p", Cap: money.Money{Minor: 1000, Currency: "usd"}}})
	shows("enough is there", false, false)
	accept(t, committer, "acme", debit("op", 8))
	shows("too little is there", false, true)
	accept(t, committer, "acme", ledger.Command{Action: ledger.StartRefill{Price: money.Money{Minor: 400, Currency: "usd"}, Credits: credit.Credit}})
	shows("it flies", false, false)
	accept(t, committer, "acme", ledger.Command{Operation: ledger.PaymentOperation("pi_1"), Action: ledger.AddGrant{Amount: 1, Source: ledger.FromPurchase, Payment: "pi_1"}})
	shows("a purchase", true, false)
}
