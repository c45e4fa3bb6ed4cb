package ledger_test

import (
	"slices"
	"testing"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

func restored(r *ledger.Reversal) []ledger.Part {
	var parts []ledger.Part
	for _, p := range r.Restored {
		parts = append(parts, part(p.GrantID, p.Credits/credit.Credit))
	}
	return parts
}

func TestAWholeReversalLeavesWhatWas(t *testing.T) {
	a := open(t)
	one, two := a.grant(noon, 3, priority(1)), a.grant(noon, 5)
	a.debit(noon, "d1", 2)
	a.debit(noon, "d2", 4) // one of the first, three of the second
	a.holds(part(two, 2))
	back := a.reverse(noon, "d1")
	// The first grant has been spent out by d2, so d1's part of it comes back as a new one.
	if len(back.Reopened) != 1 || back.Reopened[0].Amount != 2*credit.Credit {
		t.Fatalf("reopened %+v", back.Reopened)
	}
	if got, want := back.Reopened[0].Terms, ledger.DetailOf[*ledger.Issue](&a.entries[1]).Grant.Terms; got != want {
		t.Errorf("terms %+v, want the old ones %+v of %s", got, want, one)
	}
	a.holds(part(two, 2), part("g6", 2))
}

func TestAReversalReturnsToTheSameGrants(t *testing.T) {
	a := open(t)
	one, two := a.grant(noon, 3), a.grant(noon, 5)
	a.debit(noon, "d0", 1)
	a.debit(noon, "d1", 1)
	back := a.reverse(noon, "d1")
	if !slices.Equal(restored(back), []ledger.Part{part(one, 1)}) || len(back.Reopened) > 0 {
		t.Errorf("restored %v, reopened %v", restored(back), back.Reopened)
	}
	a.holds(part(one, 2), part(two, 5))
}

// A wallet and a debit are not read at one instant: a wallet of before the debit
// must not make its reversal fail, since it is decided again on the present one.
func TestAReversalOnAWalletOfBeforeItsDebitIsNoFault(t *testing.T) {
	a := open(t)
	one := a.grant(noon, 3)
	before := a.wallet.Clone()
	debited := a.debit(noon, "d1", 2)
	decision, err := ledger.Decide(ledger.State{
		Account: before.Account, Wallet: before, Charged: &ledger.Charged{Entry: *debited},
	}, ledger.Command{Operation: "back", Action: reversalOf("d1")}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, grant := range decision.Wallet.Grants {
		if grant.ID == one && grant.Remaining > grant.Amount {
			t.Errorf("the grant holds %s of %s", grant.Remaining, grant.Amount)
		}
	}
}

func TestAReversalPartByPartGivesBackTheLastTakenFirst(t *testing.T) {
	a := open(t, overage(4*credit.Credit))
	one, two := a.grant(noon, 3), a.grant(noon, 5)
	a.debit(noon, "d", 10)
	a.grant(noon, 1)
	// Overage first,
	if back := a.reverse(noon, "d", 1); back.Overage != credit.Credit || len(back.Restored)+len(back.Reopened) > 0 {
		t.Errorf("first part %+v", back)
	}
	// then what is left of it and the last draw,
	back := a.reverse(noon, "d", 4)
	if back.Overage != credit.Credit || len(back.Reopened) != 1 || back.Reopened[0].Amount != 3*credit.Credit {
		t.Errorf("second part %+v", back)
	}
	if a.wallet.OverageUsed != 0 {
		t.Errorf("overage used is %s", a.wallet.OverageUsed)
	}
	// then the rest, the oldest grant made first again.
	back = a.reverse(noon, "d")
	if len(back.Reopened) != 2 || back.Reopened[0].Amount != 3*credit.Credit || back.Reopened[1].Amount != 2*credit.Credit {
		t.Errorf("last part %+v (of %s and %s)", back, one, two)
	}
	if total := back.Total; total.Count != 3 || total.Credits != 10*credit.Credit || total.Overage != 2*credit.Credit ||
		!slices.Equal(total.Draws, []credit.Amount{3 * credit.Credit, 5 * credit.Credit}) {
		t.Errorf("total %+v", total)
	}
	a.refuse(fault.NotReversible, reversalOf("d"), noon)
}

func TestAReversalOfAnExpiredGrantGetsTheTimeThatWasLeft(t *testing.T) {
	a := open(t)
	expiry := noon.Add(10 * day)
	a.grant(noon, 5, priority(7), expiring(expiry))
	a.debit(noon.Add(7*day), "d", 4) // with three days to go
	now := expiry.Add(2 * day)
	back := a.reverse(now, "d")
	want := ledger.Terms{Source: ledger.FromPromo, Priority: 7, EffectiveAt: now, ExpiresAt: now.Add(3 * day)}
	if len(back.Reopened) != 1 || back.Reopened[0].Terms != want || back.Reopened[0].Remaining != 4*credit.Credit {
		t.Errorf("reopened %+v, want terms %+v", back.Reopened, want)
	}
	// The grant itself had one credit left, which lapsed and stays so.
	a.holds(part("g4", 4))
}

func TestAReversalHasAWindowAfterExpiry(t *testing.T) {
	a := open(t)
	expiry := noon.Add(day)
	a.grant(noon, 5, expiring(expiry))
	a.debit(noon, "d", 5)
	a.refuse(fault.NotReversible, reversalOf("d"), expiry.Add(30*day))
	a.reverse(expiry.Add(30*day-ms), "d")
}

func TestAReversalBeyondWhatIsLeftIsRefused(t *testing.T) {
	a := open(t)
	a.grant(noon, 5)
	a.debit(noon, "d", 4)
	a.reverse(noon, "d", 3)
	refused := a.refuse(fault.NotReversible, reversalOf("d", 2), noon)
	for name, want := range map[string]string{"charged": "4", "reversed": "3", "reversible": "1"} {
		if got := field(refused, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	a.reverse(noon, "d", 1)
	a.refuse(fault.NotReversible, reversalOf("d"), noon)
	a.refuse(fault.DebitNotFound, reversalOf("unknown"), noon)
}

func TestAReversalGivesSomething(t *testing.T) {
	a := open(t)
	a.grant(noon, 5)
	a.debit(noon, "d", 4)
	for _, amount := range []credit.Amount{0, -1} {
		a.names(a.refuse(fault.InvalidRequest, reversalOf("d", amount), noon), "credits")
	}
}

func TestAReversalIsNoFreeOverflow(t *testing.T) {
	a := open(t)
	a.grant(noon, 0, micros(credit.Max))
	a.debit(noon, "d", 1)
	a.grant(noon, 1)
	a.refuse(fault.BalanceTooLarge, reversalOf("d"), noon)
}

func TestAReversalNeedsAPlaceForItsGrant(t *testing.T) {
	a := open(t)
	a.grant(noon, 1)
	a.debit(noon, "d", 1)
	for range 50 {
		a.grant(noon, 1)
	}
	a.refuse(fault.TooManyGrants, reversalOf("d"), noon)
}

func TestASuspendedAccountIsStillGivenBack(t *testing.T) {
	a := open(t)
	a.grant(noon, 2)
	a.debit(noon, "d", 1)
	a.configure(noon, suspended)
	a.reverse(noon, "d")
	a.holds(part("g2", 2))
}

func TestAReversalIsSpreadOverTheLines(t *testing.T) {
	a := open(t)
	a.grant(noon, 100)
	debit := whole(3)
	debit.Lines = append(debit.Lines, debitOf(1).Lines[0], rating.Line{Item: rating.Item{Node: "node", Action: "run"}, Quantity: 6 * credit.Credit})
	a.accept(ledger.Keyed("d", debit), noon) // 3, 0.000001 and 6 credits
	left := []credit.Amount{3 * credit.Credit, 1, 6 * credit.Credit}
	for _, amount := range []credit.Amount{1, 4*credit.Credit + 333_333, 7, 0} {
		reverse := ledger.ReverseDebit{Of: "d", Credits: &amount}
		if amount == 0 {
			reverse.Credits = nil
		}
		entry := a.accept(ledger.Command{Action: reverse}, noon)
		var sum credit.Amount
		for i, line := range ledger.DetailOf[*ledger.Reversal](entry).Lines {
			sum += line.Credits
			if left[i] -= line.Credits; line.Credits < 0 || left[i] < 0 {
				t.Fatalf("line %d has %s left after %s", i, left[i], line.Credits)
			}
		}
		if sum != entry.Credits {
			t.Fatalf("shares add up to %s of %s", sum, entry.Credits)
		}
	}
	if !slices.Equal(left, []credit.Amount{0, 0, 0}) {
		t.Errorf("left %v of a debit that was given back whole", left)
	}
}

func TestAReversalIsCountedWhereTheDebitWas(t *testing.T) {
	a := open(t, zone("Asia/Kathmandu"))
	a.grant(noon, 2)
	debit := whole(1)
	debit.Conversation, debit.Channel, debit.Agent.Name = "c1", "widget", "Ava"
	charged := a.accept(ledger.Keyed("d", debit), noon)
	back := a.reverse(noon.Add(3*day), "d")
	if back.Day != ledger.DetailOf[*ledger.Charge](charged).Day || back.Channel != "widget" || back.Conversation != "c1" || back.Agent != debit.Agent || back.OfSeq != charged.Seq {
		t.Errorf("reversal %+v of %+v", back, ledger.DetailOf[*ledger.Charge](charged))
	}
}
