package ledger

import (
	"fmt"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// RenewalEntry is the kind of the entry that opens a period of a plan.
const RenewalEntry EntryType = "renewal"

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

// Renewal is the detail of a period that was opened.
type Renewal struct {
	State   PlanState     // as it is from now on
	Ended   []Part        // what was left of the plan's grants
	Carried credit.Amount // of that, what the new period received
	Rolled  *Grant        // holds what was carried over; nil: nothing was
	Issue   *Issue        // the included credits; nil: none are
	Bill    OverageBill   // of the last period
}

func (OpenPeriod) needs() Needs { return Needs{Alone: true} }

// decide ends what the last period left, carries over what that plan allows,
// bills and resets overage, and grants the included credits. If the plan was
// another subscription's, nothing is carried over. Other credits are not
// affected.
//
// A period that is opened so late that its credits would have lapsed was still
// paid for: they last for the length of the period, from now, or until the next
// period ends them.
func (a OpenPeriod) decide(d *draft, _ State) error {
	old := d.on.Plan
	if old != nil && old.Subscription == a.Subscription && !old.Start.Before(toMillis(a.Start)) {
		return nil
	}
	if a.Credits < 0 || a.Rollover < 0 || !a.Start.Before(a.End) {
		return fmt.Errorf("ledger: a period from %s to %s with %s credits, %s to roll over", a.Start, a.End, a.Credits, a.Rollover)
	}
	renewal := &Renewal{State: PlanState{
		Subscription: a.Subscription, Plan: a.Plan, Start: toMillis(a.Start), End: toMillis(a.End), LapseAt: toMillis(a.LapseAt),
		Included: a.Credits, Overage: a.Overage, OverageRate: a.OverageRate, Rollover: a.Rollover,
	}}
	now := d.entry.CreatedAt
	if !renewal.State.LapseAt.After(now) {
		renewal.State.LapseAt = toMillis(now.Add(a.End.Sub(a.Start)))
	}
	var left credit.Amount
	var err error
	renewal.Ended, left = d.endPlanGrants()
	if renewal.Bill, err = d.closeOverage(); err != nil {
		return err
	}
	if old != nil && old.Subscription == a.Subscription {
		renewal.Carried = min(left, old.Rollover)
	}
	terms := Terms{Source: FromPlan, Priority: PlanPriority, EffectiveAt: now, ExpiresAt: renewal.State.LapseAt}
	if renewal.Carried > 0 {
		renewal.Rolled = &Grant{ID: d.nextGrantID(), Terms: terms, Amount: renewal.Carried, Remaining: renewal.Carried}
		if err := d.admit(*renewal.Rolled, MaxGrants); err != nil {
			return err
		}
	}
	if a.Credits > 0 {
		if renewal.Issue, err = d.issuePaid(terms, a.Credits, a.Payment); err != nil {
			return err
		}
	}
	d.record(a.Credits, renewal)
	return nil
}

func (r *Renewal) fold(w *Wallet, _ *Entry) error {
	left, err := w.foldEnded(r.Ended)
	if err != nil {
		return err
	}
	if err := w.foldBill(r.Bill); err != nil {
		return err
	}
	allowed := credit.Amount(0)
	if w.Plan != nil && w.Plan.Subscription == r.State.Subscription {
		allowed = min(left, w.Plan.Rollover)
	}
	rolled := r.Rolled
	if r.Carried < 0 || r.Carried > allowed || (r.Carried > 0) != (rolled != nil) || rolled != nil && rolled.Amount != r.Carried {
		return fmt.Errorf("carries %s credits over, and at most %s are allowed", r.Carried, allowed)
	}
	if rolled != nil {
		if err := w.open(*rolled); err != nil {
			return err
		}
	}
	state := r.State
	w.Plan = &state
	return w.foldIssue(r.Issue)
}

func (r *Renewal) effects() effects {
	return effects{issue: r.Issue, news: []AlertKind{PeriodRenewed}, bill: r.Bill}
}

func (*Renewal) kind() EntryType { return RenewalEntry }
func (*Renewal) use(*Entry) *Use { return nil }

func (OpenPeriod) canonical(f *canonicalForm) { f.str("period/1") }
