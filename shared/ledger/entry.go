package ledger

import (
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
)

// EntryType says what an entry records.
type EntryType string

// The types of entries.
const (
	DebitEntry    EntryType = "debit"
	GrantEntry    EntryType = "grant"
	ReversalEntry EntryType = "reversal"
	ExpiryEntry   EntryType = "expiry"
	SettingsEntry EntryType = "settings"

	RenewalEntry    EntryType = "renewal"     // a period of a plan was opened
	PlanChangeEntry EntryType = "plan_change" // another plan, or other terms, within a period
	PlanEndEntry    EntryType = "plan_end"
	TakeBackEntry   EntryType = "take_back" // granted credits whose money was given back
	GiveBackEntry   EntryType = "give_back" // credits that were taken back and should not have been
	RefillEntry     EntryType = "refill"    // a step of the automatic refill
)

// EntryTypes lists them.
func EntryTypes() []EntryType {
	return []EntryType{
		DebitEntry, GrantEntry, ReversalEntry, ExpiryEntry, SettingsEntry,
		RenewalEntry, PlanChangeEntry, PlanEndEntry, TakeBackEntry, GiveBackEntry, RefillEntry,
	}
}

// Filter chooses entries of a statement. Its zero value takes them all.
type Filter struct {
	Types    []EntryType // empty: every type
	From, To time.Time   // created in [From, To); zero: no bound
}

// Takes tells whether the filter takes an entry.
func (f Filter) Takes(entry *Entry) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, entry.Type)) && !f.before(entry) && !f.after(entry)
}

// Past tells whether no entry after this one, in the given order, can be
// taken: the times of a ledger never go back.
func (f Filter) Past(entry *Entry, ascending bool) bool {
	if ascending {
		return f.after(entry)
	}
	return f.before(entry)
}

// All tells whether the filter takes every entry.
func (f Filter) All() bool { return len(f.Types) == 0 && f.From.IsZero() && f.To.IsZero() }

// NoDebits tells whether the filter takes no debit, whatever its time.
func (f Filter) NoDebits() bool { return len(f.Types) > 0 && !slices.Contains(f.Types, DebitEntry) }

func (f Filter) before(entry *Entry) bool { return !f.From.IsZero() && entry.CreatedAt.Before(f.From) }
func (f Filter) after(entry *Entry) bool  { return !f.To.IsZero() && !entry.CreatedAt.Before(f.To) }

// Entry is the record of one operation. Of the details at its end just one is
// set, by its type; an expiry has none, and take_back and give_back share theirs.
type Entry struct {
	Account   string
	Operation OperationID
	Hash      Hash // of the request, so that a retry is told from a reuse
	Seq       int64
	Type      EntryType
	CreatedAt time.Time     // whole milliseconds, never before the entry before
	Credits   credit.Amount // what was charged, granted, given back, taken back, ended or lapsed; never negative
	Change    credit.Amount // the available balance after, less the one after the entry before
	After     Balance
	Lapsed    []Part // grants that had run out, removed with this entry; of an expiry, its whole content
	Alerts    []AlertKind

	Debit      *Charge
	Grant      *Issue
	Reversal   *Reversal
	Settings   *Settings
	Renewal    *Renewal
	PlanChange *PlanChange
	PlanEnd    *PlanEnd
	Recovery   *Recovery
	Refill     *RefillStep
}

// Part is a number of credits of one grant.
type Part struct {
	GrantID string
	Credits credit.Amount
}

// Draw is what a debit took from one grant, with the grant's terms, so that a
// reversal can restore a grant that has left the wallet.
type Draw struct {
	Part
	Terms Terms
}

// Agent is who acted.
type Agent struct {
	ID   string
	Name string
}

// Charge is the detail of a debit.
type Charge struct {
	Agent        Agent
	Channel      string
	Conversation string
	Messages     int64
	Run          string
	OccurredAt   time.Time
	Day          string // the calendar day of OccurredAt in the account's zone, 2006-01-02
	RateCard     string // the version that priced it
	Lines        []rating.Priced
	Drawn        []Draw
	Overage      credit.Amount
}

// Issue is a grant that was made, and the detail of a grant entry. What it paid
// of the debt is missing from what the grant opened with; where that is all of
// it, no grant was opened.
type Issue struct {
	Grant   Grant
	Owed    credit.Amount // of the grant's amount, what went to credits that were owed
	Reason  string
	Payment string // the processor's id of what was paid for it; empty: nothing was
}

// Reversal is the detail of a reversal. It repeats what the roll-up needs of
// the debit, so that usage is counted back where it was counted.
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

// Reversed is how much of an entry has been undone so far: of a debit what has
// been given back, of a grant what has been taken back and is gone now.
type Reversed struct {
	Count   int // of reversals; of a grant, of recoveries in either direction
	Credits credit.Amount
	Overage credit.Amount   // of the debit's overage
	Draws   []credit.Amount // of each of the debit's draws
	Lines   []credit.Amount // of each of the debit's lines

	Owed  credit.Amount // of a grant's credits, what was spent before and booked as owed
	Taken []Taken       // of a grant's credits, what was taken from the grants that hold them
	Since time.Time     // when the first of what is gone was taken; zero: nothing is gone
}

// Charged is an entry that can be undone, a debit or one that has granted
// credits, together with what has been undone of it.
type Charged struct {
	Entry    Entry
	Reversed Reversed
}

// Reversible is what of the debit can still be given back.
func (c Charged) Reversible() credit.Amount { return c.Entry.Credits - c.Reversed.Credits }

// Undoable tells whether an entry can be undone, in part or as a whole: by
// reversals if it is a debit, by recoveries if it has granted credits.
func (e *Entry) Undoable() bool { return e.Debit != nil || e.issue() != nil }

// Undoes is the operation that an entry undoes and what has been undone of it
// then; false where it undoes none.
func (e *Entry) Undoes() (of OperationID, total Reversed, undoes bool) {
	switch {
	case e.Reversal != nil:
		return e.Reversal.Of, e.Reversal.Total, true
	case e.Recovery != nil:
		return e.Recovery.Of, e.Recovery.Total, true
	}
	return "", Reversed{}, false
}
