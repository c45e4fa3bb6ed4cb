package ledger

import (
	"fmt"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// RefillPhase is the state of an account's automatic refill.
type RefillPhase string

// The phases.
const (
	RefillArmed          RefillPhase = "armed"
	RefillInFlight       RefillPhase = "in_flight"       // a payment is being tried
	RefillBackoff        RefillPhase = "backoff"         // nothing is tried before Until
	RefillActionRequired RefillPhase = "action_required" // nothing is tried until it is set up again
	RefillOff            RefillPhase = "off"
)

// RefillReason is why a refill is not armed. The processor's side may add others.
type RefillReason = string

// The reasons.
const (
	ReasonDeclined       RefillReason = "declined"
	ReasonAuthentication RefillReason = "authentication_required"
	ReasonMonthlyCap     RefillReason = "monthly_cap"
	ReasonNoPack         RefillReason = "pack_unavailable"
	ReasonOwed           RefillReason = "credits_owed" // which would take the whole pack
)

// RefillState is the automatic refill of an account.
type RefillState struct {
	Phase     RefillPhase
	Off       bool // switched off while in flight: it becomes off once that is settled
	Threshold credit.Amount
	Pack      string
	Cap       money.Money // of a month
	// Month is what Spent counts: the calendar month of the account's zone in which
	// the last refill was started, "2006-01". It never goes back, even if clocks
	// and zones do: charges are not forgotten.
	Month string
	// Spent is what was charged in Month or is in flight, in minor units. A change
	// of the cap's currency leaves the number as it is, for the same reason.
	Spent int64

	// Of the refill in flight:
	ID           string
	Buys         string // the pack, which may differ from the one set now
	Price        money.Money
	Credits      credit.Amount
	ValidityDays int // 0: for ever
	Since        time.Time

	Until    time.Time // of a backoff
	Failures int       // consecutive declines
	Reason   RefillReason
}

// RefillOutcome is how a refill ended.
type RefillOutcome string

// The outcomes.
const (
	RefillPaid        RefillOutcome = "paid"
	RefillDeclined    RefillOutcome = "declined"        // another card, or a later try, may succeed
	RefillNeedsAction RefillOutcome = "action_required" // the cardholder must confirm it, or save a card
	RefillCanceled    RefillOutcome = "canceled"        // it will never be paid
	RefillUnavailable RefillOutcome = "unavailable"     // it could not be tried
)

// DueRefill reports whether StartRefill would act on a wallet at an instant:
// the refill is armed, or a backoff is over, what is available lies below the
// threshold, and the account is not suspended.
func DueRefill(w *Wallet, at time.Time) bool {
	r := w.Refill
	if r == nil || w.Settings.Status == Suspended {
		return false
	}
	ready := r.Phase == RefillArmed || r.Phase == RefillBackoff && !at.Before(r.Until)
	return ready && w.BalanceAt(at).Available < r.Threshold
}

// declineWaits are the backoffs after consecutive declines; after one more the
// account must act.
var declineWaits = []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// shortBackoff follows a failure that is unrelated to the card.
const shortBackoff = 15 * time.Minute

// failed subtracts the price from what was spent and sets when the next try may
// be. The month that counts is still the one in which the refill was started:
// nothing else changes it.
func (r *RefillState) failed(settle SettleRefill, price int64, now time.Time) error {
	r.Spent -= price
	r.Reason = settle.Reason
	if r.Reason == "" {
		r.Reason = string(settle.Outcome)
	}
	wait := shortBackoff
	switch settle.Outcome {
	case RefillDeclined:
		r.Failures++
		if r.Failures > len(declineWaits) {
			r.Phase, r.Reason = RefillActionRequired, ReasonDeclined
			return nil
		}
		wait = declineWaits[r.Failures-1]
	case RefillNeedsAction:
		r.Phase = RefillActionRequired
		if settle.Reason == "" {
			r.Reason = ReasonAuthentication
		}
		return nil
	case RefillCanceled, RefillUnavailable:
	default:
		return fmt.Errorf("ledger: a refill cannot end %q", settle.Outcome)
	}
	r.Phase, r.Until = RefillBackoff, now.Add(wait)
	return nil
}
