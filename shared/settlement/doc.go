// Package settlement brings what the payment processor and the calendar say
// into the ledger: payments, refunds and disputes, invoices and subscriptions,
// automatic refills, and the periods of plans.
//
// Nothing here trusts a message. A message names an object; the object is read
// anew, and whatever it says now is made true, by commands whose ids follow from
// the object's. So messages may be lost, doubled and shuffled, and a crash at
// any point is mended by the next message or the next sweep.
//
// What must not be done by an old reading after a newer one (a refund, a line of
// the billing history) is guarded by what was stored before the object was read:
// if that has moved meanwhile, the object is read again. And since a newer reading
// that finds nothing to change moves nothing, whoever has written reads once more.
//
// The package knows no SDK and no table. It decides no rule about credits, which
// are the ledger's.
package settlement

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Processor is the payment processor.
type Processor interface {
	Payment(ctx context.Context, id string) (billing.Payment, error)
	PaymentIDOfCharge(ctx context.Context, charge string) (string, error)
	PaymentIDOfRefund(ctx context.Context, refund string) (string, error)
	PaymentIDOfDispute(ctx context.Context, dispute string) (string, error)
	PaymentIDOfSession(ctx context.Context, session string) (string, error)
	SubscriptionIDOfSession(ctx context.Context, session string) (string, error)
	Subscription(ctx context.Context, id string) (billing.Subscription, error)
	Invoice(ctx context.Context, id string) (billing.Invoice, error)
	CancelAtPeriodEnd(ctx context.Context, subscription string, cancel bool, key string) (billing.Subscription, error)
	EnsureCustomer(ctx context.Context, account, name string) (string, error)
	ChargeRefill(ctx context.Context, charge billing.RefillCharge) (billing.Payment, error)
	FindRefill(ctx context.Context, customer, refill string, since time.Time) (*billing.Payment, error)
	CancelPayment(ctx context.Context, id string) (billing.Payment, error)
	BillOverage(ctx context.Context, overage billing.OverageCharge) (billing.Invoice, error)
}

// Store is what is kept of accounts beside their ledgers.
type Store interface {
	Wallet(ctx context.Context, account string) (*ledger.Wallet, error)
	Plan(ctx context.Context, id string) (*billing.Plan, error)
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	Customer(ctx context.Context, account string) (string, error)
	SaveCustomer(ctx context.Context, account, customer string) (string, error)
	Standing(ctx context.Context, account string) (*billing.Standing, error)
	// SaveStanding writes a standing whose stored version is still the given
	// one's, and answers false where it is another.
	SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error)
	Bill(ctx context.Context, account string, at time.Time, id string) (*billing.Bill, error)
	// SaveBill writes a line whose stored version is still the given one's, and
	// answers false where it is another.
	SaveBill(ctx context.Context, bill billing.Bill) (bool, error)
	// Read is the ledger's: here it tells what has been taken back of a grant.
	Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error)
}

// Committer runs commands.
type Committer interface {
	Do(ctx context.Context, account string, command ledger.Command) commit.Outcome
}

// Settler settles. Its fields are set once.
type Settler struct {
	Store     Store
	Committer Committer
	Processor Processor
	Now       func() time.Time
	// OnTwoSubscriptions is told of an account that pays for two subscriptions, of
	// which one will not be renewed and is to be refunded; nil: nobody is.
	OnTwoSubscriptions func(ctx context.Context, account, older, stands string)
	// OnPaidForNothing is told of an invoice that was paid and grants nothing, since
	// its subscription has ended or another one has taken its place: whenever it is
	// settled, until its money is given back; nil: nobody is.
	OnPaidForNothing func(ctx context.Context, account, invoice string)
}

// maxTries bounds how often an object is read again because others have moved
// what is stored of it.
const maxTries = 8

// ErrMoved says that others kept moving what was to be written. The message that
// brought us here must come again.
var ErrMoved = errors.New("settlement: others keep writing the same; it must be tried again")

// ErrNotYet says that something must have been settled before that has not been
// yet. The message must come again.
var ErrNotYet = errors.New("settlement: what this rests on has not been settled yet; it must be tried again")

// errGone says that nothing was stored of what the processor has.
var errGone = errors.New("settlement: the catalog lacks what was paid for")

// Kind is what a message of the processor is about, as it calls its objects.
type Kind string

// The kinds of objects that are settled.
const (
	OfSession      Kind = "checkout.session"
	OfPayment      Kind = "payment_intent"
	OfCharge       Kind = "charge"
	OfRefund       Kind = "refund"
	OfDispute      Kind = "dispute"
	OfInvoice      Kind = "invoice"
	OfSubscription Kind = "subscription"
)

