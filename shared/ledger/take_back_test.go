package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// buy grants ten credits for the payment pi_1, with the terms.
func (a *account) buy(now time.Time, changes ...terms) {
	a.Helper()
	grant := grantOf(10, changes...)
	grant.Source, grant.Payment = ledger.FromPurchase, "pi_1"
	a.accept(ledger.Command{Operation: ledger.PaymentOperation("pi_1"), Action: grant}, now)
}

// takeBack brings what is gone of pi_1's credits to a total, in whole credits.
func (a *account) takeBack(now time.Time, total credit.Amount) *ledger.Entry {
	a.Helper()
	of := ledger.PaymentOperation("pi_1")
	back := ledger.TakeBack{Of: of, Total: total * credit.Credit, Reason: "refunded"}
	if charged := a.charged[of]; charged != nil {
		back.Seen = charged.Reversed.Count
	}
	return a.accept(ledger.Command{Action: back}, now)
}

func TestWhatWasSpentIsOwed(t *testing.T) {
	a := open(t)
	a.buy(noon)
	a.debit(noon, "d", 4)
	entry := a.takeBack(noon, 10)
	a.holds()
	a.owes(4)
	r := ledger.DetailOf[*ledger.TakenBack](entry)
	if entry.Type() != ledger.TakeBackEntry || entry.Credits != 10*credit.Credit || entry.Change != -6*credit.Credit ||
		!slices.Equal(r.Taken, []ledger.Part{{GrantID: "g2", Credits: 6 * credit.Credit}}) || r.Owed != 4*credit.Credit || r.Reason != "refunded" || r.OfSeq != 2 {
		t.Errorf("entry %+v, %+v", entry, r)
	}
	if again := a.takeBack(noon, 10); again != nil {
		t.Errorf("taken back twice: %+v", again)
	}
}

func TestADebtDoesNotKeepFromDebiting(t *testing.T) {
	a := open(t)
	a.buy(noon)
	a.debit(noon, "d", 10)
	a.grant(noon, 5)
	a.takeBack(noon, 10)
	a.debit(noon, "e", 5)
	a.owes(10)
	a.holds()
}

func TestAWonDisputeRestoresTheGrant(t *testing.T) {
	a := open(t)
	a.buy(noon)
	a.debit(noon, "d", 4)
	a.takeBack(noon, 5)
	a.holds(part("g2", 1))
	entry := a.takeBack(noon, 0)
	if given := ledger.DetailOf[*ledger.GivenBack](entry); given == nil || len(given.Reopened) > 0 {
		t.Errorf("entry %+v", entry)
	}
	a.holds(part("g2", 6))
	a.takeBack(noon, 8) // all six, and two are owed
	a.owes(2)
	back := ledger.DetailOf[*ledger.GivenBack](a.takeBack(noon, 7)) // the last first: the debt
	if back.Owed != credit.Credit {
		t.Errorf("given back %+v", back)
	}
	a.owes(1)
	a.holds()
	a.takeBack(noon, 0)
	a.owes(0)
	a.holds(part("g8", 6))
}

func TestADebtThatWasPaidComesBackAsCredits(t *testing.T) {
	a := open(t)
	a.buy(noon, expiring(noon.Add(90*day)))
	a.debit(noon, "d", 10)
	a.takeBack(noon, 10)
	a.grant(noon, 7) // pays seven
	a.owes(3)
	back := ledger.DetailOf[*ledger.GivenBack](a.takeBack(noon, 0))
	a.owes(0)
	if back.Owed != 3*credit.Credit || len(back.Reopened) != 1 || !back.Reopened[0].ExpiresAt.Equal(noon.Add(90*day)) {
		t.Errorf("given back %+v", back)
	}
	a.holds(part("g6", 7))
	// What came back can be taken again.
	a.takeBack(noon, 6)
	a.holds(part("g6", 1))
	a.owes(0)
}

func TestWhatComesBackAfterItsExpiryHasTheTimeThatWasLeft(t *testing.T) {
	expiry := noon.Add(10 * day)
	for name, c := range map[string]struct {
		taken, given time.Time
		want         time.Duration // from given
	}{
		"taken with three days to go":  {noon.Add(7 * day), noon.Add(100 * day), 3 * day},
		"given back before its expiry": {noon.Add(7 * day), noon.Add(8 * day), 2 * day},
		"taken after its expiry":       {noon.Add(20 * day), noon.Add(100 * day), 10 * day},
	} {
		a := open(t)
		a.buy(noon, expiring(expiry))
		a.debit(noon, "d", 10)
		a.takeBack(c.taken, 10)
		a.grant(c.taken, 10) // pays the debt
		back := ledger.DetailOf[*ledger.GivenBack](a.takeBack(c.given, 0))
		if len(back.Reopened) != 1 || !back.Reopened[0].ExpiresAt.Equal(c.given.Add(c.want)) {
			t.Errorf("%s: %+v", name, back.Reopened)
		}
	}
}

