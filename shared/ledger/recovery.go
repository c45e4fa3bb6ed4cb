package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// TakeBack brings what is gone of the credits that an entry has granted to a
// total, in either direction: after a refund or in a dispute they are taken back,
// and given back should the dispute be won. It names a total, not a difference, so
// that it may be repeated.
//
// What the grant still holds is taken from it; the rest counts as spent and
// becomes owed, to be paid first by later grants. (That includes what had lapsed
// before it was taken back: a wallet does not remember what left it unspent.) The
// debt never keeps from debiting what is there.
//
// The other way, exactly what was taken returns, the last first: what is still
// owed is not owed any longer; where later grants have paid the debt, and for what
// was taken from grants, credits come back. They return to the grant they came
// from as far as it has lost them; else to a new one of the old terms. Where those
// have run out, it lives for as long as was left when the first credits that are
// gone were taken; if nothing was left then either, as long as the old one did.
// There is no window as for reversals: a dispute may take months.
type TakeBack struct {
	Of     OperationID
	Total  credit.Amount // of the credits granted, what is to be gone in all
	Seen   int           // Reversed.Count, as it was before Total was found out
	Reason string
}

// ErrTallyMoved refuses a TakeBack whose total was found out before the last one
// took effect. What it rests on must be read again, first the tally.
var ErrTallyMoved error = fault.New(fault.Contended, "What has been taken back of the grant has changed meanwhile; read the payment again.")

// Taken is what was taken of one grant and is gone.
type Taken struct {
	Part
	Terms Terms
}

// Recovery is the detail of both a take_back, where Taken is set, and a
// give_back, where Restored and Reopened are. Owed is what was added to the debt
// or taken off it. With it they add up to the entry's credits.
type Recovery struct {
	Of       OperationID
	OfSeq    int64
	Reason   string
	Owed     credit.Amount
	Taken    []Part
	Restored []Part  // to grants still in the wallet
	Reopened []Grant // in place of grants that have left it
	Total    Reversed
}

func (d *draft) takeBack(charged *Charged, command TakeBack) error {
	var issue *Issue
	if charged != nil {
		issue = charged.Entry.issue()
	}
	if issue == nil {
		return fault.New(fault.NotReversible, "Operation %q has granted nothing that could be taken back.", command.Of)
	}
	if command.Total < 0 || command.Total > issue.Grant.Amount {
		return fault.Invalid(fault.Param{Name: "total", Reason: fmt.Sprintf("must lie between 0 and %s", issue.Grant.Amount)})
	}
	gone := charged.Reversed.Credits
	switch {
	case command.Total == gone:
		return nil
	case command.Seen != charged.Reversed.Count:
		return ErrTallyMoved
	}
	recovery := &Recovery{
		Of: charged.Entry.Operation, OfSeq: charged.Entry.Seq, Reason: command.Reason,
		Total: charged.Reversed.recovered(issue.Grant, command.Total),
	}
	d.entry.Recovery = recovery
	if command.Total > gone {
		d.entry.Type, d.entry.Credits = TakeBackEntry, command.Total-gone
		return d.take(command.Total - gone)
	}
	d.entry.Type, d.entry.Credits = GiveBackEntry, gone-command.Total
	if err := d.giveUp(issue.Grant, gone-command.Total); err != nil {
		return err
	}
	if recovery.Total.Credits == 0 {
		recovery.Total.Since = time.Time{}
	}
	return nil
}

// recovered is the tally with one more recovery counted. Its first grant is the
// entry's own; those that were opened in its place follow.
func (r Reversed) recovered(own Grant, total credit.Amount) Reversed {
	next := Reversed{Count: r.Count + 1, Credits: total, Owed: r.Owed, Taken: slices.Clone(r.Taken), Since: r.Since}
	if len(next.Taken) == 0 {
		next.Taken = []Taken{{Part{own.ID, 0}, own.Terms}}
	}
	return next
}

// take takes credits from the grants that hold what was granted, and books the
// rest as owed.
func (d *draft) take(left credit.Amount) error {
	recovery := d.entry.Recovery
	if recovery.Total.Since.IsZero() {
		recovery.Total.Since = d.entry.CreatedAt
	}
	for i := range recovery.Total.Taken {
		from := &recovery.Total.Taken[i]
		grant := d.on.grant(from.GrantID)
		if grant == nil || left == 0 {
			continue
		}
		part := min(left, grant.Remaining)
		from.Credits += part
		left -= part
		recovery.Taken = append(recovery.Taken, Part{from.GrantID, part})
	}
	if _, err := credit.Add(d.on.Owed, left); err != nil {
		return fault.New(fault.BalanceTooLarge, "With this the debt would pass %s credits, the most that can be represented.", credit.Max)
	}
	recovery.Owed = left
	recovery.Total.Owed += left
	return nil
}

