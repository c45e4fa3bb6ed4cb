package settlement

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// keysLast is how long the processor is certain to remember an idempotency key:
// after that a charge is looked up by its metadata, and never requested again.
const keysLast = 23 * time.Hour

// Refill starts the account's refill if it is due, and continues one that is in
// flight. Calling it too often does no harm: the wallet determines whether there
// is anything to do, and allows one refill at a time.
func (s *Settler) Refill(ctx context.Context, account string) error {
	wallet, err := s.Store.Wallet(ctx, account)
	if err != nil || wallet == nil || wallet.Refill == nil {
		return err
	}
	if wallet.Refill.Phase == ledger.RefillInFlight {
		return s.resolve(ctx, account, *wallet.Refill)
	}
	if !ledger.DueRefill(wallet, s.Now()) {
		return nil
	}
	pack, err := s.Store.Pack(ctx, wallet.Refill.Pack)
	if err != nil {
		return err
	}
	if pack == nil || !pack.Active {
		return s.Committer.Do(ctx, account, ledger.Command{Action: ledger.StartRefill{Pack: wallet.Refill.Pack, Unavailable: true}}).Err
	}
	outcome := s.Committer.Do(ctx, account, ledger.Command{Action: ledger.StartRefill{
		Pack: pack.ID, Price: pack.Price, Credits: pack.Credits, ValidityDays: pack.ValidityDays,
	}})
	if outcome.Err != nil || outcome.Entry == nil || outcome.Wallet.Refill.Phase != ledger.RefillInFlight {
		return outcome.Err
	}
	return s.resolve(ctx, account, *outcome.Wallet.Refill)
}

// resolve ends the refill in flight, or leaves it in flight if the processor has
// not decided. It never assumes: an unknown outcome stays an error, and the sweep
// asks again under the same id. A definite rejection by the processor is not an
// unknown outcome, and ends the refill.
func (s *Settler) resolve(ctx context.Context, account string, refill ledger.RefillState) error {
	customer, err := billing.Customer(ctx, s.Store, s.Processor, account)
	if err != nil {
		return err
	}
	outcome, reason := ledger.RefillCanceled, "" // the charge was never made
	var rejected error
	if s.Now().Sub(refill.Since) < keysLast {
		payment, err := s.charge(ctx, account, customer, refill)
		switch {
		case err == nil:
			return s.byPayment(ctx, account, refill.ID, payment)
		case errors.Is(err, billing.ErrNoCard):
			outcome, reason = ledger.RefillNeedsAction, reasonNoCard
		case errors.Is(err, billing.ErrRejected):
			outcome, reason, rejected = ledger.RefillUnavailable, reasonRejected, err
		default:
			return err
		}
	}
	// An earlier request may have had a card, or what is missing now.
	found, err := s.Processor.FindRefill(ctx, customer, refill.ID, refill.Since)
	if err != nil {
		return err
	}
	if found != nil {
		return s.byPayment(ctx, account, refill.ID, *found)
	}
	// A rejection is an error too: only the operator can fix its cause.
	return errors.Join(rejected, s.settleRefill(ctx, account, ledger.SettleRefill{ID: refill.ID, Outcome: outcome, Reason: reason}))
}

// The reasons of refills for which there was no payment.
const (
	reasonNoCard   ledger.RefillReason = "no_card"
	reasonRejected ledger.RefillReason = "rejected" // the processor rejected the charge
)

// charge requests the payment of a refill, and reads it as it is now: for a key
// that it remembers, the processor repeats its first answer. It uses the terms of
// the refill in flight, which the account may have changed since: the same key
// requires the same request.
func (s *Settler) charge(ctx context.Context, account, customer string, refill ledger.RefillState) (billing.Payment, error) {
	payment, err := s.Processor.ChargeRefill(ctx, billing.RefillCharge{
		Account: account, Customer: customer, Amount: refill.Price,
		Pack: billing.PackSale{PackID: refill.Buys, Credits: refill.Credits, ValidityDays: refill.ValidityDays, Refill: refill.ID},
	})
	if err != nil || payment.ID == "" { // refused before there was a payment
		return payment, err
	}
	return s.Processor.Payment(ctx, payment.ID)
}

// byPayment settles a refill by the current state of its payment. A refused
// payment is canceled first, so that it cannot be paid after the refill has
// been abandoned.
func (s *Settler) byPayment(ctx context.Context, account, refill string, payment billing.Payment) error {
	outcome := ledger.RefillDeclined
	switch payment.Status {
	case billing.Succeeded:
		return s.refillPaid(ctx, payment)
	case billing.Processing:
		return s.paymentBills(ctx, payment, billing.RefillBill)
	case billing.Canceled: // after a refusal, by a try that stopped here or was overtaken
		switch payment.Refused {
		case billing.ActionRequired:
			outcome = ledger.RefillNeedsAction
		case "":
			outcome = ledger.RefillCanceled
		default: // it was declined
		}
	case billing.ActionRequired:
		outcome = ledger.RefillNeedsAction
	case billing.Declined:
	}
	if payment.ID != "" {
		if payment.Status != billing.Canceled {
			canceled, err := s.Processor.CancelPayment(ctx, payment.ID)
			if err != nil {
				return err
			}
			switch canceled.Status {
			case billing.Succeeded, billing.Processing:
				return s.byPayment(ctx, account, refill, canceled)
			case billing.Declined, billing.ActionRequired:
				return ErrNotYet // it could still be paid
			case billing.Canceled:
			}
		}
		// The line first: once it is settled, no sweep comes back to write it.
		if err := s.paymentBills(ctx, payment, billing.RefillBill); err != nil {
			return err
		}
	}
	return s.settleRefill(ctx, account, ledger.SettleRefill{ID: refill, Outcome: outcome, Payment: payment.ID})
}

func (s *Settler) settleRefill(ctx context.Context, account string, settle ledger.SettleRefill) error {
	return s.Committer.Do(ctx, account, ledger.Command{Operation: ledger.RefillOperation(settle.ID), Action: settle}).Err
}

// refillPaid settles a successful payment of a refill, whether the sweep or a
// notice finds it first.
func (s *Settler) refillPaid(ctx context.Context, payment billing.Payment) error {
	operation := ledger.RefillOperation(payment.Pack.Refill)
	outcome := s.Committer.Do(ctx, payment.Account, ledger.Command{
		Operation: operation,
		Action:    ledger.SettleRefill{ID: payment.Pack.Refill, Outcome: ledger.RefillPaid, Payment: payment.ID},
	})
	if outcome.Err != nil {
		return outcome.Err
	}
	if !settledBy(outcome.Entry, payment.ID) {
		// The refill was abandoned before its payment was found, or another
		// payment has settled it: the money counts.
		operation = ledger.PaymentOperation(payment.ID)
		if err := s.grantPack(ctx, payment, operation, ledger.FromAutoRefill); err != nil {
			return err
		}
	}
	if err := s.takeBack(ctx, payment.Account, operation, payment.ID); err != nil {
		return err
	}
	return s.paymentBills(ctx, payment, billing.RefillBill)
}

// settledBy reports whether an entry has granted a refill for a payment.
func settledBy(entry *ledger.Entry, payment string) bool {
	if entry == nil {
		return false
	}
	step := ledger.DetailOf[*ledger.RefillStep](entry)
	return step != nil && step.Issue != nil && step.Payment == payment
}
