package settlement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// Subscription stores the current state of the processor's subscription, and
// ends the plan of one that has ended.
func (s *Settler) Subscription(ctx context.Context, id string) error {
	return s.follow(ctx, id, false)
}

// follow is Subscription; for the calendar, it also writes when to look again,
// even if nothing has changed.
func (s *Settler) follow(ctx context.Context, id string, asked bool) error {
	for range maxTries {
		done, err := s.keepStanding(ctx, id, asked)
		if err != nil || done {
			return err
		}
		asked = false
	}
	return ErrMoved
}

// keepStanding reads what is stored, then the subscription, and writes it if
// nothing has changed in between. It is done if there is nothing to write.
func (s *Settler) keepStanding(ctx context.Context, id string, asked bool) (bool, error) {
	subscription, err := s.Processor.Subscription(ctx, id)
	if err != nil || subscription.Account == "" {
		return true, err
	}
	account := subscription.Account
	stored, err := s.Store.Standing(ctx, account)
	if err != nil {
		return false, err
	}
	// The stored one was read after the first reading: read once more, so that
	// what is written is newer than what it replaces.
	if stored != nil {
		if subscription, err = s.Processor.Subscription(ctx, id); err != nil {
			return false, err
		}
	}
	if subscription.Status == billing.SubscriptionEnded {
		if err := s.endPlan(ctx, account, id); err != nil {
			return false, err
		}
		if stored == nil || stored.ID != id {
			return true, nil // another one is in place already
		}
	}
	if subscription.Status == billing.SubscriptionIncomplete && stored != nil && stored.ID != id {
		return true, nil // not begun: the existing one remains
	}
	if replaces, err := s.replace(ctx, stored, subscription); err != nil || !replaces {
		return true, err
	}
	next := billing.Standing{Subscription: subscription}
	next.LatestInvoice = "" // which is read again wherever it counts
	if stored != nil {
		next.Version = stored.Version
		if stored.ID == id {
			next.NextPlan, next.InvoiceID, next.PayURL = stored.NextPlan, stored.InvoiceID, stored.PayURL
		}
	}
	if next.NextPlan == next.PlanID {
		next.NextPlan = "" // the change has taken effect
	}
	if next.Status == billing.SubscriptionActive {
		next.InvoiceID, next.PayURL = "", ""
	}
	if !asked && stored != nil && next == *stored {
		return true, nil
	}
	due, err := s.dueOf(ctx, next)
	if err != nil {
		return false, err
	}
	saved, err := s.Store.SaveStanding(ctx, next, due)
	return saved && stored == nil, err
}

// replace reports whether a subscription takes the place of the stored one, and
// prepares for it. Two simultaneous payments can leave two running
// subscriptions: the newer one is kept, and the older one is no longer renewed.
func (s *Settler) replace(ctx context.Context, stored *billing.Standing, next billing.Subscription) (bool, error) {
	switch {
	case stored == nil, stored.ID == next.ID, stored.Status == billing.SubscriptionEnded, stored.Status == billing.SubscriptionIncomplete:
		return true, nil
	case stored.Free():
		return true, s.openStanding(ctx, stored.Subscription)
	}
	older, stands := next, younger(next, stored.Subscription)
	if stands {
		var err error
		if older, err = s.handOver(ctx, stored.Subscription); err != nil || older.Status == billing.SubscriptionEnded {
			return true, err
		}
	}
	if older.CancelAtPeriodEnd {
		return stands, nil
	}
	if s.OnTwoSubscriptions != nil {
		newer := next.ID
		if !stands {
			newer = stored.ID
		}
		s.OnTwoSubscriptions(ctx, next.Account, older.ID, newer)
	}
	_, err := s.Processor.CancelAtPeriodEnd(ctx, older.ID, true, "superseded:"+older.ID)
	return stands, err
}

// younger reports whether a subscription was begun after another one; the ids
// decide between two of the same second, so that the order is stable.
func younger(a, b billing.Subscription) bool {
	if a.Anchor.Equal(b.Anchor) {
		return a.ID > b.ID
	}
	return a.Anchor.After(b.Anchor)
}

// handOver prepares the stored subscription for its replacement, and returns its
// current state. Its current period is opened before another subscription may open
// its own: a concurrent call about to open it has written that standing first, and
// then finds the period open, instead of opening it over the other one's.
func (s *Settler) handOver(ctx context.Context, stored billing.Subscription) (billing.Subscription, error) {
	if stored.Status == billing.SubscriptionActive {
		if err := s.openStanding(ctx, stored); err != nil && !errors.Is(err, errGone) {
			return stored, err
		}
	}
	present, err := s.Processor.Subscription(ctx, stored.ID)
	if err == nil && present.Status == billing.SubscriptionEnded {
		err = s.endPlan(ctx, stored.Account, stored.ID)
	}
	return present, err
}

