package ledger_test

import (
	"slices"
	"testing"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

const month = 30 * day

var (
	cent     = money.Rate{PerCredit: credit.Credit, Currency: "usd"} // a cent a credit
	billable = ledger.Overage{Policy: ledger.Bill, Limit: 20 * credit.Credit}
)

// periodOf is the n-th period of sub_1, of 10 credits.
func periodOf(n int, changes ...func(*ledger.OpenPeriod)) ledger.OpenPeriod {
	start := noon.Add(time.Duration(n) * month)
	open := ledger.OpenPeriod{
		Subscription: "sub_1", Plan: "basic", Start: start, End: start.Add(month), LapseAt: start.Add(month + 3*day),
		Credits: 10 * credit.Credit, Overage: billable, OverageRate: cent, Payment: "pi_1",
	}
	for _, change := range changes {
		change(&open)
	}
	return open
}

func rollover(credits credit.Amount) func(*ledger.OpenPeriod) {
	return func(o *ledger.OpenPeriod) { o.Rollover = credits * credit.Credit }
}

func (a *account) open(now time.Time, open ledger.OpenPeriod) *ledger.Entry {
	a.Helper()
	return a.accept(ledger.Command{Operation: ledger.PeriodOperation(open.Subscription, open.Start), Action: open}, now)
}

func (a *account) owes(credits credit.Amount) {
	a.Helper()
	if a.wallet.Owed != credits*credit.Credit {
		a.Fatalf("owes %s, want %d", a.wallet.Owed, credits)
	}
}

func TestAPeriodGrantsItsCreditsOnce(t *testing.T) {
	a := open(t)
	entry := a.open(noon, periodOf(0))
	a.holds(part("g2", 10))
	want := ledger.Terms{Source: ledger.FromPlan, Priority: ledger.PlanPriority, EffectiveAt: noon, ExpiresAt: noon.Add(month + 3*day)}
	if got := ledger.DetailOf[*ledger.Renewal](entry).Issue; got.Grant.Terms != want || got.Payment != "pi_1" || entry.Credits != 10*credit.Credit {
		t.Errorf("granted %+v, want %+v", got, want)
	}
	if !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.PeriodRenewed}) {
		t.Errorf("alerts %v", entry.Alerts)
	}
	if entry := a.open(noon, periodOf(0)); entry != nil {
		t.Errorf("opened twice: %+v", entry)
	}
	if entry := a.open(noon, periodOf(-1)); entry != nil {
		t.Errorf("a stale period was opened: %+v", entry)
	}
	if plan := a.wallet.Plan; plan.Plan != "basic" || !plan.Start.Equal(noon) || plan.Included != 10*credit.Credit {
		t.Errorf("plan %+v", plan)
	}
}

func TestARenewalEndsWhatThePlanLeft(t *testing.T) {
	a := open(t)
	bought := a.grant(noon, 7)
	a.open(noon, periodOf(0, rollover(4)))
	a.debit(noon, "d", 3) // the plan's burn first
	a.holds(part(bought, 7), part("g3", 7))
	entry := a.open(noon.Add(month), periodOf(1, rollover(100)))
	// By the rule of the plan that ends, not of the one that begins.
	a.holds(part(bought, 7), part("g5", 4), part("g5.1", 10))
	if r := ledger.DetailOf[*ledger.Renewal](entry); r.Carried != 4*credit.Credit || !slices.Equal(r.Ended, []ledger.Part{{GrantID: "g3", Credits: 7 * credit.Credit}}) {
		t.Errorf("renewal %+v", r)
	}
	a.open(noon.Add(2*month), periodOf(2)) // now by the second one's
	a.holds(part(bought, 7), part("g6", 14), part("g6.1", 10))
	a.open(noon.Add(3*month), periodOf(3))
	a.holds(part(bought, 7), part("g7", 10))
}

