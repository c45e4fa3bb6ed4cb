package ledger

import (
	"slices"
	"time"

	"drawdown/shared/credit"
)

// undone is what an entry undoes: of which entry, and how much of that so far.
type undone struct {
	of    OperationID
	total Reversed
}

// Reversed is how much of an entry has been undone so far: of a debit what has
// been given back, of a grant what is now taken back.
type Reversed struct {
	Count   int // of reversals; of a grant, of recoveries in either direction
	Credits credit.Amount
	Overage credit.Amount   // of the debit's overage
	Draws   []credit.Amount // of each of the debit's draws
	Lines   []credit.Amount // of each of the debit's lines

	Owed  credit.Amount // of a grant's credits, what was spent before and booked as owed
	Taken []Taken       // of a grant's credits, what was taken from the grants that held them
	Since time.Time     // when the first of what is taken back was taken; zero: nothing is
}

// Taken is what is taken back from one grant.
type Taken struct {
	Part
	Terms Terms
}

// Charged is an entry that can be undone, a debit or one that has granted
// credits, together with what has been undone of it.
type Charged struct {
	Entry    Entry
	Reversed Reversed
}

// Reversible is what of the debit can still be given back.
func (c Charged) Reversible() credit.Amount { return c.Entry.Credits - c.Reversed.Credits }

// Granted is how many credits an entry granted that can be taken back if their
// money is given back: of a renewal the included ones, not those carried over,
// which an earlier payment paid for. 0: none.
func Granted(entry Entry) credit.Amount {
	if issue := entry.issue(); issue != nil {
		return issue.Grant.Amount
	}
	return 0
}

// reversed is the tally with one more reversal of the debit counted; its parts are
// added as they are found.
func (r Reversed) reversed(charge *Charge, amount credit.Amount) Reversed {
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

// recovered is the tally with one more recovery of the grant counted. Its first
// grant is the entry's own; those that were opened in its place follow.
func (r Reversed) recovered(own Grant, total credit.Amount) Reversed {
	next := Reversed{Count: r.Count + 1, Credits: total, Owed: r.Owed, Taken: slices.Clone(r.Taken), Since: r.Since}
	if len(next.Taken) == 0 {
		next.Taken = []Taken{{Part{own.ID, 0}, own.Terms}}
	}
	return next
}
