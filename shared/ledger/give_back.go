package ledger

import (
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
)

// GiveBackEntry is the kind of the entry that restores credits that were taken
// back and should not have been. It is left by TakeBack, with a lower total.
const GiveBackEntry EntryType = "give_back"

// GivenBack is the detail of a give_back.
//
// Exactly what was taken is restored, the last first: what is still owed is no
// longer owed; what later grants have paid of the debt, and what was taken from
// grants, is restored as credits. They return to the grant they came from, up to
// what it has lost, and otherwise to a new one with the old terms. If those have
// expired, the new grant lasts for the time that was left when the first of these
// credits were taken; if none was left then either, for as long as the old one
// did. There is no time limit as for reversals: a dispute may take months.
type GivenBack struct {
	Recovery
	Restored []Part  // to grants still in the wallet
	Reopened []Grant // in place of grants that have left it
}

// give gives credits back, the last taken first: the debt, then the grants from
// the last to the first.
func (g *GivenBack) give(d *draft, own Grant, left credit.Amount) error {
	booked := min(left, g.Total.Owed)
	g.Total.Owed -= booked
	g.Owed = min(booked, d.on.Owed)
	left -= booked
	// What later grants have paid of the debt was drawn from the entry's own grant.
	if err := g.restore(d, own.ID, own.Terms, booked-g.Owed); err != nil {
		return err
	}
	for i := len(g.Total.Taken) - 1; i >= 0; i-- {
		from := &g.Total.Taken[i]
		part := min(left, from.Credits)
		from.Credits -= part
		left -= part
		if err := g.restore(d, from.GrantID, from.Terms, part); err != nil {
			return err
		}
	}
	for _, grant := range g.Reopened {
		g.Total.Taken = append(g.Total.Taken, Taken{Part{grant.ID, 0}, grant.Terms})
	}
	// Replacements of the entry's own grant that are spent hold nothing to take, and
	// nothing was taken from them: dropping them keeps the tally from growing
	// without bound.
	at := 0
	g.Total.Taken = slices.DeleteFunc(g.Total.Taken, func(t Taken) bool {
		at++
		return at > 1 && t.Credits == 0 && d.on.grant(t.GrantID) == nil
	})
	if g.Total.Credits == 0 {
		g.Total.Since = time.Time{}
	}
	return nil
}

// restore puts credits back into a grant, up to what it has lost, and the rest
// into a new one.
func (g *GivenBack) restore(d *draft, id string, terms Terms, part credit.Amount) error {
	back, err := d.putBack(id, part)
	if err != nil {
		return err
	}
	if back > 0 {
		g.Restored = append(g.Restored, Part{id, back})
	}
	if back == part {
		return nil
	}
	grant := Grant{ID: d.nextGrantID(), Terms: g.renewed(terms, d.entry.CreatedAt), Amount: part - back, Remaining: part - back}
	if err := d.admit(grant, MaxGrants); err != nil {
		return err
	}
	g.Reopened = append(g.Reopened, grant)
	return nil
}

// renewed are the old terms, with a new end if they have expired.
func (g *GivenBack) renewed(terms Terms, now time.Time) Terms {
	if !terms.Expired(now) {
		return terms
	}
	left := terms.ExpiresAt.Sub(g.Total.Since)
	if left <= 0 {
		left = terms.ExpiresAt.Sub(terms.EffectiveAt)
	}
	terms.EffectiveAt, terms.ExpiresAt = now, now.Add(left)
	return terms
}

func (g *GivenBack) fold(w *Wallet, entry *Entry) error {
	if g.Owed < 0 || g.Owed > w.Owed {
		return fmt.Errorf("takes %s credits off a debt of %s", g.Owed, w.Owed)
	}
	sum := g.Owed + sumOf(g.Restored)
	for _, grant := range g.Reopened {
		sum += grant.Remaining
	}
	if sum != entry.Credits {
		return fmt.Errorf("gives back %s credits, and %s are accounted for", entry.Credits, sum)
	}
	w.Owed -= g.Owed
	return w.giveBack(g.Restored, g.Reopened)
}

func (g *GivenBack) effects() effects { return effects{undone: &undone{g.Of, g.Total}} }
func (*GivenBack) kind() EntryType    { return GiveBackEntry }
func (*GivenBack) use(*Entry) *Use    { return nil }