func TestAnotherSubscriptionCarriesNothingOver(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0, rollover(100)))
	a.open(noon, periodOf(0, func(o *ledger.OpenPeriod) { o.Subscription = "sub_2" }))
	a.holds(part("g3", 10))
	if a.wallet.Plan.Subscription != "sub_2" {
		t.Errorf("plan %+v", a.wallet.Plan)
	}
}

func TestLatePeriodsAreOpenedOneAfterAnother(t *testing.T) {
	a := open(t)
	late := noon.Add(10 * month)
	for n := range 4 {
		entry := a.open(late, periodOf(n, rollover(3)))
		if n > 0 && ledger.DetailOf[*ledger.Renewal](entry).Carried != 3*credit.Credit {
			t.Errorf("period %d: %+v", n, ledger.DetailOf[*ledger.Renewal](entry))
		}
	}
	a.holds(part("g5", 3), part("g5.1", 10))
	// Their credits would have lapsed long ago; they were paid for all the same.
	if expires := a.wallet.Grants[1].ExpiresAt; !expires.Equal(late.Add(month)) {
		t.Errorf("credits lapse at %s", expires)
	}
}

func TestARenewalBillsOverageAtTheOldRate(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0))
	a.debit(noon, "d", 15)
	if a.wallet.OverageUsed != 5*credit.Credit {
		t.Fatalf("overage used %s", a.wallet.OverageUsed)
	}
	entry := a.open(noon.Add(month), periodOf(1, func(o *ledger.OpenPeriod) { o.OverageRate = money.Rate{PerCredit: 9 * credit.Credit, Currency: "usd"} }))
	bill, due := entry.Bill()
	want := ledger.OverageBill{Subscription: "sub_1", Plan: "basic", Billed: 5 * credit.Credit, Price: money.Money{Minor: 5, Currency: "usd"}}
	if !due || bill != want || a.wallet.OverageUsed != 0 {
		t.Errorf("billed %+v (%t), used %s", bill, due, a.wallet.OverageUsed)
	}
	if bill, due := a.open(noon.Add(2*month), periodOf(2)).Bill(); due {
		t.Errorf("nothing was used, and billed %+v", bill)
	}
}

func TestWithoutAPlanOverageIsClosedAndNotBilled(t *testing.T) {
	a := open(t, overage(5*credit.Credit))
	a.debit(noon, "d", 5)
	bill, due := a.open(noon, periodOf(0)).Bill()
	if due || bill.Billed != 5*credit.Credit || a.wallet.OverageUsed != 0 {
		t.Errorf("billed %+v (%t)", bill, due)
	}
}

func TestTheAccountsOwnOverageWins(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0))
	if got := a.wallet.Overage(); got != billable {
		t.Errorf("of the plan %+v", got)
	}
	a.configure(noon, overage(1))
	if got := a.wallet.Overage(); got.Limit != 1 {
		t.Errorf("the account's own %+v", got)
	}
}

func changeTo(plan string, included credit.Amount, rate money.Rate) ledger.ChangePlan {
	return ledger.ChangePlan{Subscription: "sub_1", Plan: plan, Included: included * credit.Credit, Overage: billable, OverageRate: rate, Payment: "pi_2"}
}

func TestAChangeGrantsTheDifferenceOfWhatIsLeft(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0))
	change := changeTo("pro", 40, cent)
	change.At = noon.Add(month / 3)
	entry := a.accept(ledger.Command{Operation: ledger.ChangeOperation("in_1"), Action: change}, change.At)
	a.holds(part("g2", 10), part("g3", 20))
	if got := ledger.DetailOf[*ledger.PlanChange](entry).Issue.Grant.ExpiresAt; !got.Equal(noon.Add(month + 3*day)) {
		t.Errorf("lapses at %s", got)
	}
	if plan := a.wallet.Plan; plan.Plan != "pro" || plan.Included != 40*credit.Credit || !plan.Start.Equal(noon) || ledger.DetailOf[*ledger.PlanChange](entry).From != "basic" {
		t.Errorf("plan %+v from %q", plan, ledger.DetailOf[*ledger.PlanChange](entry).From)
	}
	if !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.PlanChanged}) {
		t.Errorf("alerts %v", entry.Alerts)
	}
	if again := a.accept(ledger.Command{Action: change}, change.At); again != nil {
		t.Errorf("the same plan again: %+v", again)
	}
	// Less is not taken away.
	a.accept(ledger.Command{Action: changeTo("basic", 10, cent)}, change.At)
	a.holds(part("g2", 10), part("g3", 20))
	other := change
	other.Subscription = "sub_2"
	if entry := a.accept(ledger.Command{Action: other}, noon); entry != nil {
		t.Errorf("another subscription's plan was changed: %+v", entry)
	}
}

