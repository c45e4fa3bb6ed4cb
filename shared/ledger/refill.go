package ledger

import (
	"fmt"
	"strconv"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// RefillPhase is where an account's automatic refill stands.
type RefillPhase string

// The phases.
const (
	RefillArmed          RefillPhase = "armed"
	RefillInFlight       RefillPhase = "in_flight"       // a payment is being tried
	RefillBackoff        RefillPhase = "backoff"         // nothing is tried before Until
	RefillActionRequired RefillPhase = "action_required" // nothing is tried until it is set up again
	RefillOff            RefillPhase = "off"
)

// RefillReason says why a refill is not armed. The processor's side may give others.
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
	// the last refill was started, "2006-01". It never goes back, though clocks and
	// zones may: what was charged is not forgotten.
	Month string
	// Spent is what was charged in Month or is in flight, in minor units. A change
	// of the cap's currency leaves the number as it is, for the same reason.
	Spent int64

	// Of the refill in flight:
	ID           string
	Buys         string // the pack, which may no longer be the one that is set
	Price        money.Money
	Credits      credit.Amount
	ValidityDays int // 0: for ever
	Since        time.Time

	Until    time.Time // of a backoff
	Failures int       // declines one after another
	Reason   RefillReason
}

// SetRefill sets the automatic refill up, or switches it off; then the other terms
// stay as they were. Setting it up arms it again, whatever has kept it from being
// tried. While a refill is in flight that goes on, by its own terms. What is so
// already changes nothing.
type SetRefill struct {
	Enabled   bool
	Threshold credit.Amount
	Pack      string
	Cap       money.Money
}

// StartRefill moves the refill into flight, if it is due (see DueRefill); else it
// changes nothing. Where the month's cap has no room for the price, or is in
// another currency, it is put off until the month is over. Where the pack cannot
// be had any more, the account must choose another one. And where what is owed would
// take the whole pack, which would leave the account as short of credits as before,
// it must act too: charges without its bearer are not for paying a debt.
type StartRefill struct {
	Unavailable  bool   // the pack is not sold any more; the other fields say nothing then
	Pack         string // whose terms these are: nothing is started where the account has another by now; empty: not said
	Price        money.Money
	Credits      credit.Amount
	ValidityDays int // 0: for ever
}

// RefillOutcome is how a refill ended.
type RefillOutcome string

// The outcomes.
const (
	RefillPaid        RefillOutcome = "paid"
	RefillDeclined    RefillOutcome = "declined"        // with another card, or later, it might not be
	RefillNeedsAction RefillOutcome = "action_required" // its bearer must confirm it, or save a card
	RefillCanceled    RefillOutcome = "canceled"        // it will never be paid
	RefillUnavailable RefillOutcome = "unavailable"     // it could not be tried
)

// SettleRefill ends the refill in flight, under RefillOperation. It changes
// nothing where another, or none, is in flight.
//
// An operation takes effect once: where a refill was settled in any other way and
// its payment succeeds after all, the answer is that first settlement, and what was
// paid for is to be granted under PaymentOperation.
type SettleRefill struct {
	ID      string
	Outcome RefillOutcome
	Payment string
	Reason  string // of a failure; empty: what the outcome says
}

// RefillAction is what a step of the refill was.
type RefillAction string

// The steps.
const (
	RefillSet       RefillAction = "set"       // set up or switched off
	RefillStarted   RefillAction = "started"   // in flight
	RefillPostponed RefillAction = "postponed" // not started: the month's cap has no room, there is no such pack, or too much is owed
	RefillSettled   RefillAction = "settled"
)

// RefillStep is the detail of a refill entry. Of what was settled, ID and Price are
// here: the state has them no longer.
type RefillStep struct {
	Step    RefillAction
	State   RefillState // as it is from now on
	ID      string      // of the refill that was started or settled
	Price   money.Money // of the refill that was started, postponed or settled
	Outcome RefillOutcome
	Issue   *Issue // of one that was paid
	Payment string
}

// DueRefill tells whether StartRefill would act on a wallet at an instant: the
// refill is armed, or a backoff is over, what is available lies below the
// threshold, and the account is not suspended.
func DueRefill(w *Wallet, at time.Time) bool {
	r := w.Refill
	if r == nil || w.Settings.Status == Suspended {
		return false
	}
	ready := r.Phase == RefillArmed || r.Phase == RefillBackoff && !at.Before(r.Until)
	return ready && w.BalanceAt(at).Available < r.Threshold
}

func (d *draft) setRefill(set SetRefill) error {
	if set.Threshold < 0 || set.Cap.Minor < 0 {
		return fmt.Errorf("ledger: a refill below %s credits, with a cap of %s", set.Threshold, set.Cap)
	}
	old := RefillState{Phase: RefillOff}
	if d.on.Refill != nil {
		old = *d.on.Refill
	}
	next := old
	if set.Enabled {
		next.Threshold, next.Pack, next.Cap = set.Threshold, set.Pack, set.Cap
	}
	next.Until, next.Failures, next.Reason = time.Time{}, 0, ""
	switch {
	case old.Phase == RefillInFlight:
		next.Off = !set.Enabled
	case set.Enabled:
		next.Phase = RefillArmed
	default:
		next.Phase = RefillOff
	}
	if next != old {
		d.refillStep(&RefillStep{Step: RefillSet, State: next})
	}
	return nil
}

