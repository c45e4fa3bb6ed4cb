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
)

// EntryTypes lists them.
func EntryTypes() []EntryType {
	return []EntryType{DebitEntry, GrantEntry, ReversalEntry, ExpiryEntry, SettingsEntry}
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

func (f Filter) before(entry *Entry) bool { return !f.From.IsZero() && entry.CreatedAt.Before(f.From) }
func (f Filter) after(entry *Entry) bool  { return !f.To.IsZero() && !entry.CreatedAt.Before(f.To) }

// Entry is the record of one operation. Of the details at its end just one is
// set, by its type; an expiry has none.
type Entry struct {
	Account   string
	Operation OperationID
	Hash      Hash // of the request, so that a retry is told from a reuse
	Seq       int64
	Type      EntryType
	CreatedAt time.Time     // whole milliseconds, never before the entry before
	Credits   credit.Amount // what was charged, granted, given back or lapsed; never negative
	Change    credit.Amount // the available balance after, less the one after the entry before
	After     Balance
	Lapsed    []Part // grants that had run out, removed with this entry; of an expiry, its whole content
	Alerts    []AlertKind

	Debit    *Charge
	Grant    *Issue
	Reversal *Reversal
	Settings *Settings
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

// Issue is the detail of a grant.
type Issue struct {
	Grant  Grant
	Reason string
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

// Reversed is how much of a debit has been given back so far.
type Reversed struct {
	Count   int // of reversals
	Credits credit.Amount
	Overage credit.Amount   // of the debit's overage
	Draws   []credit.Amount // of each of the debit's draws
	Lines   []credit.Amount // of each of the debit's lines
}

// Charged is a debit together with what has been given back of it.
type Charged struct {
	Entry    Entry
	Reversed Reversed
}

// Reversible is what of the debit can still be given back.
func (c Charged) Reversible() credit.Amount { return c.Entry.Credits - c.Reversed.Credits }
