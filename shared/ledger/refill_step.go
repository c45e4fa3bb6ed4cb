package ledger

import (
	"fmt"
	"strconv"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// RefillEntry is the kind of the entry that a step of the automatic refill leaves.
const RefillEntry EntryType = "refill"

// SetRefill sets up the automatic refill, or switches it off; then the other terms
// stay as they were. Setting it up arms it again, whatever had blocked it. A
// refill in flight continues on its own terms. Terms that are in force already
// change nothing.
type SetRefill struct {
	Enabled   bool
	Threshold credit.Amount
	Pack      string
	Cap       money.Money
}

// StartRefill moves the refill into flight, if it is due (see DueRefill); otherwise
// it changes nothing. If the month's cap has no room for the price, or is in another
// currency, it is postponed until the month is over. If the pack is no longer sold,
// the account must choose another one. And if what is owed would take the whole
// pack, which would leave the account as short of credits as before, it must act
// too: charges without the cardholder are not for paying a debt.
type StartRefill struct {
	Unavailable  bool   // the pack is no longer sold; the other fields are ignored then
	Pack         string // whose terms these are: nothing is started if the account has another one by now; empty: not given
	Price        money.Money
	Credits      credit.Amount
	ValidityDays int // 0: for ever
}

// SettleRefill ends the refill in flight, under RefillOperation. It changes
// nothing if another one, or none, is in flight.
//
// An operation takes effect once: if a refill was settled differently and its
// payment succeeds after all, the answer is that first settlement, and the credits
// must be granted under PaymentOperation.
type SettleRefill struct {
	ID      string
	Outcome RefillOutcome
	Payment string
	Reason  string // of a failure; empty: the outcome's default
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

// RefillStep is the detail of a refill entry. ID and Price of what was settled are
// here: the state no longer has them.
type RefillStep struct {
	Step    RefillAction
	State   RefillState // as it is from now on
	ID      string      // of the refill that was started or settled
	Price   money.Money // of the refill that was started, postponed or settled
	Outcome RefillOutcome
	Issue   *Issue // of one that was paid
	Payment string
}

func (SetRefill) needs() Needs { return Needs{Alone: true} }

func (a SetRefill) decide(d *draft, _ State) error {
	if a.Threshold < 0 || a.Cap.Minor < 0 {
		return fmt.Errorf("ledger: a refill below %s credits, with a cap of %s", a.Threshold, a.Cap)
	}
	old := RefillState{Phase: RefillOff}
	if d.on.Refill != nil {
		old = *d.on.Refill
	}
	next := old
	if a.Enabled {
		next.Threshold, next.Pack, next.Cap = a.Threshold, a.Pack, a.Cap
	}
	next.Until, next.Failures, next.Reason = time.Time{}, 0, ""
	switch {
	case old.Phase == RefillInFlight:
		next.Off = !a.Enabled
	case a.Enabled:
		next.Phase = RefillArmed
	default:
		next.Phase = RefillOff
	}
	if next != old {
		d.record(0, &RefillStep{Step: RefillSet, State: next})
	}
	return nil
}

func (StartRefill) needs() Needs { return Needs{} }

func (a StartRefill) decide(d *draft, _ State) error {
	now := d.entry.CreatedAt
	if !DueRefill(d.on, now) || a.Pack != "" && a.Pack != d.on.Refill.Pack {
		return nil
	}
	if a.Unavailable {
		next := *d.on.Refill
		next.Phase, next.Reason, next.Until = RefillActionRequired, ReasonNoPack, time.Time{}
		d.record(0, &RefillStep{Step: RefillPostponed, State: next})
		return nil
	}
	if a.Credits <= 0 || a.Price.Minor <= 0 || a.ValidityDays < 0 {
		return fmt.Errorf("ledger: a refill of %s credits for %s, valid for %d days", a.Credits, a.Price, a.ValidityDays)
	}
	if d.on.Owed >= a.Credits {
		next := *d.on.Refill
		next.Phase, next.Reason, next.Until = RefillActionRequired, ReasonOwed, time.Time{}
		d.record(0, &RefillStep{Step: RefillPostponed, State: next, Price: a.Price})
		return nil
	}
	zone, err := location(d.on.Settings.Zone)
	if err != nil {
		return fmt.Errorf("ledger: zone of account %s: %w", d.on.Account, err)
	}
	next := d.on.Refill.inMonth(monthOf(now, zone))
	next.Until = time.Time{}
	// Neither the cap nor what was spent is negative, so the comparison cannot overflow.
	if a.Price.Currency != next.Cap.Currency || a.Price.Minor > next.Cap.Minor-next.Spent {
		if next.Until, err = endOfMonth(next.Month, zone); err != nil {
			return err
		}
		next.Phase, next.Reason = RefillBackoff, ReasonMonthlyCap
		d.record(0, &RefillStep{Step: RefillPostponed, State: next, Price: a.Price})
		return nil
	}
	next.Phase, next.Reason = RefillInFlight, ""
	next.ID = "rf_" + d.on.Account + "_" + strconv.FormatInt(d.entry.Seq, 10)
	next.Buys, next.Price, next.Credits, next.ValidityDays, next.Since = next.Pack, a.Price, a.Credits, a.ValidityDays, now
	next.Spent += a.Price.Minor
	d.record(0, &RefillStep{Step: RefillStarted, State: next, ID: next.ID, Price: next.Price})
	return nil
}

func (SettleRefill) needs() Needs { return Needs{} }

func (a SettleRefill) decide(d *draft, _ State) error {
	flying := d.on.Refill
	if flying == nil || flying.Phase != RefillInFlight || flying.ID != a.ID {
		return nil
	}
	next := *flying
	next.ID, next.Buys, next.Price, next.Credits, next.ValidityDays, next.Since = "", "", money.Money{}, 0, 0, time.Time{}
	next.Off = false
	step := &RefillStep{Step: RefillSettled, ID: flying.ID, Price: flying.Price, Outcome: a.Outcome, Payment: a.Payment}
	var paid credit.Amount
	if a.Outcome == RefillPaid {
		terms := Terms{Source: FromAutoRefill, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
		if flying.ValidityDays > 0 {
			terms.ExpiresAt = d.entry.CreatedAt.AddDate(0, 0, flying.ValidityDays)
		}
		issue, err := d.issuePaid(terms, flying.Credits, a.Payment)
		if err != nil {
			return err
		}
		step.Issue, paid = issue, flying.Credits
		next.Phase, next.Failures, next.Reason = RefillArmed, 0, ""
	} else if err := next.failed(a, flying.Price.Minor, d.entry.CreatedAt); err != nil {
		return err
	}
	if flying.Off {
		next.Phase, next.Until = RefillOff, time.Time{}
	}
	step.State = next
	d.record(paid, step)
	return nil
}

// fold adopts a step's state, which must be the one that the step leads to: a
// refill starts only if none is in flight, and ends the one that is.
func (s *RefillStep) fold(w *Wallet, _ *Entry) error {
	old := RefillState{Phase: RefillOff}
	if w.Refill != nil {
		old = *w.Refill
	}
	flew, flies := old.Phase == RefillInFlight, s.State.Phase == RefillInFlight
	fits := false
	switch s.Step {
	case RefillSet:
		fits = flew == flies && old.ID == s.State.ID && old.Spent == s.State.Spent
	case RefillStarted:
		fits = !flew && flies && s.ID != "" && s.State.ID == s.ID && s.State.Spent <= s.State.Cap.Minor
	case RefillPostponed:
		fits = !flew && !flies
	case RefillSettled:
		fits = flew && !flies && old.ID == s.ID && (s.Outcome == RefillPaid) == (s.Issue != nil)
	}
	if !fits {
		return fmt.Errorf("takes a refill from %s %q by %q %q to %s %q", old.Phase, old.ID, s.Step, s.ID, s.State.Phase, s.State.ID)
	}
	state := s.State
	w.Refill = &state
	return w.foldIssue(s.Issue)
}

func (s *RefillStep) effects() effects {
	effects := effects{issue: s.Issue}
	switch {
	case s.Step == RefillPostponed, s.Step == RefillSettled && s.Outcome != RefillPaid:
		effects.news = []AlertKind{RefillFailed}
	case s.Step == RefillSettled:
		effects.news = []AlertKind{RefillSucceeded}
	}
	return effects
}

func (*RefillStep) kind() EntryType { return RefillEntry }
func (*RefillStep) use(*Entry) *Use { return nil }

func (SetRefill) canonical(f *canonicalForm)    { f.str("refill_terms/1") }
func (StartRefill) canonical(f *canonicalForm)  { f.str("refill_start/1") }
func (SettleRefill) canonical(f *canonicalForm) { f.str("refill_settle/1") }
