package cashier

import (
	"context"
	"strconv"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Reader reads what describes a subscription.
type Reader interface {
	commit.Wallets
	Standing(ctx context.Context, account string) (*billing.Standing, error)
	Plan(ctx context.Context, id string) (*billing.Plan, error)
}

// Subscription is the state of an account's plan.
type Subscription struct {
	Account  string
	Standing *billing.Standing // nil: never had one
	Plan     *billing.Plan     // of the open period, with the terms in force; nil: none
	NextPlan string            // of the next period; empty: the same
	RenewsAt time.Time         // zero: it is not renewed
	// Included is what is left of the plan's credits.
	Included     credit.Amount
	OverageUsed  credit.Amount
	OveragePrice money.Money // of OverageUsed so far; zero: it has none
}

// Subscription returns the state of an account's plan. It fails with
// fault.AccountNotFound.
func (c *Cashier) Subscription(ctx context.Context, account string) (Subscription, error) {
	return Look(ctx, c.Store, account, c.Now())
}

// Look returns the state of an account's plan at an instant. It fails with
// fault.AccountNotFound.
func Look(ctx context.Context, store Reader, account string, at time.Time) (Subscription, error) {
	of, err := commit.WalletOf(ctx, store, account)
	if err != nil {
		return Subscription{}, err
	}
	standing, err := store.Standing(ctx, account)
	if err != nil {
		return Subscription{}, err
	}
	s := Subscription{Account: account, Standing: standing, OverageUsed: of.OverageUsed}
	for i := range of.Grants {
		if of.Grants[i].Source == ledger.FromPlan && of.Grants[i].Spendable(at) {
			s.Included += of.Grants[i].Remaining
		}
	}
	if standing == nil || standing.Status == billing.SubscriptionEnded {
		return s, nil
	}
	return s, s.tellPlan(ctx, store, of)
}

// tellPlan fills in what exists only with a subscription.
func (s *Subscription) tellPlan(ctx context.Context, store Reader, of *ledger.Wallet) error {
	id := openPlan(s.Standing, of)
	if next := coming(s.Standing); next != id {
		s.NextPlan = next
	}
	if s.Standing.Running() && !s.Standing.CancelAtPeriodEnd {
		s.RenewsAt = s.Standing.PeriodEnd
	}
	plan, err := store.Plan(ctx, id)
	if err != nil {
		return err
	}
	if plan == nil {
		plan = &billing.Plan{ID: id, Name: id} // the processor has it, but the catalog does not
	}
	if open := of.Plan; open != nil && open.Subscription == s.Standing.ID {
		plan.IncludedCredits, plan.Overage, plan.OveragePrice = open.Included, open.Overage, open.OverageRate.PerCredit
		if open.OverageRate.Currency != "" {
			if s.OveragePrice, err = open.OverageRate.Of(of.OverageUsed); err != nil {
				return err
			}
		}
	}
	s.Plan = plan
	return nil
}

// Cancel ends the account's subscription with its period, or resumes it. It
// changes nothing if that is the case already. It fails with
// fault.NoSubscription.
func (c *Cashier) Cancel(ctx context.Context, account string, cancel bool) (Subscription, error) {
	for range maxTries {
		s, err := c.Subscription(ctx, account)
		if err != nil {
			return Subscription{}, err
		}
		if s.Standing == nil || !s.Standing.Running() {
			return Subscription{}, fault.New(fault.NoSubscription,
				"The account has no running subscription; start one with POST .../checkouts and a plan_id.")
		}
		if s.Standing.CancelAtPeriodEnd == cancel {
			return s, nil
		}
		if !s.Standing.Free() {
			return c.cancelPaid(ctx, s, cancel)
		}
		s.Standing.CancelAtPeriodEnd = cancel
		saved, err := c.Store.SaveStanding(ctx, *s.Standing, s.Standing.PeriodEnd)
		if err != nil {
			return Subscription{}, err
		}
		if saved {
			return c.Subscription(ctx, account)
		}
	}
	return Subscription{}, errMoved()
}

func (c *Cashier) cancelPaid(ctx context.Context, s Subscription, cancel bool) (Subscription, error) {
	// Asking twice does no harm; but cancel, resume and cancel again are three
	// requests, and must not be mistaken for two.
	key := strconv.FormatInt(s.Standing.Version, 10) + ":" + strconv.FormatInt(c.Now().UnixMilli(), 10)
	present, err := c.Processor.CancelAtPeriodEnd(ctx, s.Standing.ID, cancel, key)
	if err != nil {
		return Subscription{}, refused(err)
	}
	c.settled(ctx, s.Account, c.Settler.Subscription(ctx, s.Standing.ID))
	s.Standing.Subscription = present
	s.RenewsAt = time.Time{}
	if present.Running() && !present.CancelAtPeriodEnd {
		s.RenewsAt = present.PeriodEnd
	}
	return s, nil
}