// Once all has been given back, what is left counts from the next time on.
func TestTheTimeThatWasLeftIsThatOfWhatIsGone(t *testing.T) {
	a := open(t)
	a.buy(noon, expiring(noon.Add(10*day)))
	a.takeBack(noon.Add(2*day), 10)
	a.takeBack(noon.Add(3*day), 0)
	a.takeBack(noon.Add(9*day), 10)
	back := ledger.DetailOf[*ledger.GivenBack](a.takeBack(noon.Add(100*day), 0))
	if len(back.Reopened) != 1 || !back.Reopened[0].ExpiresAt.Equal(noon.Add(101*day)) {
		t.Errorf("given back %+v", back.Reopened)
	}
}

func TestOnlyWhatWasGrantedIsTakenBack(t *testing.T) {
	a := open(t)
	a.buy(noon)
	a.debit(noon, "d", 4)
	a.setRefill(noon, 100)
	a.settle(noon, a.start(noon), ledger.RefillDeclined)
	for _, of := range []ledger.OperationID{"d", "unknown", ledger.RefillOperation("rf_acme_5")} {
		a.refuse(fault.NotReversible, ledger.TakeBack{Of: of, Total: 1}, noon)
	}
	for _, total := range []credit.Amount{-1, 10*credit.Credit + 1} {
		a.names(a.refuse(fault.InvalidRequest, ledger.TakeBack{Of: ledger.PaymentOperation("pi_1"), Total: total}, noon), "total")
	}
	a.refuse(fault.DebitNotFound, reversalOf(ledger.PaymentOperation("pi_1")), noon)
}

func TestAnOldReadingIsRefused(t *testing.T) {
	a := open(t)
	a.buy(noon)
	a.takeBack(noon, 5)
	_, err := a.decide(ledger.Command{Action: ledger.TakeBack{Of: ledger.PaymentOperation("pi_1"), Total: 0}}, noon)
	if !errors.Is(err, ledger.ErrTallyMoved) {
		t.Errorf("ended with %v", err)
	}
}

func TestARenewalsOwnCreditsAreTakenBack(t *testing.T) {
	a := open(t)
	a.open(noon, periodOf(0, rollover(100)))
	a.open(noon.Add(month), periodOf(1))
	a.holds(part("g3", 10), part("g3.1", 10))
	back := ledger.TakeBack{Of: ledger.PeriodOperation("sub_1", noon.Add(month)), Total: 10 * credit.Credit}
	a.accept(ledger.Command{Action: back}, noon.Add(month))
	a.holds(part("g3", 10)) // another payment has paid for what was carried over
	if got := ledger.Granted(a.entries[2]); got != 10*credit.Credit {
		t.Errorf("granted %s", got)
	}
}

// In any order and however often the totals come, nothing spent in between, the
// last one counts; and none at all restores what there was.
func TestTheLastTotalCounts(t *testing.T) {
	floors := census.Floors{"totals": 100, "accounts that owe": 10, "accounts that owe nothing": 10}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		spent := credit.Amount(rapid.IntRange(0, 10).Draw(t, "spent"))
		totals := rapid.SliceOfN(rapid.IntRange(0, 10), 1, 12).Draw(t, "totals")
		after := func(totals ...int) (credit.Amount, credit.Amount) {
			d := newDirect()
			do := func(command ledger.Command) {
				if answer := d.do(t, command, noon); answer.Refusal.Code != "" {
					t.Fatalf("%+v: %+v", command, answer)
				}
			}
			do(ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}})
			paid := ledger.PaymentOperation("pi_1")
			do(ledger.Command{Operation: paid, Action: grantOf(10)})
			if spent > 0 {
				d.book = book
				do(ledger.Keyed("d", whole(spent)))
			}
			for _, total := range totals {
				do(ledger.Command{Action: ledger.TakeBack{Of: paid, Total: credit.Amount(total) * credit.Credit, Seen: d.given[paid].Count}})
			}
			return d.wallet.BalanceAt(noon).Available, d.wallet.Owed
		}
		available, owed := after(totals...)
		did.Add("totals", len(totals))
		did.CountIf(owed > 0, "accounts that owe")
		did.CountIf(owed == 0, "accounts that owe nothing")
		wantAvailable, wantOwed := after(totals[len(totals)-1])
		if available != wantAvailable || owed != wantOwed {
			t.Fatalf("after %v there are %s and %s owed; after the last alone %s and %s", totals, available, owed, wantAvailable, wantOwed)
		}
		if available, owed = after(append(totals, 0)...); available != (10-spent)*credit.Credit || owed != 0 {
			t.Fatalf("given back after %v there are %s and %s owed", totals, available, owed)
		}
	})
}
