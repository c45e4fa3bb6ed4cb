package dynamo_test

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

var atNoon = time.Date(2026, 11, 23, 12, 0, 0, 7_000_000, time.UTC)

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }

func aPlan(id string) billing.Plan {
	return billing.Plan{
		ID: id, Name: "Pro", Description: "For teams", Price: usd(2000), Interval: billing.Monthly, IncludedCredits: 1000 * credit.Credit,
		Overage: ledger.Overage{Policy: ledger.Bill, Limit: 500 * credit.Credit}, OveragePrice: 1_500_000, Rollover: 7, Active: true,
		ProductID: "drawdown_plan_pro", PriceID: "price_1", UpdatedAt: atNoon,
	}
}

func TestPlansAndPacksAreKeptWhole(t *testing.T) {
	client := dynamotest.NewClient(t)
	if plan, err := client.Plan(t.Context(), "pro"); plan != nil || err != nil {
		t.Fatalf("before there is one: %+v, %v", plan, err)
	}
	full := aPlan("pro")
	bare := billing.Plan{ID: "free", Name: "Free", Price: usd(0), Interval: billing.Yearly, Overage: ledger.Overage{Policy: ledger.Block}, UpdatedAt: atNoon}
	for _, plan := range []billing.Plan{full, bare} {
		if saved, err := client.SavePlan(t.Context(), plan, time.Time{}); !saved || err != nil {
			t.Fatalf("%s: %v, %v", plan.ID, saved, err)
		}
		if got, err := client.Plan(t.Context(), plan.ID); err != nil || !reflect.DeepEqual(*got, plan) {
			t.Errorf("got %+v, %v; want %+v", got, err, plan)
		}
	}
	pack := billing.Pack{
		ID: "p500", Name: "500", Description: "d", Price: usd(500), Credits: 500 * credit.Credit, ValidityDays: 365, Active: true,
		ProductID: "prod", PriceID: "price", UpdatedAt: atNoon,
	}
	if saved, err := client.SavePack(t.Context(), pack, time.Time{}); !saved || err != nil {
		t.Fatal(saved, err)
	}
	plans, err := client.Plans(t.Context())
	packs, err2 := client.Packs(t.Context())
	if err != nil || err2 != nil || !reflect.DeepEqual(plans, []billing.Plan{bare, full}) || !reflect.DeepEqual(packs, []billing.Pack{pack}) {
		t.Errorf("got %+v and %+v, %v %v", plans, packs, err, err2)
	}
	if got, err := client.Pack(t.Context(), "p500"); err != nil || *got != pack {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAStandingIsKeptWhole(t *testing.T) {
	client := dynamotest.NewClient(t)
	full := billing.Standing{
		Subscription: billing.Subscription{
			ID: "sub_1", Account: "acme", Customer: "cus_1", PlanID: "pro", PriceID: "price_1", Price: money.Money{Minor: 4900, Currency: "usd"}, Status: billing.SubscriptionPastDue,
			Anchor: atNoon, PeriodStart: atNoon, PeriodEnd: atNoon.AddDate(0, 1, 0), CancelAtPeriodEnd: true, EndedAt: atNoon,
		},
		NextPlan: "basic", InvoiceID: "in_1", PayURL: "https://pay.example.com/1",
	}
	if got, err := client.Standing(t.Context(), "acme"); got != nil || err != nil {
		t.Fatalf("before there is one: %+v, %v", got, err)
	}
	if saved, err := client.SaveStanding(t.Context(), full, atNoon); !saved || err != nil {
		t.Fatal(saved, err)
	}
	full.Version = 1
	if got, err := client.Standing(t.Context(), "acme"); err != nil || *got != full {
		t.Errorf("got %+v, %v; want %+v", got, err, full)
	}
	ended := billing.Standing{Subscription: billing.Subscription{ID: "sub_1", Account: "acme", PlanID: "pro", Status: billing.SubscriptionEnded}, Version: 1}
	due := func() int {
		items, err := client.DueRenewals(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			if item.Account != "acme" || item.Bill != "" || !item.At.Equal(atNoon) || item.Err != nil {
				t.Errorf("due is %+v", item)
			}
		}
		return len(items)
	}
	if n := due(); n != 1 {
		t.Errorf("%d are due, want 1", n)
	}
	if saved, err := client.SaveStanding(t.Context(), ended, time.Time{}); !saved || err != nil {
		t.Fatal(saved, err)
	}
	if n := due(); n != 0 {
		t.Errorf("%d are due that have ended", n)
	}
}

// Of many that replace the same version just one does, whatever it is a version of.
func TestOneWriterReplacesAVersion(t *testing.T) {
	client := dynamotest.NewClient(t)
	for name, save := range map[string]func(writer int, version int64) (bool, error){
		"standing": func(writer int, version int64) (bool, error) {
			return client.SaveStanding(t.Context(), billing.Standing{
				Subscription: billing.Subscription{ID: fmt.Sprint("sub_", writer), Account: "acme"}, Version: version}, atNoon)
		},
		"bill": func(writer int, version int64) (bool, error) {
			return client.SaveBill(t.Context(), billing.Bill{Account: "acme", ID: "pi_1", At: atNoon, Reason: fmt.Sprint(writer), Version: version})
		},
		"claim": func(writer int, version int64) (bool, error) {
			return client.SaveClaim(t.Context(), billing.Claim{Account: "acme", Key: "k", Hash: fmt.Sprint(writer), Version: version})
		},
		"plan": func(writer int, version int64) (bool, error) {
			plan, before := aPlan("pro"), time.Time{}
			plan.Name, plan.UpdatedAt = fmt.Sprint(writer), atNoon.Add(time.Duration(version+1)*time.Millisecond)
			if version > 0 {
				before = atNoon.Add(time.Duration(version) * time.Millisecond)
			}
			return client.SavePlan(t.Context(), plan, before)
		},
	} {
		for version := range int64(3) {
			var won atomic.Int32
			var all sync.WaitGroup
			for writer := range 8 {
				all.Go(func() {
					saved, err := save(writer, version)
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if saved {
						won.Add(1)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d writers have replaced version %d", name, won.Load(), version)
			}
		}
	}
}

func TestTheHistoryIsReadInPagesFromItsEnd(t *testing.T) {
	client := dynamotest.NewClient(t)
	var want []string
	for i := range 7 {
		bill := billing.Bill{
			Account: "acme", ID: fmt.Sprint("in_", i), At: atNoon.Add(time.Duration(i/2) * time.Second), Kind: billing.PlanBill,
			State: billing.BillPaid, Amount: usd(int64(i)), Credits: 5, Description: "Pro", ReceiptURL: "u", Payment: "pi", Invoice: "in", Seq: 3, Reason: "r",
		}
		if saved, err := client.SaveBill(t.Context(), bill); !saved || err != nil {
			t.Fatal(saved, err)
		}
		bill.Version = 1
		if got, err := client.Bill(t.Context(), "acme", bill.At, bill.ID); err != nil || *got != bill {
			t.Errorf("got %+v, %v; want %+v", got, err, bill)
		}
		want = append(want, bill.ID)
	}
	if _, err := client.SaveBill(t.Context(), billing.Bill{Account: "acme2", ID: "in_0", At: atNoon}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SaveStanding(t.Context(), billing.Standing{Subscription: billing.Subscription{ID: "s", Account: "acme"}}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want)
	var got []string
	for after := (billing.BillPlace{}); ; {
		page, err := client.Bills(t.Context(), "acme", after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, bill := range page {
			got = append(got, bill.ID)
			after = billing.BillPlace{At: bill.At, ID: bill.ID}
		}
		if len(page) < 3 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// An overage is swept until its invoice is there.
func TestAnOverageIsDueUntilItsInvoiceIsThere(t *testing.T) {
	client := dynamotest.NewClient(t)
	bill := billing.Bill{Account: "acme", ID: "overage:end:sub_1", At: atNoon, Kind: billing.OverageBill, State: billing.BillPending, Amount: usd(5)}
	for _, step := range []struct {
		invoice string
		due     int
	}{{"", 1}, {"", 1}, {"in_1", 0}} {
		bill.Invoice = step.invoice
		if saved, err := client.SaveBill(t.Context(), bill); !saved || err != nil {
			t.Fatal(saved, err)
		}
		bill.Version++
		due, err := client.DueBills(t.Context(), "", 10)
		if err != nil || len(due) != step.due {
			t.Fatalf("with the invoice %q: %+v, %v", step.invoice, due, err)
		}
		for _, d := range due {
			if d.Err != nil || d.Account != "acme" || d.Bill != bill.ID || !d.At.Equal(bill.At) {
				t.Errorf("due is %+v", d)
			}
		}
	}
}

func TestAnAccountHasOneCustomer(t *testing.T) {
	client := dynamotest.NewClient(t)
	if customer, err := client.Customer(t.Context(), "acme"); customer != "" || err != nil {
		t.Fatalf("before there is one: %q, %v", customer, err)
	}
	for _, made := range []string{"cus_1", "cus_2", "cus_1"} {
		if kept, err := client.SaveCustomer(t.Context(), "acme", made); kept != "cus_1" || err != nil {
			t.Errorf("%s is kept as %q, %v", made, kept, err)
		}
	}
	if customer, err := client.Customer(t.Context(), "acme"); customer != "cus_1" || err != nil {
		t.Errorf("got %q, %v", customer, err)
	}
}

func TestAClaimIsKeptWhole(t *testing.T) {
	client := dynamotest.NewClient(t)
	claim := billing.Claim{Account: "acme", Key: "a%23b", Hash: "h", At: atNoon, URL: "https://pay.example.com", Try: 2}
	if saved, err := client.SaveClaim(t.Context(), claim); !saved || err != nil {
		t.Fatal(saved, err)
	}
	claim.Version = 1
	if got, err := client.Claim(t.Context(), "acme", "a%23b"); err != nil || *got != claim {
		t.Errorf("got %+v, %v; want %+v", got, err, claim)
	}
	if got, err := client.Claim(t.Context(), "acme2", "a%23b"); got != nil || err != nil {
		t.Errorf("another account's: %+v, %v", got, err)
	}
}

func TestRefillsAreListedByAccount(t *testing.T) {
	client := dynamotest.NewClient(t)
	set := func(account string, on bool) {
		accept(t, committest.NewCommitter(client, atStart), account, ledger.Command{Action: ledger.SetRefill{
			Enabled: on, Threshold: credit.Credit, Pack: "p", Cap: usd(100)}})
	}
	for _, account := range []string{"c", "a", "b", "d"} {
		accept(t, committest.NewCommitter(client, atStart), account, configure(account))
		set(account, true)
	}
	set("b", false)
	for after, want := range map[string][]string{"": {"a", "c"}, "a": {"c", "d"}, "c": {"d"}, "d": nil} {
		got, err := client.Refills(t.Context(), after, 2)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("after %q: %v, %v; want %v", after, got, err, want)
		}
	}
}