// stands reports whether the periods of a subscription are to be opened: it is
// the stored one, and has not ended. The stored record is updated first: opening
// a period ends the credits of the previous plan, so that of two subscriptions
// only the stored one may open any.
func (s *Settler) stands(ctx context.Context, account, id string) (bool, error) {
	if err := s.Subscription(ctx, id); err != nil {
		return false, err
	}
	standing, err := s.Store.Standing(ctx, account)
	if err != nil {
		return false, err
	}
	if standing != nil && standing.ID == id {
		return standing.Status != billing.SubscriptionEnded, nil
	}
	subscription, err := s.Processor.Subscription(ctx, id)
	if err != nil || subscription.Status == billing.SubscriptionEnded {
		return false, err
	}
	if standing != nil && !standing.Free() && standing.Running() {
		return false, nil // another one has taken its place
	}
	return false, ErrNotYet // paid, but the processor's subscription does not show it yet
}

// noteUnpaid stores where an invoice that could not be collected can be paid,
// until it is paid or abandoned.
func (s *Settler) noteUnpaid(ctx context.Context, invoice billing.Invoice) error {
	for range maxTries {
		standing, err := s.Store.Standing(ctx, invoice.Account)
		if err != nil {
			return err
		}
		if standing == nil || standing.ID != invoice.Subscription || standing.Status == billing.SubscriptionEnded {
			return nil
		}
		present, err := s.Processor.Invoice(ctx, invoice.ID)
		if err != nil {
			return err
		}
		next := *standing
		switch {
		case present.Status == billing.InvoiceOpen && present.Attempted:
			next.InvoiceID, next.PayURL = present.ID, present.HostedURL
		case standing.InvoiceID == present.ID:
			next.InvoiceID, next.PayURL = "", ""
		}
		if next == *standing {
			return nil
		}
		due, err := s.dueOf(ctx, next)
		if err != nil {
			return err
		}
		if _, err := s.Store.SaveStanding(ctx, next, due); err != nil {
			return err
		}
	}
	return ErrMoved
}

// dueOf is when the calendar must look at a subscription: a free one when its
// period ends; a paid one when the invoice of its current period should have been
// paid long ago, or, if that period is open, the invoice of the next one; zero if
// it has ended.
func (s *Settler) dueOf(ctx context.Context, standing billing.Standing) (time.Time, error) {
	switch {
	case standing.Status == billing.SubscriptionEnded:
		return time.Time{}, nil
	case standing.Free():
		return standing.PeriodEnd, nil
	}
	wallet, err := s.Store.Wallet(ctx, standing.Account)
	if err != nil {
		return time.Time{}, err
	}
	due := standing.PeriodStart.Add(billing.Grace)
	if wallet != nil && wallet.Plan != nil && wallet.Plan.Subscription == standing.ID && !wallet.Plan.Start.Before(standing.PeriodStart) {
		due = standing.PeriodEnd.Add(billing.Grace)
	}
	if now := s.Now(); !due.After(now) {
		return now.Add(lookAgain), nil
	}
	return due, nil
}

// lookAgain is how long the calendar waits before it looks again at a
// subscription whose invoice is not paid.
const lookAgain = 24 * time.Hour

// endPlan ends the plan of a subscription whenever it is open: a period may have
// been paid before the end and be opened after it. The operation's id follows
// from the period that was open, so that each end takes effect once.
func (s *Settler) endPlan(ctx context.Context, account, subscription string) error {
	wallet, err := s.Store.Wallet(ctx, account)
	if err != nil || wallet == nil || wallet.Plan == nil || wallet.Plan.Subscription != subscription {
		return err
	}
	operation := ledger.EndOperation(fmt.Sprintf("%s:%d", subscription, wallet.Plan.Start.Unix()))
	return s.Committer.Do(ctx, account, ledger.Command{Operation: operation, Action: ledger.EndPlan{Subscription: subscription}}).Err
}

// periodOf is when a period runs.
type periodOf struct{ start, end time.Time }

// open opens a period in the ledger. It is granted once, however often it is requested.
func (s *Settler) open(ctx context.Context, account, subscription string, plan billing.Plan, period periodOf, payment string) error {
	return s.Committer.Do(ctx, account, ledger.Command{
		Operation: ledger.PeriodOperation(subscription, period.start),
		Action:    OpenPeriod(subscription, plan, period.start, period.end, payment),
	}).Err
}

// OpenPeriod is the action that opens a period of a plan.
func OpenPeriod(subscription string, plan billing.Plan, start, end time.Time, payment string) ledger.OpenPeriod {
	return ledger.OpenPeriod{
		Subscription: subscription, Plan: plan.ID, Start: start, End: end, LapseAt: end.Add(billing.Grace),
		Credits: plan.IncludedCredits, Overage: plan.Overage, OverageRate: plan.OverageRate(), Rollover: plan.Rollover,
		Payment: payment,
	}
}
