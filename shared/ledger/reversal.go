package ledger

import (
	"fmt"
	"math/bits"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// ReversalEntry is the kind of a reversal's entry.
const ReversalEntry EntryType = "reversal"

// ReversalWindow is how long after a grant's expiry credits drawn from it can
// still be given back.
const ReversalWindow = 30 * 24 * time.Hour

// ReverseDebit gives back what a debit took, or a part of it, the last taken
// first: overage, then the draws from last to first, so that a part given back
// leaves what a smaller debit would have left.
//
// Credits return to the grant they came from. If it has left the wallet, a new
// grant takes its place: one that was spent out comes back with its old terms;
// one that has expired comes back with its old source and priority and the time
// that it still had to run when it was debited, or not at all once
// ReversalWindow has passed.
type ReverseDebit struct {
	Of      OperationID
	Credits *credit.Amount // nil: all that is left of it
	Reason  string
}

// Reversal is the detail of a reversal. It repeats what the roll-up needs of
// the debit, so that usage is subtracted where it was counted.
type Reversal struct {
	Of           OperationID
	OfSeq        int64
	Reason       string
	Agent        Agent
	Channel      string
	Conversation string
	Day          string
	Lines        []LineCredits // of the debit's lines, in their order, what is given back
	Restored     []Part        // to grants still in the wallet
	Reopened     []Grant       // in place of grants that have left it
	Overage      credit.Amount // taken off the overage used
	Total        Reversed      // of the debit, this reversal included
}

// LineCredits is a share of one line of a debit.
type LineCredits struct {
	rating.Item
	Credits credit.Amount
}

func (a ReverseDebit) needs() Needs { return Needs{Alone: true, Charged: a.Of} }

func (a ReverseDebit) decide(d *draft, state State) error {
	charged := state.Charged
	if charged == nil {
		return a.noDebit()
	}
	charge := DetailOf[*Charge](&charged.Entry)
	if charge == nil {
		return a.noDebit()
	}
	amount, err := reversalAmount(charged, a.Credits)
	if err != nil {
		return err
	}
	r := &Reversal{
		Of:           charged.Entry.Operation,
		OfSeq:        charged.Entry.Seq,
		Reason:       a.Reason,
		Agent:        charge.Agent,
		Channel:      charge.Channel,
		Conversation: charge.Conversation,
		Day:          charge.Day,
		Total:        charged.Reversed.reversed(charge, amount),
	}
	r.giveBackLines(charge, charged.Reversed, amount)
	left := amount
	if left, err = r.giveBackOverage(d, charge, charged.Reversed, left); err != nil {
		return err
	}
	for i := len(charge.Drawn) - 1; i >= 0 && left > 0; i-- {
		part := min(left, charge.Drawn[i].Credits-charged.Reversed.draw(i))
		if part == 0 {
			continue
		}
		r.Total.Draws[i] += part
		left -= part
		if err := r.giveBack(d, charge.Drawn[i], part, charged.Entry.CreatedAt); err != nil {
			return err
		}
	}
	d.record(amount, r)
	return nil
}

func (a ReverseDebit) noDebit() error {
	return fault.New(fault.DebitNotFound, "The account has no debit %q.", a.Of)
}

func reversalAmount(charged *Charged, asked *credit.Amount) (credit.Amount, error) {
	reversible := charged.Reversible()
	amount := reversible
	if asked != nil {
		amount = *asked
		if amount <= 0 {
			return 0, fault.Invalid(fault.Param{Name: "credits", Reason: "must be greater than 0"})
		}
	}
	if reversible == 0 || amount > reversible {
		return 0, fault.New(fault.NotReversible, "The debit charged %s and %s been given back; at most %s more can be.",
			counted(charged.Entry.Credits, "credit", "credits"), counted(charged.Reversed.Credits, "has", "have"), reversible).
			With("charged", charged.Entry.Credits.String()).
			With("reversed", charged.Reversed.Credits.String()).
			With("reversible", reversible.String())
	}
	return amount, nil
}

// giveBackLines spreads the amount over the debit's lines, in proportion to
// what is left of each, so that usage by node adds up to usage in all.
func (r *Reversal) giveBackLines(charge *Charge, before Reversed, amount credit.Amount) {
	var total, seen, given credit.Amount
	for i := range charge.Lines {
		total += charge.Lines[i].Credits - before.line(i)
	}
	for i := range charge.Lines {
		seen += charge.Lines[i].Credits - before.line(i)
		// Rounding the running sum, not each share, keeps the shares' sum exact
		// and no share above what is left of its line.
		share := proportion(amount, seen, total) - given
		given += share
		r.Total.Lines[i] += share
		r.Lines = append(r.Lines, LineCredits{charge.Lines[i].Item, share})
	}
}

// proportion is amount * part / whole, rounded down; part is at most whole.
func proportion(amount, part, whole credit.Amount) credit.Amount {
	if whole == 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(amount), uint64(part)) //nolint:gosec // neither is negative
	quotient, _ := bits.Div64(high, low, uint64(whole))   //nolint:gosec // it is positive
	return credit.Amount(quotient)                        //nolint:gosec // at most the amount
}

