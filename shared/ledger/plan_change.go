package ledger

import (
	"fmt"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/money"
)

// PlanChangeEntry is the kind of the entry that puts another plan, or other
// terms, into an open period.
const PlanChangeEntry EntryType = "plan_change"

// ChangePlan puts another plan, or other terms of the same, into the open period,
// under ChangeOperation. It changes nothing if the open plan is of another
// subscription, or has these terms already and there is nothing to grant.
//
// It grants Credits and, if At is set, the difference by which the new plan includes
// more than the old one for the part of the period after At, rounded down. A
// negative difference is not taken away.
type ChangePlan struct {
	Subscription string
	Plan         string
	Credits      credit.Amount
	At           time.Time // from when the new plan is paid for; zero: only Credits counts
	LapseAt      time.Time // of what is granted; zero: when the period's credits lapse
	Included     credit.Amount
	Overage      Overage
	OverageRate  money.Rate
	Rollover     credit.Amount
	Payment      string
}

// PlanChange is the detail of a change within a period.
type PlanChange struct {
	State PlanState   // as it is from now on
	From  string      // the plan before
	Issue *Issue      // nil: nothing was granted
	Bill  OverageBill // closed before its price changed; zero: nothing was
}

func (ChangePlan) needs() Needs { return Needs{Alone: true} }

// decide keeps the period and its grants. Overage that was used until now is
// billed now if its price changes: it was used at the old one.
func (a ChangePlan) decide(d *draft, _ State) error {
	old := d.on.Plan
	if old == nil || old.Subscription != a.Subscription {
		return nil
	}
	if a.Credits < 0 || a.Included < 0 || a.Rollover < 0 {
		return fmt.Errorf("ledger: a change of plan with %s credits now, %s a period, %s to roll over", a.Credits, a.Included, a.Rollover)
	}
	state := *old
	state.Plan, state.Included, state.Rollover = a.Plan, a.Included, a.Rollover
	state.Overage, state.OverageRate = a.Overage, a.OverageRate
	extra, err := credit.Add(a.Credits, a.difference(old))
	if err != nil {
		return fault.New(fault.BalanceTooLarge, "The balance would exceed %s credits, the maximum.", credit.Max)
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
		lapseAt, now := toMillis(a.LapseAt), d.entry.CreatedAt
		if lapseAt.IsZero() {
			lapseAt = old.LapseAt
		}
		if !lapseAt.After(now) { // paid for too late: treated like a period that is opened late
			lapseAt = toMillis(now.Add(old.End.Sub(old.Start)))
		}
		terms := Terms{Source: FromPlan, Priority: PlanPriority, EffectiveAt: now, ExpiresAt: lapseAt}
		if detail.Issue, err = d.issuePaid(terms, extra, a.Payment); err != nil {
			return err
		}
	}
	d.record(extra, detail)
	return nil
}

// difference is how much more the new plan includes than the old one in the
// part of the period that is left at At.
func (a ChangePlan) difference(old *PlanState) credit.Amount {
	more := a.Included - old.Included
	if a.At.IsZero() || more <= 0 {
		return 0
	}
	whole := old.End.Sub(old.Start).Milliseconds()
	left := min(whole, max(0, old.End.Sub(a.At).Milliseconds()))
	return proportion(more, credit.Amount(left), credit.Amount(whole))
}

func (c *PlanChange) fold(w *Wallet, _ *Entry) error {
	if w.Plan == nil || w.Plan.Subscription != c.State.Subscription || !w.Plan.Start.Equal(c.State.Start) {
		return fmt.Errorf("changes a period of subscription %q that is not open", c.State.Subscription)
	}
	if c.Bill.Billed > 0 {
		if err := w.foldBill(c.Bill); err != nil {
			return err
		}
	}
	state := c.State
	w.Plan = &state
	return w.foldIssue(c.Issue)
}

func (c *PlanChange) effects() effects {
	return effects{issue: c.Issue, news: []AlertKind{PlanChanged}, bill: c.Bill}
}

func (*PlanChange) kind() EntryType { return PlanChangeEntry }
func (*PlanChange) use(*Entry) *Use { return nil }

func (ChangePlan) canonical(f *canonicalForm) { f.str("plan_change/1") }
