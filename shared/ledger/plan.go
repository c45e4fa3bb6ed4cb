package ledger

import (
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
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
	LapseAt      time.Time     // when its credits run out where nothing ends them before
	Included     credit.Amount // what a whole period includes
	Overage      Overage       // Settings.Overage wins where it is set
	OverageRate  money.Rate
	Rollover     credit.Amount // what goes into the next period, at most
}

// OpenPeriod opens a period of a subscription, under PeriodOperation. A period
// that began no later than the open one of the same subscription is stale and
// changes nothing. Times are kept to the millisecond.
type OpenPeriod struct {
	Subscription string
	Plan         string
	Start, End   time.Time
	Credits      credit.Amount // included
	LapseAt      time.Time
	Overage      Overage
	OverageRate  money.Rate
	Rollover     credit.Amount
	Payment      string // the processor's id; empty: the plan is free
}

// ChangePlan puts another plan, or other terms of the same, into the open period,
// under ChangeOperation. It changes nothing unless the open plan is of the
// subscription, or where it has these terms already and there is nothing to grant.
//
// It grants Credits, and where At is set what the new plan includes more than the
// old one for the part of the period after At, rounded down. Less is not taken away.
type ChangePlan struct {
	Subscription string
	Plan         string
	Credits      credit.Amount
	At           time.Time // from when the new plan is paid for; zero: Credits says all
	LapseAt      time.Time // of what is granted; zero: when the period's credits lapse
	Included     credit.Amount
	Overage      Overage
	OverageRate  money.Rate
	Rollover     credit.Amount
	Payment      string
}

// EndPlan ends the plan of a subscription and its credits, under EndOperation.
// It changes nothing unless the open plan is of that subscription.
type EndPlan struct {
	Subscription string
}

// OverageBill is overage that was closed: what was used beyond the grants under a
// plan. Its price is zero where the plan had none, or there was no plan.
type OverageBill struct {
	Subscription string // that it was used under; empty: none
	Plan         string
	Billed       credit.Amount
	Price        money.Money
}

// Renewal is the detail of a period that was opened.
type Renewal struct {
	State   PlanState     // as it is from now on
	Ended   []Part        // what was left of the plan's grants
	Carried credit.Amount // of that, what the new period has got
	Rolled  *Grant        // which holds what was carried over; nil: nothing was
	Issue   *Issue        // the included credits; nil: none are
	Bill    OverageBill   // of the last period
}

// PlanChange is the detail of a change within a period.
type PlanChange struct {
	State PlanState   // as it is from now on
	From  string      // the plan before
	Issue *Issue      // nil: nothing was granted
	Bill  OverageBill // closed before its price changed; zero: nothing was
}

// PlanEnd is the detail of a plan's end.
type PlanEnd struct {
	Ended []Part
	Bill  OverageBill
}

// Bill is the overage that an entry has closed and that must be paid; false
// where there is nothing to pay.
func (e *Entry) Bill() (OverageBill, bool) {
	var bill OverageBill
	switch {
	case e.Renewal != nil:
		bill = e.Renewal.Bill
	case e.PlanChange != nil:
		bill = e.PlanChange.Bill
	case e.PlanEnd != nil:
		bill = e.PlanEnd.Bill
	}
	return bill, bill.Billed > 0 && bill.Price.Minor > 0
}

// openPeriod ends what the last period left, carries over what that plan allows,
// bills and resets overage, and grants the included credits. Where the plan was
// another subscription's, nothing is carried over. What was bought or given is
// not touched.
//
// A period that is opened so late that its credits would have lapsed was paid for
// all the same: they live as long as the period is, from now, or until the next
// period ends them.
func (d *draft) openPeriod(open OpenPeriod) error {
	old := d.on.Plan
	if old != nil && old.Subscription == open.Subscription && !old.Start.Before(toMillis(open.Start)) {
		return nil
	}
	if open.Credits < 0 || open.Rollover < 0 || !open.Start.Before(open.End) {
		return fmt.Errorf("ledger: a period from %s to %s with %s credits, %s to roll over", open.Start, open.End, open.Credits, open.Rollover)
	}
	renewal := &Renewal{State: PlanState{
		Subscription: open.Subscription, Plan: open.Plan, Start: toMillis(open.Start), End: toMillis(open.End), LapseAt: toMillis(open.LapseAt),
		Included: open.Credits, Overage: open.Overage, OverageRate: open.OverageRate, Rollover: open.Rollover,
	}}
	now := d.entry.CreatedAt
	if !renewal.State.LapseAt.After(now) {
		renewal.State.LapseAt = toMillis(now.Add(open.End.Sub(open.Start)))
	}
	var left credit.Amount
	var err error
	renewal.Ended, left = d.endPlanGrants()
	if renewal.Bill, err = d.closeOverage(); err != nil {
		return err
	}
	if old != nil && old.Subscription == open.Subscription {
		renewal.Carried = min(left, old.Rollover)
	}
	terms := Terms{Source: FromPlan, Priority: PlanPriority, EffectiveAt: now, ExpiresAt: renewal.State.LapseAt}
	if renewal.Carried > 0 {
		renewal.Rolled = &Grant{ID: d.nextGrantID(), Terms: terms, Amount: renewal.Carried, Remaining: renewal.Carried}
		if err := d.admit(*renewal.Rolled, MaxGrants); err != nil {
			return err
		}
	}
	if open.Credits > 0 {
		if renewal.Issue, err = d.issuePaid(terms, open.Credits, open.Payment); err != nil {
			return err
		}
	}
	d.entry.Type, d.entry.Credits, d.entry.Renewal = RenewalEntry, open.Credits, renewal
	return nil
}

