package ledger_test

import (
	"math/big"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// sum adds without an end, so that a law is not lost to an overflow.
type sum struct{ big.Int }

func (s *sum) add(amounts ...credit.Amount) {
	for _, amount := range amounts {
		s.Add(&s.Int, big.NewInt(int64(amount)))
	}
}

func (s *sum) less(amounts ...credit.Amount) {
	for _, amount := range amounts {
		s.Sub(&s.Int, big.NewInt(int64(amount)))
	}
}

func (s *sum) parts(parts []ledger.Part, add func(...credit.Amount)) {
	for _, part := range parts {
		add(part.Credits)
	}
}

// conserved demands that credits neither appear nor vanish. Of grants: what was
// granted, carried over, given back and reopened is what the wallet holds, or has
// been drawn, has lapsed, ended, been taken back or paid a debt. Of the debt: what
// was booked is still owed, or has been paid by grants or given up. Of overage: what
// was used is still counted, or has been given back or closed.
func conserved(t interface{ Fatalf(string, ...any) }, entries []ledger.Entry, wallet *ledger.Wallet) {
	var grants, owed, overage sum
	for i := range entries {
		e := &entries[i]
		grants.parts(e.Lapsed, grants.less)
		if issue := issueOf(e); issue != nil {
			grants.add(issue.Grant.Amount)
			grants.less(issue.Owed)
			owed.less(issue.Owed)
		}
		if bill := closedBy(e); bill != nil {
			overage.less(bill.Billed)
		}
		switch {
		case e.Debit != nil:
			for _, draw := range e.Debit.Drawn {
				grants.less(draw.Credits)
			}
			overage.add(e.Debit.Overage)
		case e.Reversal != nil:
			grants.parts(e.Reversal.Restored, grants.add)
			for _, grant := range e.Reversal.Reopened {
				grants.add(grant.Amount)
			}
			overage.less(e.Reversal.Overage)
		case e.Renewal != nil:
			grants.parts(e.Renewal.Ended, grants.less)
			grants.add(e.Renewal.Carried)
		case e.PlanEnd != nil:
			grants.parts(e.PlanEnd.Ended, grants.less)
		case e.Type == ledger.TakeBackEntry:
			grants.parts(e.Recovery.Taken, grants.less)
			owed.add(e.Recovery.Owed)
		case e.Type == ledger.GiveBackEntry:
			grants.parts(e.Recovery.Restored, grants.add)
			for _, grant := range e.Recovery.Reopened {
				grants.add(grant.Amount)
			}
			owed.less(e.Recovery.Owed)
		}
	}
	for _, grant := range wallet.Grants {
		grants.less(grant.Remaining)
	}
	owed.less(wallet.Owed)
	overage.less(wallet.OverageUsed)
	if grants.Sign() != 0 || owed.Sign() != 0 || overage.Sign() != 0 {
		t.Fatalf("credits appear or vanish: %s of grants, %s of the debt, %s of overage", &grants.Int, &owed.Int, &overage.Int)
	}
}

// issueOf is the one grant of new credits that an entry made; nil: none.
func issueOf(e *ledger.Entry) *ledger.Issue {
	switch {
	case e.Grant != nil:
		return e.Grant
	case e.Renewal != nil:
		return e.Renewal.Issue
	case e.PlanChange != nil:
		return e.PlanChange.Issue
	case e.Refill != nil:
		return e.Refill.Issue
	}
	return nil
}

func closedBy(e *ledger.Entry) *ledger.OverageBill {
	switch {
	case e.Renewal != nil:
		return &e.Renewal.Bill
	case e.PlanChange != nil:
		return &e.PlanChange.Bill
	case e.PlanEnd != nil:
		return &e.PlanEnd.Bill
	}
	return nil
}