func (d *draft) refillStep(step *RefillStep) {
	d.entry.Type, d.entry.Refill = RefillEntry, step
}

func (d *draft) startRefill(start StartRefill) error {
	now := d.entry.CreatedAt
	if !DueRefill(d.on, now) || start.Pack != "" && start.Pack != d.on.Refill.Pack {
		return nil
	}
	if start.Unavailable {
		next := *d.on.Refill
		next.Phase, next.Reason, next.Until = RefillActionRequired, ReasonNoPack, time.Time{}
		d.refillStep(&RefillStep{Step: RefillPostponed, State: next})
		return nil
	}
	if start.Credits <= 0 || start.Price.Minor <= 0 || start.ValidityDays < 0 {
		return fmt.Errorf("ledger: a refill of %s credits for %s, valid for %d days", start.Credits, start.Price, start.ValidityDays)
	}
	if d.on.Owed >= start.Credits {
		next := *d.on.Refill
		next.Phase, next.Reason, next.Until = RefillActionRequired, ReasonOwed, time.Time{}
		d.refillStep(&RefillStep{Step: RefillPostponed, State: next, Price: start.Price})
		return nil
	}
	zone, err := location(d.on.Settings.Zone)
	if err != nil {
		return fmt.Errorf("ledger: zone of account %s: %w", d.on.Account, err)
	}
	next := d.on.Refill.inMonth(monthOf(now, zone))
	next.Until = time.Time{}
	// Neither the cap nor what was spent is negative, so the comparison cannot overflow.
	if start.Price.Currency != next.Cap.Currency || start.Price.Minor > next.Cap.Minor-next.Spent {
		if next.Until, err = endOfMonth(next.Month, zone); err != nil {
			return err
		}
		next.Phase, next.Reason = RefillBackoff, ReasonMonthlyCap
		d.refillStep(&RefillStep{Step: RefillPostponed, State: next, Price: start.Price})
		return nil
	}
	next.Phase, next.Reason = RefillInFlight, ""
	next.ID = "rf_" + d.on.Account + "_" + strconv.FormatInt(d.entry.Seq, 10)
	next.Buys, next.Price, next.Credits, next.ValidityDays, next.Since = next.Pack, start.Price, start.Credits, start.ValidityDays, now
	next.Spent += start.Price.Minor
	d.refillStep(&RefillStep{Step: RefillStarted, State: next, ID: next.ID, Price: next.Price})
	return nil
}

// declineWaits are the backoffs after declines one after another; after one more
// the account must act.
var declineWaits = []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour}

// shortBackoff follows what says nothing about the card.
const shortBackoff = 15 * time.Minute

func (d *draft) settleRefill(settle SettleRefill) error {
	flying := d.on.Refill
	if flying == nil || flying.Phase != RefillInFlight || flying.ID != settle.ID {
		return nil
	}
	next := *flying
	next.ID, next.Buys, next.Price, next.Credits, next.ValidityDays, next.Since = "", "", money.Money{}, 0, 0, time.Time{}
	next.Off = false
	step := &RefillStep{Step: RefillSettled, ID: flying.ID, Price: flying.Price, Outcome: settle.Outcome, Payment: settle.Payment}
	if settle.Outcome == RefillPaid {
		terms := Terms{Source: FromAutoRefill, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
		if flying.ValidityDays > 0 {
			terms.ExpiresAt = d.entry.CreatedAt.AddDate(0, 0, flying.ValidityDays)
		}
		issue, err := d.issuePaid(terms, flying.Credits, settle.Payment)
		if err != nil {
			return err
		}
		step.Issue, d.entry.Credits = issue, flying.Credits
		next.Phase, next.Failures, next.Reason = RefillArmed, 0, ""
	} else if err := next.failed(settle, flying.Price.Minor, d.entry.CreatedAt); err != nil {
		return err
	}
	if flying.Off {
		next.Phase, next.Until = RefillOff, time.Time{}
	}
	step.State = next
	d.refillStep(step)
	return nil
}

// failed takes the price off what was spent and says when the next try may be. The
// month that counts is still the one in which the refill was started: nothing else
// moves it.
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

// foldRefill takes a step's state over, which must be the one that the step leads
// to: a refill starts from none in flight, and ends the one that is.
func (w *Wallet) foldRefill(step *RefillStep) error {
	old := RefillState{Phase: RefillOff}
	if w.Refill != nil {
		old = *w.Refill
	}
	flew, flies := old.Phase == RefillInFlight, step.State.Phase == RefillInFlight
	fits := false
	switch step.Step {
	case RefillSet:
		fits = flew == flies && old.ID == step.State.ID && old.Spent == step.State.Spent
	case RefillStarted:
		fits = !flew && flies && step.ID != "" && step.State.ID == step.ID && step.State.Spent <= step.State.Cap.Minor
	case RefillPostponed:
		fits = !flew && !flies
	case RefillSettled:
		fits = flew && !flies && old.ID == step.ID && (step.Outcome == RefillPaid) == (step.Issue != nil)
	}
	if !fits {
		return fmt.Errorf("takes a refill from %s %q by %q %q to %s %q", old.Phase, old.ID, step.Step, step.ID, step.State.Phase, step.State.ID)
	}
	state := step.State
	w.Refill = &state
	if step.Issue == nil {
		return nil
	}
	return w.foldIssue(step.Issue)
}