// giveUp gives credits back, the last taken first: the debt, then the grants from
// the last to the first.
func (d *draft) giveUp(own Grant, left credit.Amount) error {
	recovery := d.entry.Recovery
	booked := min(left, recovery.Total.Owed)
	recovery.Total.Owed -= booked
	recovery.Owed = min(booked, d.on.Owed)
	left -= booked
	// What later grants have paid of the debt was drawn from the entry's own grant.
	if err := d.restore(own.ID, own.Terms, booked-recovery.Owed); err != nil {
		return err
	}
	for i := len(recovery.Total.Taken) - 1; i >= 0; i-- {
		from := &recovery.Total.Taken[i]
		part := min(left, from.Credits)
		from.Credits -= part
		left -= part
		if err := d.restore(from.GrantID, from.Terms, part); err != nil {
			return err
		}
	}
	for _, grant := range recovery.Reopened {
		recovery.Total.Taken = append(recovery.Total.Taken, Taken{Part{grant.ID, 0}, grant.Terms})
	}
	// Those that were opened in place of the own grant and are spent hold nothing to
	// take, and nothing was taken from them: so the tally does not grow for ever.
	at := 0
	recovery.Total.Taken = slices.DeleteFunc(recovery.Total.Taken, func(t Taken) bool {
		at++
		return at > 1 && t.Credits == 0 && d.on.grant(t.GrantID) == nil
	})
	return nil
}

// restore puts credits back into a grant as far as it has lost them, and the rest
// into a new one.
func (d *draft) restore(id string, terms Terms, part credit.Amount) error {
	recovery := d.entry.Recovery
	if grant := d.on.grant(id); grant != nil {
		if back := min(part, grant.Amount-grant.Remaining); back > 0 {
			if err := d.fits(back); err != nil {
				return err
			}
			grant.Remaining += back
			recovery.Restored = append(recovery.Restored, Part{id, back})
			part -= back
		}
	}
	if part == 0 {
		return nil
	}
	grant := Grant{ID: d.nextGrantID(), Terms: d.renewed(terms), Amount: part, Remaining: part}
	if err := d.admit(grant, MaxGrants); err != nil {
		return err
	}
	recovery.Reopened = append(recovery.Reopened, grant)
	return nil
}

// renewed are old terms, with a new end where they have run out.
func (d *draft) renewed(terms Terms) Terms {
	now := d.entry.CreatedAt
	if !terms.Expired(now) {
		return terms
	}
	left := terms.ExpiresAt.Sub(d.entry.Recovery.Total.Since)
	if left <= 0 {
		left = terms.ExpiresAt.Sub(terms.EffectiveAt)
	}
	terms.EffectiveAt, terms.ExpiresAt = now, now.Add(left)
	return terms
}

func (w *Wallet) foldTakeBack(entry *Entry) error {
	recovery := entry.Recovery
	sum := recovery.Owed
	for _, part := range recovery.Taken {
		grant := w.grant(part.GrantID)
		if grant == nil || part.Credits <= 0 || part.Credits > grant.Remaining {
			return fmt.Errorf("takes %s credits back from grant %s, which has not got them", part.Credits, part.GrantID)
		}
		grant.Remaining -= part.Credits
		sum += part.Credits
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.Remaining == 0 })
	if recovery.Owed < 0 || sum != entry.Credits {
		return fmt.Errorf("takes %s credits back, and %s are accounted for", entry.Credits, sum)
	}
	var err error
	w.Owed, err = credit.Add(w.Owed, recovery.Owed)
	return err
}

func (w *Wallet) foldGiveBack(entry *Entry) error {
	recovery := entry.Recovery
	if recovery.Owed < 0 || recovery.Owed > w.Owed {
		return fmt.Errorf("takes %s credits off a debt of %s", recovery.Owed, w.Owed)
	}
	sum := recovery.Owed
	for _, part := range recovery.Restored {
		sum += part.Credits
	}
	for _, grant := range recovery.Reopened {
		sum += grant.Remaining
	}
	if sum != entry.Credits {
		return errors.New("gives back " + entry.Credits.String() + " credits, and " + sum.String() + " are accounted for")
	}
	w.Owed -= recovery.Owed
	return w.giveBack(recovery.Restored, recovery.Reopened)
}