// A fraction of the smallest unit is dropped, whether a half, less or more.
func TestSharesAreRoundedDown(t *testing.T) {
	for _, c := range []struct {
		more        credit.Amount // in micro-credits
		left, parts int64         // of the period, so many halves or thirds
		want        credit.Amount
	}{
		{1, 1, 2, 0}, {3, 1, 2, 1}, {5, 1, 2, 2}, // exact halves
		{1, 1, 3, 0}, {1, 2, 3, 0}, {2, 2, 3, 1}, {4, 2, 3, 2}, {3, 2, 3, 2},
	} {
		a := open(t)
		a.open(noon, periodOf(0))
		change := changeTo("pro", 10, cent)
		change.Included += c.more
		change.At = noon.Add(month - time.Duration(int64(month)/c.parts*c.left))
		entry := a.accept(ledger.Command{Operation: ledger.ChangeOperation("in_1"), Action: change}, change.At)
		if entry.Credits != c.want {
			t.Errorf("%d/%d of %d micro-credits are %d, want %d", c.left, c.parts, c.more, entry.Credits, c.want)
		}
	}
	// Of the least amount the first of a debit's two equal lines gets a half: nothing.
	a := open(t)
	a.grant(noon, 10)
	debit := whole(1)
	debit.Lines = append(debit.Lines, debit.Lines[0])
	a.accept(ledger.Keyed("d", debit), noon)
	least := credit.Micro
	lines := ledger.DetailOf[*ledger.Reversal](a.accept(ledger.Command{Action: ledger.ReverseDebit{Of: "d", Credits: &least}}, noon)).Lines
	if len(lines) != 2 || lines[0].Credits != 0 || lines[1].Credits != least {
		t.Errorf("the lines got %+v", lines)
	}
}

func TestAChangeOfPriceBillsWhatWasUsedBefore(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0))
	a.debit(noon, "d", 15)
	if bill, due := a.accept(ledger.Command{Action: changeTo("same price", 10, cent)}, noon).Bill(); due {
		t.Errorf("billed %+v", bill)
	}
	dear := money.Rate{PerCredit: 9 * credit.Credit, Currency: "usd"}
	bill, due := a.accept(ledger.Command{Action: changeTo("dear", 10, dear)}, noon).Bill()
	if !due || bill.Price.Minor != 5 || bill.Plan != "same price" || a.wallet.OverageUsed != 0 {
		t.Errorf("billed %+v (%t)", bill, due)
	}
}

func TestAnEndEndsThePlansCredits(t *testing.T) {
	a := open(t)
	bought := a.grant(noon, 7)
	a.open(noon, periodOf(0, rollover(100)))
	a.debit(noon, "d", 20)
	a.grant(noon, 1)
	if entry := a.accept(ledger.Command{Action: ledger.EndPlan{Subscription: "sub_2"}}, noon); entry != nil {
		t.Errorf("another subscription ended the plan: %+v", entry)
	}
	entry := a.accept(ledger.Command{Operation: ledger.EndOperation("sub_1"), Action: ledger.EndPlan{Subscription: "sub_1"}}, noon)
	if bill, due := entry.Bill(); !due || bill.Price.Minor != 3 || bill.Subscription != "sub_1" {
		t.Errorf("billed %+v (%t) after %s", bill, due, bought)
	}
	a.holds(part("g5", 1))
	if a.wallet.Plan != nil || a.wallet.OverageUsed != 0 {
		t.Errorf("wallet %+v", a.wallet)
	}
}

