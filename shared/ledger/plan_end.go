package ledger

import (
	"errors"

	"drawdown/shared/credit"
)

// PlanEndEntry is the kind of the entry that ends a plan.
const PlanEndEntry EntryType = "plan_end"

// EndPlan ends the plan of a subscription and its credits, under EndOperation.
// It changes nothing unless the open plan is of that subscription.
type EndPlan struct {
	Subscription string
}

// PlanEnd is the detail of a plan's end.
type PlanEnd struct {
	Ended []Part
	Bill  OverageBill
}

func (EndPlan) needs() Needs { return Needs{Alone: true} }

// decide ends the plan's credits, without any rollover, and bills overage.
func (a EndPlan) decide(d *draft, _ State) error {
	if d.on.Plan == nil || d.on.Plan.Subscription != a.Subscription {
		return nil
	}
	detail := &PlanEnd{}
	var left credit.Amount
	var err error
	detail.Ended, left = d.endPlanGrants()
	if detail.Bill, err = d.closeOverage(); err != nil {
		return err
	}
	d.record(left, detail)
	return nil
}

func (e *PlanEnd) fold(w *Wallet, _ *Entry) error {
	if w.Plan == nil {
		return errors.New("ends a plan that does not exist")
	}
	if _, err := w.foldEnded(e.Ended); err != nil {
		return err
	}
	w.Plan = nil
	return w.foldBill(e.Bill)
}

func (e *PlanEnd) effects() effects { return effects{news: []AlertKind{PlanChanged}, bill: e.Bill} }
func (*PlanEnd) kind() EntryType    { return PlanEndEntry }
func (*PlanEnd) use(*Entry) *Use    { return nil }

func (EndPlan) canonical(f *canonicalForm) { f.str("plan_end/1") }
