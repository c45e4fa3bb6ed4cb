package cashier

import (
	"context"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// way is how an account gets a plan.
type way string

const (
	byPage      way = "page"      // a person pays for it at the processor's page
	byStart     way = "start"     // it is free, and begins at once
	bySchedule  way = "schedule"  // a free plan for another, from the next period
	byUpgrade   way = "upgrade"   // at once, for the difference
	byDowngrade way = "downgrade" // from the next period
	byNothing   way = "nothing"   // an earlier try has done it
)

// holding is what an account has when it requests a plan.
type holding struct {
	standing *billing.Standing // nil: never had a subscription
	open     billing.Plan      // that the open period was paid for; zero: none runs
	unpaid   bool              // the next period has begun, and its invoice is under way
}

// paid is what a period of the open plan costs this account, which differs from
// the catalog if the plan's price has changed since. Once another plan is
// scheduled, the subscription has the price of that one.
func (h holding) paid() money.Money {
	if s := h.standing; s.PlanID == h.open.ID && s.Price != (money.Money{}) {
		return s.Price
	}
	return h.open.Price
}

// wayTo decides how an account gets a plan, or why it cannot. A resumed wish may
// have been carried out already.
func wayTo(plan billing.Plan, has holding, resumed bool) (way, error) {
	s := has.standing
	running := s != nil && s.Running()
	if !plan.Active && !(running && (plan.ID == has.open.ID || plan.ID == s.PlanID)) {
		return "", fault.New(fault.NotOffered, "Plan %q is no longer offered; GET /v1/plans lists the plans that are.", plan.ID)
	}
	if !running {
		if plan.Free() {
			return byStart, nil
		}
		return byPage, nil
	}
	if coming(s) == plan.ID {
		if resumed {
			return byNothing, nil
		}
		return "", alreadyHas(plan, s)
	}
	if s.Free() && !plan.Free() {
		return byPage, nil
	}
	if err := changeable(plan, has); err != nil {
		return "", err
	}
	if s.Free() {
		return bySchedule, nil
	}
	if plan.Price.Minor <= has.paid().Minor {
		return byDowngrade, nil
	}
	if s.PlanID != has.open.ID {
		return "", notPossible(
			"A change to plan %q is scheduled for the end of the period. Choose plan %q first to undo it, then change to plan %q.", s.PlanID, has.open.ID, plan.ID)
	}
	if has.unpaid {
		return "", notPossible(
			"The period that began on %s is not paid for yet; the payment processor takes about an hour. Change to plan %q after that.",
			s.PeriodStart.UTC().Format(time.DateOnly), plan.ID)
	}
	return byUpgrade, nil
}

// coming is the plan that a subscription's next period will have.
func coming(s *billing.Standing) string {
	if s.NextPlan != "" {
		return s.NextPlan
	}
	return s.PlanID
}

func alreadyHas(plan billing.Plan, s *billing.Standing) error {
	if s.CancelAtPeriodEnd {
		return fault.New(fault.PlanAlreadyActive,
			"The account has plan %q, which ends with the current period; resume the subscription to keep it.", plan.ID)
	}
	return fault.New(fault.PlanAlreadyActive, "The account already has plan %q, now or from its next period on.", plan.ID)
}

// changeable returns why a running subscription cannot be changed to a plan.
func changeable(plan billing.Plan, has holding) error {
	s := has.standing
	switch {
	case s.Status == billing.SubscriptionPastDue:
		return notPossible("The subscription's last invoice is unpaid. Pay it in the billing portal, then change the plan.")
	case s.CancelAtPeriodEnd:
		return notPossible("The subscription ends with its period, on %s. Resume it first, then change the plan.", s.PeriodEnd.UTC().Format(time.DateOnly))
	case plan.Free() && !s.Free():
		return notPossible("Plan %q is free. Cancel the subscription; when its period ends, choose plan %q.", plan.ID, plan.ID)
	case plan.Interval != has.open.Interval || plan.Price.Currency != has.paid().Currency:
		return notPossible(
			"Plan %q has a different period or currency from plan %q. Cancel the subscription; when its period ends, choose plan %q.", plan.ID, has.open.ID, plan.ID)
	}
	return nil
}

func notPossible(format string, args ...any) error {
	return fault.New(fault.PlanChangeNotPossible, format, args...)
}

// planDeal is how the account of a wallet gets a plan.
func (c *Cashier) planDeal(ctx context.Context, wish Wish, plan billing.Plan, of *ledger.Wallet, resumed bool) (deal, error) {
	has, err := c.holding(ctx, of)
	if err != nil {
		return nil, err
	}
	if s := has.standing; resumed && s != nil && s.Free() && s.Running() && s.PlanID == plan.ID && s.NextPlan == "" {
		// An earlier try may have begun it and not opened its first period.
		return c.openFree(wish), nil
	}
	how, err := wayTo(plan, has, resumed)
	if err != nil {
		return nil, err
	}
	switch how {
	case byPage:
		return c.planPage(wish, plan), nil
	case byStart:
		return c.startFree(wish, plan, has.standing), nil
	case bySchedule:
		return c.schedule(wish, plan, *has.standing), nil
	case byUpgrade, byDowngrade:
		return c.change(wish, plan, *has.standing, how == byUpgrade), nil
	case byNothing:
	}
	return func(context.Context, billing.Claim) (string, error) { return wish.SuccessURL, nil }, nil
}

func (c *Cashier) holding(ctx context.Context, of *ledger.Wallet) (holding, error) {
	standing, err := c.Store.Standing(ctx, of.Account)
	if err != nil || standing == nil || !standing.Running() {
		return holding{standing: standing}, err
	}
	id := openPlan(standing, of)
	open, err := c.Store.Plan(ctx, id)
	if err != nil {
		return holding{}, err
	}
	if open == nil {
		return holding{}, NoPlan(id)
	}
	unpaid := of.Plan != nil && of.Plan.Subscription == standing.ID && of.Plan.Start.Before(standing.PeriodStart)
	return holding{standing, *open, unpaid}, nil
}

// openPlan is the plan of a subscription's open period, from the wallet if that
// has it.
func openPlan(s *billing.Standing, of *ledger.Wallet) string {
	if of.Plan != nil && of.Plan.Subscription == s.ID {
		return of.Plan.Plan
	}
	return s.PlanID
}

// startFree begins a free plan: a subscription whose first period is due at once. It
// is opened like all later ones, so that the calendar completes a start that is
// interrupted here.
func (c *Cashier) startFree(wish Wish, plan billing.Plan, replaced *billing.Standing) deal {
	return func(ctx context.Context, claim billing.Claim) (string, error) {
		start := claim.At.Truncate(time.Second)
		standing := billing.Standing{Subscription: billing.Subscription{
			ID: billing.FreeID(wish.Account, start), Account: wish.Account, PlanID: plan.ID, Status: billing.SubscriptionActive,
			Anchor: start, PeriodStart: start, PeriodEnd: start,
		}}
		if replaced != nil {
			standing.Customer, standing.Version = replaced.Customer, replaced.Version
		}
		saved, err := c.Store.SaveStanding(ctx, standing, start)
		if err != nil {
			return "", err
		}
		if !saved {
			return "", errMoved()
		}
		return c.openFree(wish)(ctx, claim)
	}
}

func (c *Cashier) openFree(wish Wish) deal {
	return func(ctx context.Context, _ billing.Claim) (string, error) {
		return wish.SuccessURL, c.Settler.Renew(ctx, wish.Account)
	}
}

// schedule gives a free subscription another free plan from its next period on.
func (c *Cashier) schedule(wish Wish, plan billing.Plan, standing billing.Standing) deal {
	return func(ctx context.Context, _ billing.Claim) (string, error) {
		standing.NextPlan = plan.ID
		if plan.ID == standing.PlanID {
			standing.NextPlan = ""
		}
		saved, err := c.Store.SaveStanding(ctx, standing, standing.PeriodEnd)
		if err == nil && !saved {
			err = errMoved()
		}
		return wish.SuccessURL, err
	}
}

// change gives a paid subscription another plan.
func (c *Cashier) change(wish Wish, plan billing.Plan, standing billing.Standing, upgrade bool) deal {
	return func(ctx context.Context, claim billing.Claim) (string, error) {
		_, invoice, err := c.Processor.ChangeSubscription(ctx, standing.ID, plan.PriceID, plan.ID, upgrade, changeKey(claim))
		if err != nil {
			return "", refused(err)
		}
		if invoice != "" {
			c.settled(ctx, wish.Account, c.Settler.Invoice(ctx, invoice))
		} else {
			c.settled(ctx, wish.Account, c.Settler.Subscription(ctx, standing.ID))
		}
		return wish.SuccessURL, nil
	}
}