// Settle makes true what an object of the processor says now. Kinds that say
// nothing of ours are ignored.
func (s *Settler) Settle(ctx context.Context, kind Kind, id string) error {
	switch kind {
	case OfPayment:
		return s.Payment(ctx, id)
	case OfCharge:
		return s.paymentBy(ctx, s.Processor.PaymentIDOfCharge, id)
	case OfRefund: // one that the bank did not take changes its payment, too
		return s.paymentBy(ctx, s.Processor.PaymentIDOfRefund, id)
	case OfDispute:
		return s.paymentBy(ctx, s.Processor.PaymentIDOfDispute, id)
	case OfSession:
		if err := s.paymentBy(ctx, s.Processor.PaymentIDOfSession, id); err != nil {
			return err
		}
		subscription, err := s.Processor.SubscriptionIDOfSession(ctx, id)
		if err != nil || subscription == "" {
			return err
		}
		return s.Subscription(ctx, subscription)
	case OfInvoice:
		return s.Invoice(ctx, id)
	case OfSubscription:
		return s.Subscription(ctx, id)
	}
	return nil
}

func (s *Settler) paymentBy(ctx context.Context, find func(context.Context, string) (string, error), id string) error {
	payment, err := find(ctx, id)
	if err != nil || payment == "" {
		return err
	}
	return s.Payment(ctx, payment)
}

// writeBill brings a line of the billing history up to the present object. The
// first reading serves a line that is not there yet; where one is, the object is
// read again after it, so that an old reading never covers a newer one.
func (s *Settler) writeBill(ctx context.Context, first billing.Bill, again func() (billing.Bill, error)) error {
	next := first
	for range maxTries {
		stored, err := s.Store.Bill(ctx, first.Account, first.At, first.ID)
		if err != nil {
			return err
		}
		if stored != nil {
			if next, err = again(); err != nil {
				return err
			}
			next = kept(next, *stored)
			if next == *stored {
				return nil
			}
		}
		saved, err := s.Store.SaveBill(ctx, next)
		if err != nil || saved && stored == nil {
			return err
		}
	}
	return ErrMoved
}

// kept takes over what the present object does not know. What was bought is told
// as it was called then: the catalog may have changed since.
func kept(next, stored billing.Bill) billing.Bill {
	next.Version = stored.Version
	if next.Seq == 0 {
		next.Seq = stored.Seq
	}
	if next.State == stored.State && stored.Description != "" {
		next.Description, next.Credits = stored.Description, stored.Credits
	}
	return next
}

// takeBack brings what is taken back of a grant to what a present reading of the
// money says.
func (s *Settler) takeBack(ctx context.Context, account string, of ledger.OperationID, payment string) error {
	for range maxTries {
		snapshot, err := s.Store.Read(ctx, account, nil, of)
		if err != nil {
			return err
		}
		charged := snapshot.Charged
		if charged == nil {
			return ErrNotYet
		}
		// Read after the tally: a newer reading of the money has moved the tally.
		present, err := s.Processor.Payment(ctx, payment)
		if err != nil {
			return err
		}
		total, err := present.TakenBack(ledger.Granted(charged.Entry))
		if err != nil {
			return err
		}
		if total == charged.Reversed.Credits {
			return nil
		}
		outcome := s.Committer.Do(ctx, account, ledger.Command{Action: ledger.TakeBack{
			Of: of, Total: total, Seen: charged.Reversed.Count, Reason: reasonOf(present),
		}})
		if outcome.Err != nil && !errors.Is(outcome.Err, ledger.ErrTallyMoved) {
			return outcome.Err
		}
		// Read again: another reading of the money, newer than ours, may have found
		// nothing to change before ours took effect.
	}
	return ErrMoved
}

func reasonOf(p billing.Payment) string {
	switch {
	case p.Dispute == billing.DisputeOpen:
		return "disputed"
	case p.Dispute == billing.DisputeLost:
		return "dispute lost"
	case p.Dispute == billing.DisputeWon && p.Refunded == 0:
		return "dispute won"
	}
	return "refunded"
}

// overageRateOf is the price of a plan's overage, none where it has none. A plan
// that bills no overage itself may have one: an account's own setting, which wins,
// may allow it.
func overageRateOf(p billing.Plan) money.Rate {
	if p.OveragePrice == 0 {
		return money.Rate{}
	}
	return p.OverageRate()
}