func TestOwedIsPaidFirst(t *testing.T) {
	a := open(t)
	a.accept(ledger.Command{Operation: ledger.PaymentOperation("pi_1"), Action: grantOf(10)}, noon)
	a.debit(noon, "d", 8)
	a.takeBack(noon, 10)
	a.owes(8)
	// Each kind of grant pays, and one that pays with all it has is not opened.
	entry := a.accept(ledger.Command{Action: grantOf(3)}, noon)
	a.holds()
	a.owes(5)
	if issue := ledger.DetailOf[*ledger.Issue](entry); issue.Owed != 3*credit.Credit || issue.Grant.Remaining != 0 || entry.Credits != 3*credit.Credit || entry.Change != 0 {
		t.Errorf("issue %+v, entry %+v", issue, entry)
	}
	renewed := a.open(noon, periodOf(0, func(o *ledger.OpenPeriod) { o.Credits = 2 * credit.Credit }))
	a.owes(3)
	if ledger.DetailOf[*ledger.Renewal](renewed).Issue.Owed != 2*credit.Credit {
		t.Errorf("renewal %+v", ledger.DetailOf[*ledger.Renewal](renewed).Issue)
	}
	change := changeTo("pro", 10, cent)
	change.Credits = credit.Credit
	a.accept(ledger.Command{Action: change}, noon)
	a.owes(2)
	a.setRefill(noon, 100)
	a.settle(noon, a.start(noon), ledger.RefillPaid) // of 5 credits
	a.owes(0)
	a.holds(part(a.wallet.Grants[0].ID, 3))
}

func TestWhatIsPaidForFindsAPlace(t *testing.T) {
	a := open(t)
	for range 50 {
		a.grant(noon, 1)
	}
	a.refuse(fault.TooManyGrants, grantOf(1), noon)
	paid := grantOf(1)
	paid.Source, paid.Payment = ledger.FromPurchase, "pi_1"
	for range 60 - 50 - 2 {
		a.accept(ledger.Command{Action: paid}, noon)
	}
	a.open(noon, periodOf(0))
	a.setRefill(noon, 1000)
	a.settle(noon, a.start(noon), ledger.RefillPaid)
	if len(a.wallet.Grants) != 60 {
		t.Fatalf("%d grants", len(a.wallet.Grants))
	}
	a.refuse(fault.TooManyGrants, paid, noon)
}

// Where more grants would have to be drawn than an entry holds, there are credits
// but they cannot be had at once: overage is not billed instead.
func TestADebitDrawsAtMostFiftyGrants(t *testing.T) {
	a := open(t, overage(100*credit.Credit))
	paid := grantOf(1)
	paid.Payment = "pi_1"
	for range 50 + 2 {
		a.accept(ledger.Command{Action: paid}, noon)
	}
	refused := a.refuse(fault.InsufficientCredits, whole(51), noon)
	for name, want := range map[string]string{"required": "51", "available": "50", "shortfall": "1"} {
		if got := field(refused, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	quote, err := ledger.Quote(ledger.State{Account: "acme", Wallet: a.wallet, Book: book, Rules: rules}, whole(51).Lines, nil, noon)
	if err != nil || quote.Shortfall != credit.Credit || quote.Overage != 0 {
		t.Errorf("quote %+v, %v", quote, err)
	}
	if got := len(ledger.DetailOf[*ledger.Charge](a.debit(noon, "d", 50)).Drawn); got != 50 {
		t.Errorf("%d draws", got)
	}
	if entry := a.debit(noon, "e", 5); ledger.DetailOf[*ledger.Charge](entry).Overage != 3*credit.Credit {
		t.Errorf("overage %s", ledger.DetailOf[*ledger.Charge](entry).Overage)
	}
}