// giveBackOverage takes off the overage used what the debit added to it. What a
// new period has reset since was billed, and is restored as a grant.
func (r *Reversal) giveBackOverage(d *draft, charge *Charge, before Reversed, left credit.Amount) (credit.Amount, error) {
	part := min(left, charge.Overage-before.Overage)
	r.Total.Overage += part
	r.Overage = min(part, d.on.OverageUsed)
	if billed := part - r.Overage; billed > 0 {
		terms := Terms{Source: FromAdjustment, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
		if err := r.reopen(d, terms, billed); err != nil {
			return 0, err
		}
	}
	return left - part, nil
}

func (r *Reversal) giveBack(d *draft, draw Draw, part credit.Amount, debitedAt time.Time) error {
	// The grant can be too full to take it all if the wallet was read before the
	// debit took effect and the debit after it: that decision is never committed,
	// and is made again on the current wallet.
	back, err := d.putBack(draw.GrantID, part)
	if err != nil {
		return err
	}
	if back > 0 {
		r.Restored = append(r.Restored, Part{draw.GrantID, back})
	}
	if back == part {
		return nil
	}
	terms, now := draw.Terms, d.entry.CreatedAt
	if terms.Expired(now) {
		if now.Sub(terms.ExpiresAt) >= ReversalWindow {
			return fault.New(fault.NotReversible, "Credits of this debit came from grant %s, which expired at %s, more than %d days ago; grant an adjustment instead.",
				draw.GrantID, terms.ExpiresAt.Format(time.RFC3339), int(ReversalWindow.Hours()/24))
		}
		terms.ExpiresAt = now.Add(terms.ExpiresAt.Sub(debitedAt))
		terms.EffectiveAt = now
	}
	return r.reopen(d, terms, part-back)
}

func (r *Reversal) reopen(d *draft, terms Terms, amount credit.Amount) error {
	grant := Grant{ID: d.nextGrantID(), Terms: terms, Amount: amount, Remaining: amount}
	if err := d.admit(grant, MaxOpenGrants); err != nil {
		return err
	}
	// Drawn from last to first, made from first to last: the oldest stays the oldest.
	r.Reopened = slices.Insert(r.Reopened, 0, grant)
	return nil
}

func (*Reversal) kind() EntryType { return ReversalEntry }

func (r *Reversal) fold(w *Wallet, _ *Entry) error {
	if err := w.giveBack(r.Restored, r.Reopened); err != nil {
		return err
	}
	if r.Overage < 0 || r.Overage > w.OverageUsed {
		return fmt.Errorf("takes %s credits off an overage of %s", r.Overage, w.OverageUsed)
	}
	w.OverageUsed -= r.Overage
	return nil
}

func (r *Reversal) effects() effects { return effects{undone: &undone{r.Of, r.Total}} }

func (r *Reversal) use(entry *Entry) *Use {
	use := &Use{
		Agent: Agent{ID: r.Agent.ID}, Channel: r.Channel, Day: r.Day,
		Credits: -entry.Credits, Lines: make([]LineUse, len(r.Lines)),
	}
	for i, line := range r.Lines {
		use.Lines[i] = LineUse{Item: line.Item, Credits: -line.Credits}
	}
	return use
}

func (a ReverseDebit) canonical(f *canonicalForm) {
	f.str("reversal/1")
	f.str(string(a.Of))
	if a.Credits == nil {
		f.str("")
	} else {
		f.num(int64(*a.Credits))
	}
	f.str(a.Reason)
}
