package ledger

import (
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// PlanPriority is that of a plan's credits: they end with their period, so they
// burn before what was bought, which has DefaultPriority.
const PlanPriority = 50

// PlanState is the plan of an account and the period of it that is open. The
// period may be over: it stays open until the next one is, or the plan ends.
type PlanState struct {
	Subscription string
	Plan         string
	Start, End   time.Time     // of the period, [Start, End)
	LapseAt      time.Time     // when its credits expire if nothing ends them earlier
	Included     credit.Amount // what a whole period includes
	Overage      Overage       // Settings.Overage takes precedence if set
	OverageRate  money.Rate
	Rollover     credit.Amount // what goes into the next period, at most
}

// OverageBill is overage that was closed: what was used beyond the grants under a
// plan. Its price is zero if the plan had none, or there was no plan.
type OverageBill struct {
	Subscription string // that it was used under; empty: none
	Plan         string
	Billed       credit.Amount
	Price        money.Money
}

// endPlanGrants removes the plan's grants, and returns what they held.
func (d *draft) endPlanGrants() (ended []Part, left credit.Amount) {
	d.on.Grants = slices.DeleteFunc(d.on.Grants, func(g Grant) bool {
		if g.Source != FromPlan {
			return false
		}
		ended = append(ended, Part{g.ID, g.Remaining})
		left += g.Remaining // the wallet's grants together do not overflow
		return true
	})
	return ended, left
}

// closeOverage bills the overage used, by the rate of the plan that it was used
// under, and resets it.
func (d *draft) closeOverage() (OverageBill, error) {
	bill := OverageBill{Billed: d.on.OverageUsed}
	if plan := d.on.Plan; plan != nil {
		bill.Subscription, bill.Plan = plan.Subscription, plan.Plan
		var err error
		if bill.Price, err = plan.OverageRate.Of(bill.Billed); err != nil {
			return OverageBill{}, fmt.Errorf("ledger: billing %s credits of overage: %w", bill.Billed, err)
		}
	}
	d.on.OverageUsed = 0
	return bill, nil
}

// foldEnded removes all grants of the plan, which must be exactly these, and returns
// what they held.
func (w *Wallet) foldEnded(ended []Part) (credit.Amount, error) {
	var left credit.Amount
	for _, part := range ended {
		if grant := w.grant(part.GrantID); grant == nil || grant.Source != FromPlan {
			return 0, fmt.Errorf("ends grant %s, which is not a plan's", part.GrantID)
		}
		if err := w.lapse(part); err != nil {
			return 0, err
		}
		left += part.Credits
	}
	if i := slices.IndexFunc(w.Grants, func(g Grant) bool { return g.Source == FromPlan }); i >= 0 {
		return 0, fmt.Errorf("leaves grant %s of the plan", w.Grants[i].ID)
	}
	return left, nil
}

func (w *Wallet) foldBill(bill OverageBill) error {
	if bill.Billed != w.OverageUsed {
		return fmt.Errorf("bills %s credits of overage, and %s were used", bill.Billed, w.OverageUsed)
	}
	w.OverageUsed = 0
	return nil
}

// toMillis is an instant as entries keep them; the zero time stays zero.
func toMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