// issuePaid makes a grant of credits that were paid for, or belong to a plan.
func (d *draft) issuePaid(terms Terms, amount credit.Amount, payment string) (*Issue, error) {
	issue, err := d.issue(terms, amount, MaxGrants)
	issue.Payment = payment
	return &issue, err
}

// endPlanGrants takes the plan's grants away, and says what they held.
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

// changePlan keeps the period and its grants. Overage that was used until now is
// billed now if its price changes: it was used at the old one.
func (d *draft) changePlan(change ChangePlan) error {
	old := d.on.Plan
	if old == nil || old.Subscription != change.Subscription {
		return nil
	}
	if change.Credits < 0 || change.Included < 0 || change.Rollover < 0 {
		return fmt.Errorf("ledger: a change of plan with %s credits now, %s a period, %s to roll over", change.Credits, change.Included, change.Rollover)
	}
	state := *old
	state.Plan, state.Included, state.Rollover = change.Plan, change.Included, change.Rollover
	state.Overage, state.OverageRate = change.Overage, change.OverageRate
	extra, err := credit.Add(change.Credits, difference(old, change))
	if err != nil {
		return fault.New(fault.BalanceTooLarge, "With this the balance would pass %s credits, the most that can be represented.", credit.Max)
	}
	if state == *old && extra == 0 {
		return nil
	}
	detail := &PlanChange{State: state, From: old.Plan}
	if old.OverageRate != state.OverageRate && d.on.OverageUsed > 0 {
		if detail.Bill, err = d.closeOverage(); err != nil {
			return err
		}
	}
	if extra > 0 {
		lapseAt, now := toMillis(change.LapseAt), d.entry.CreatedAt
		if lapseAt.IsZero() {
			lapseAt = old.LapseAt
		}
		if !lapseAt.After(now) { // paid for too late: as a period that is opened late
			lapseAt = toMillis(now.Add(old.End.Sub(old.Start)))
		}
		terms := Terms{Source: FromPlan, Priority: PlanPriority, EffectiveAt: now, ExpiresAt: lapseAt}
		if detail.Issue, err = d.issuePaid(terms, extra, change.Payment); err != nil {
			return err
		}
	}
	d.entry.Type, d.entry.Credits, d.entry.PlanChange = PlanChangeEntry, extra, detail
	return nil
}

// difference is what the new plan includes more than the old one in the part of
// the period that is left at change.At.
func difference(old *PlanState, change ChangePlan) credit.Amount {
	more := change.Included - old.Included
	if change.At.IsZero() || more <= 0 {
		return 0
	}
	whole := old.End.Sub(old.Start).Milliseconds()
	left := min(whole, max(0, old.End.Sub(change.At).Milliseconds()))
	return proportion(more, credit.Amount(left), credit.Amount(whole))
}

// endPlan ends the plan's credits, without any rollover, and bills overage.
func (d *draft) endPlan(end EndPlan) error {
	if d.on.Plan == nil || d.on.Plan.Subscription != end.Subscription {
		return nil
	}
	detail := &PlanEnd{}
	var left credit.Amount
	var err error
	detail.Ended, left = d.endPlanGrants()
	if detail.Bill, err = d.closeOverage(); err != nil {
		return err
	}
	d.entry.Type, d.entry.Credits, d.entry.PlanEnd = PlanEndEntry, left, detail
	return nil
}

func (w *Wallet) foldRenewal(renewal *Renewal) error {
	left, err := w.foldEnded(renewal.Ended)
	if err != nil {
		return err
	}
	if err := w.foldBill(renewal.Bill); err != nil {
		return err
	}
	allowed := credit.Amount(0)
	if w.Plan != nil && w.Plan.Subscription == renewal.State.Subscription {
		allowed = min(left, w.Plan.Rollover)
	}
	rolled := renewal.Rolled
	if renewal.Carried < 0 || renewal.Carried > allowed || (renewal.Carried > 0) != (rolled != nil) || rolled != nil && rolled.Amount != renewal.Carried {
		return fmt.Errorf("carries %s credits over, of %s that it may", renewal.Carried, allowed)
	}
	if rolled != nil {
		if err := w.open(*rolled); err != nil {
			return err
		}
	}
	state := renewal.State
	w.Plan = &state
	if renewal.Issue == nil {
		return nil
	}
	return w.foldIssue(renewal.Issue)
}

// foldEnded takes all grants of the plan away, which must be just these, and is what they held.
func (w *Wallet) foldEnded(ended []Part) (credit.Amount, error) {
	var left credit.Amount
	for _, part := range ended {
		if grant := w.grant(part.GrantID); grant == nil || grant.Source != FromPlan {
			return 0, fmt.Errorf("ends grant %s, which is no plan's", part.GrantID)
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

func (w *Wallet) foldPlanChange(change *PlanChange) error {
	if w.Plan == nil || w.Plan.Subscription != change.State.Subscription || !w.Plan.Start.Equal(change.State.Start) {
		return fmt.Errorf("changes a period of subscription %q that is not open", change.State.Subscription)
	}
	if change.Bill.Billed > 0 {
		if err := w.foldBill(change.Bill); err != nil {
			return err
		}
	}
	state := change.State
	w.Plan = &state
	if change.Issue == nil {
		return nil
	}
	return w.foldIssue(change.Issue)
}

func (w *Wallet) foldPlanEnd(end *PlanEnd) error {
	if w.Plan == nil {
		return fmt.Errorf("ends a plan that is not there")
	}
	if _, err := w.foldEnded(end.Ended); err != nil {
		return err
	}
	w.Plan = nil
	return w.foldBill(end.Bill)
}

// toMillis is an instant as entries keep them; the zero time stays zero.
func toMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
