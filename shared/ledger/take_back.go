package ledger

import (
	"fmt"
	"slices"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// TakeBackEntry is the kind of the entry that takes granted credits back because
// their money was given back.
const TakeBackEntry EntryType = "take_back"

// TakeBack sets how many of the credits that an entry granted are taken back in
// all, in either direction: after a refund or in a dispute they are taken back,
// and restored if the dispute is won. It names a total, not a difference, so that
// it may be repeated.
//
// What the grant still holds is taken from it; the rest counts as spent and
// becomes owed, to be paid first by later grants. (That includes what had lapsed
// before it was taken back: a wallet does not remember what left it unspent.) The
// debt never prevents debiting the available credits.
type TakeBack struct {
	Of     OperationID
	Total  credit.Amount // of the credits granted, how many are to be taken back in all
	Seen   int           // Reversed.Count, as it was before Total was determined
	Reason string
}

// ErrTallyMoved refuses a TakeBack whose total was determined before the last
// one took effect. Its inputs must be read again, the tally first.
var ErrTallyMoved error = fault.New(fault.Contended, "The amount taken back from the grant has changed since it was read; read the payment again.")

// Recovery is what the details of take_back and give_back have in common.
type Recovery struct {
	Of     OperationID // what granted the credits
	OfSeq  int64
	Reason string
	Owed   credit.Amount // added to the debt or taken off it; with it the parts add up to the entry's credits
	Total  Reversed      // of the grant, this recovery included
}

// TakenBack is the detail of a take_back.
type TakenBack struct {
	Recovery
	Taken []Part
}

func (a TakeBack) needs() Needs { return Needs{Alone: true, Charged: a.Of} }

func (a TakeBack) decide(d *draft, state State) error {
	charged := state.Charged
	var issue *Issue
	if charged != nil {
		issue = charged.Entry.issue()
	}
	if issue == nil {
		return fault.New(fault.NotReversible, "Operation %q granted no credits that can be taken back.", a.Of)
	}
	if a.Total < 0 || a.Total > issue.Grant.Amount {
		return fault.Invalid(fault.Param{Name: "total", Reason: fmt.Sprintf("must be between 0 and %s", issue.Grant.Amount)})
	}
	gone := charged.Reversed.Credits
	switch {
	case a.Total == gone:
		return nil
	case a.Seen != charged.Reversed.Count:
		return ErrTallyMoved
	}
	recovery := Recovery{
		Of: charged.Entry.Operation, OfSeq: charged.Entry.Seq, Reason: a.Reason,
		Total: charged.Reversed.recovered(issue.Grant, a.Total),
	}
	if a.Total > gone {
		taken := &TakenBack{Recovery: recovery}
		d.record(a.Total-gone, taken)
		return taken.take(d, a.Total-gone)
	}
	given := &GivenBack{Recovery: recovery}
	d.record(gone-a.Total, given)
	return given.give(d, issue.Grant, gone-a.Total)
}

// take takes credits from the grants that hold what was granted, and books the
// rest as owed.
func (t *TakenBack) take(d *draft, left credit.Amount) error {
	if t.Total.Since.IsZero() {
		t.Total.Since = d.entry.CreatedAt
	}
	for i := range t.Total.Taken {
		from := &t.Total.Taken[i]
		grant := d.on.grant(from.GrantID)
		if grant == nil || left == 0 {
			continue
		}
		part := min(left, grant.Remaining)
		from.Credits += part
		left -= part
		t.Taken = append(t.Taken, Part{from.GrantID, part})
	}
	if _, err := credit.Add(d.on.Owed, left); err != nil {
		return fault.New(fault.BalanceTooLarge, "The debt would exceed %s credits, the maximum.", credit.Max)
	}
	t.Owed = left
	t.Total.Owed += left
	return nil
}

func (t *TakenBack) fold(w *Wallet, entry *Entry) error {
	sum := t.Owed
	for _, part := range t.Taken {
		grant := w.grant(part.GrantID)
		if grant == nil || part.Credits <= 0 || part.Credits > grant.Remaining {
			return fmt.Errorf("takes %s credits back from grant %s, which does not hold them", part.Credits, part.GrantID)
		}
		grant.Remaining -= part.Credits
		sum += part.Credits
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.Remaining == 0 })
	if t.Owed < 0 || sum != entry.Credits {
		return fmt.Errorf("takes %s credits back, and %s are accounted for", entry.Credits, sum)
	}
	var err error
	w.Owed, err = credit.Add(w.Owed, t.Owed)
	return err
}

func (t *TakenBack) effects() effects { return effects{undone: &undone{t.Of, t.Total}} }
func (*TakenBack) kind() EntryType    { return TakeBackEntry }
func (*TakenBack) use(*Entry) *Use    { return nil }

func (TakeBack) canonical(f *canonicalForm) { f.str("take_back/1") }
