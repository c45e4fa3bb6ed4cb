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
// was booked is still owed, or has been paid by grants or canceled. Of overage: what
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
		switch d := e.Detail.(type) {
		case *ledger.Charge:
			for _, draw := range d.Drawn {
				grants.less(draw.Credits)
			}
			overage.add(d.Overage)
		case *ledger.Reversal:
			grants.parts(d.Restored, grants.add)
			for _, grant := range d.Reopened {
				grants.add(grant.Amount)
			}
			overage.less(d.Overage)
		case *ledger.Renewal:
			grants.parts(d.Ended, grants.less)
			grants.add(d.Carried)
		case *ledger.PlanEnd:
			grants.parts(d.Ended, grants.less)
		case *ledger.TakenBack:
			grants.parts(d.Taken, grants.less)
			owed.add(d.Owed)
		case *ledger.GivenBack:
			grants.parts(d.Restored, grants.add)
			for _, grant := range d.Reopened {
				grants.add(grant.Amount)
			}
			owed.less(d.Owed)
		default:
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
	switch d := e.Detail.(type) {
	case *ledger.Issue:
		return d
	case *ledger.Renewal:
		return d.Issue
	case *ledger.PlanChange:
		return d.Issue
	case *ledger.RefillStep:
		return d.Issue
	default:
		return nil
	}
}

func closedBy(e *ledger.Entry) *ledger.OverageBill {
	switch d := e.Detail.(type) {
	case *ledger.Renewal:
		return &d.Bill
	case *ledger.PlanChange:
		return &d.Bill
	case *ledger.PlanEnd:
		return &d.Bill
	default:
		return nil
	}
}
