package settlement

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// maxPeriods bounds the periods that one run catches up with; the next run goes on.
const maxPeriods = 100

// Renew looks at an account's subscription when it is due. A free one gets every
// period that has begun, one after another; a paid one is read at the processor,
// and its newest invoice is settled, since its notice may have been lost. What
// fails stays due.
func (s *Settler) Renew(ctx context.Context, account string) error {
	standing, err := s.Store.Standing(ctx, account)
	if err != nil || standing == nil || standing.Status == billing.SubscriptionEnded {
		return err
	}
	if standing.Free() {
		return s.renewFree(ctx, *standing)
	}
	subscription, err := s.Processor.Subscription(ctx, standing.ID)
	if err == nil && subscription.LatestInvoice != "" {
		err = s.Invoice(ctx, subscription.LatestInvoice)
	}
	return errors.Join(err, s.follow(ctx, standing.ID, err == nil))
}

// renewFree opens the periods that have begun. The standing moves on to a period
// before that is opened, and past a period only once it is open. So a call that
// replaces the subscription opens the standing period first (handOver), and a
// slow call here finds it open, instead of opening it over the new
// subscription's.
func (s *Settler) renewFree(ctx context.Context, standing billing.Standing) error {
	now := s.Now()
	for range maxPeriods {
		if err := s.openStanding(ctx, standing.Subscription); err != nil {
			return err
		}
		if now.Before(standing.PeriodEnd) {
			break
		}
		if standing.CancelAtPeriodEnd {
			return s.endFree(ctx, standing)
		}
		if err := s.nextFree(ctx, &standing); err != nil {
			return err
		}
		// Still due: it is not open yet.
		if err := s.saveFree(ctx, &standing, standing.PeriodStart); err != nil {
			return err
		}
	}
	return s.saveFree(ctx, &standing, standing.PeriodEnd)
}

// nextFree moves the standing to its next period.
func (s *Settler) nextFree(ctx context.Context, standing *billing.Standing) error {
	if standing.NextPlan != "" {
		standing.PlanID, standing.NextPlan = standing.NextPlan, ""
	}
	plan, err := s.plan(ctx, standing.PlanID)
	if err != nil {
		return err
	}
	n := billing.PeriodAt(standing.Anchor, plan.Interval, standing.PeriodEnd)
	standing.PeriodStart, standing.PeriodEnd = billing.Period(standing.Anchor, plan.Interval, n)
	return nil
}

// openStanding opens the period that a subscription is in. A new one is in none:
// its period is empty, and its first one follows.
func (s *Settler) openStanding(ctx context.Context, subscription billing.Subscription) error {
	if !subscription.PeriodStart.Before(subscription.PeriodEnd) {
		return nil
	}
	plan, err := s.plan(ctx, subscription.PlanID)
	if err != nil {
		return err
	}
	return s.open(ctx, subscription.Account, subscription.ID, plan, periodOf{subscription.PeriodStart, subscription.PeriodEnd}, "")
}

// saveFree writes a standing, which then has the next version. If another run
// has moved on from here, the next run sees how far.
func (s *Settler) saveFree(ctx context.Context, standing *billing.Standing, due time.Time) error {
	saved, err := s.Store.SaveStanding(ctx, *standing, due)
	if err == nil && !saved {
		err = ErrMoved
	}
	standing.Version++
	return err
}

func (s *Settler) endFree(ctx context.Context, standing billing.Standing) error {
	if err := s.endPlan(ctx, standing.Account, standing.ID); err != nil {
		return err
	}
	standing.Status, standing.EndedAt = billing.SubscriptionEnded, standing.PeriodEnd
	return s.saveFree(ctx, &standing, time.Time{})
}

// Expire records the grants that have expired, if there are any.
func (s *Settler) Expire(ctx context.Context, account string) error {
	wallet, err := s.Store.Wallet(ctx, account)
	if err != nil || wallet == nil {
		return err
	}
	now := s.Now()
	for i := range wallet.Grants {
		if wallet.Grants[i].Expired(now) {
			return s.Committer.Do(ctx, account, ledger.Command{Action: ledger.ExpireGrants{}}).Err
		}
	}
	return nil
}
