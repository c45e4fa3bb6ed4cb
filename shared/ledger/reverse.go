package ledger

import (
	"math/bits"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// ReversalWindow is how long after a grant's expiry credits drawn from it can
// still be given back.
const ReversalWindow = 30 * 24 * time.Hour

// reverse gives back what a debit took, the last taken first: overage, then
// the draws from last to first, so that a part given back leaves what a smaller
// debit would have left.
//
// Credits return to the grant they came from. Where it has left the wallet a
// new grant takes its place: one that was spent out comes back with its old
// terms; one that has expired comes back with its old source and priority and
// the time that it still had to run when it was debited, or not at all once
// ReversalWindow has passed.
func (d *draft) reverse(charged *Charged, command ReverseDebit) error {
	if charged == nil || charged.Entry.Debit == nil {
		return fault.New(fault.DebitNotFound, "The account has no debit %q.", command.Of)
	}
	amount, err := reversalAmount(charged, command.Credits)
	if err != nil {
		return err
	}
	charge := charged.Entry.Debit
	reversal := &Reversal{
		Of:           charged.Entry.Operation,
		OfSeq:        charged.Entry.Seq,
		Reason:       command.Reason,
		Agent:        charge.Agent,
		Channel:      charge.Channel,
		Conversation: charge.Conversation,
		Day:          charge.Day,
		Total:        charged.Reversed.next(charge, amount),
	}
	d.entry.Type, d.entry.Credits, d.entry.Reversal = ReversalEntry, amount, reversal
	reversal.giveBackLines(charge, charged.Reversed, amount)
	left := amount
	if left, err = d.giveBackOverage(charged, left); err != nil {
		return err
	}
	for i := len(charge.Drawn) - 1; i >= 0 && left > 0; i-- {
		part := min(left, charge.Drawn[i].Credits-charged.Reversed.draw(i))
		if part == 0 {
			continue
		}
		reversal.Total.Draws[i] += part
		left -= part
		if err := d.giveBack(charge.Drawn[i], part, charged.Entry.CreatedAt); err != nil {
			return err
		}
	}
	return nil
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
		return 0, fault.New(fault.NotReversible, "The debit charged %s credits, of which %s have been given back; at most %s can be.",
			charged.Entry.Credits, charged.Reversed.Credits, reversible).
			With("charged", charged.Entry.Credits.String()).
			With("reversed", charged.Reversed.Credits.String()).
			With("reversible", reversible.String())
	}
	return amount, nil
}

// next is the tally with one more reversal counted; its parts are added as they are found.
func (r Reversed) next(charge *Charge, amount credit.Amount) Reversed {
	next := Reversed{
		Count:   r.Count + 1,
		Credits: r.Credits + amount,
		Overage: r.Overage,
		Draws:   make([]credit.Amount, len(charge.Drawn)),
		Lines:   make([]credit.Amount, len(charge.Lines)),
	}
	copy(next.Draws, r.Draws)
	copy(next.Lines, r.Lines)
	return next
}

func (r Reversed) draw(i int) credit.Amount {
	if i < len(r.Draws) {
		return r.Draws[i]
	}
	return 0
}

func (r Reversed) line(i int) credit.Amount {
	if i < len(r.Lines) {
		return r.Lines[i]
	}
	return 0
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
	high, low := bits.Mul64(uint64(amount), uint64(part))
	quotient, _ := bits.Div64(high, low, uint64(whole))
	return credit.Amount(quotient)
}

// giveBackOverage takes off the overage used what the debit added to it. What
// a new period has reset meanwhile was billed, and comes back as a grant.
func (d *draft) giveBackOverage(charged *Charged, left credit.Amount) (credit.Amount, error) {
	reversal := d.entry.Reversal
	part := min(left, charged.Entry.Debit.Overage-charged.Reversed.Overage)
	reversal.Total.Overage += part
	reversal.Overage = min(part, d.on.OverageUsed)
	if billed := part - reversal.Overage; billed > 0 {
		terms := Terms{Source: FromAdjustment, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
		if err := d.reopen(terms, billed); err != nil {
			return 0, err
		}
	}
	return left - part, nil
}

func (d *draft) giveBack(draw Draw, part credit.Amount, debitedAt time.Time) error {
	if grant := d.on.grant(draw.GrantID); grant != nil {
		// A grant holds no more than it was made with. It can be so full where the
		// wallet was read before the debit took effect and the debit after it: what is
		// decided on that is never committed, and decided again on the wallet as it is.
		if back := min(part, grant.Amount-grant.Remaining); back > 0 {
			if err := d.fits(back); err != nil {
				return err
			}
			grant.Remaining += back
			d.entry.Reversal.Restored = append(d.entry.Reversal.Restored, Part{draw.GrantID, back})
			part -= back
		}
		if part == 0 {
			return nil
		}
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
	return d.reopen(terms, part)
}

func (d *draft) reopen(terms Terms, amount credit.Amount) error {
	grant := Grant{ID: d.grantID(len(d.entry.Reversal.Reopened)), Terms: terms, Amount: amount, Remaining: amount}
	if err := d.admit(grant, MaxOpenGrants); err != nil {
		return err
	}
	// Drawn from last to first, made from first to last: the oldest stays the oldest.
	d.entry.Reversal.Reopened = slices.Insert(d.entry.Reversal.Reopened, 0, grant)
	return nil
}
