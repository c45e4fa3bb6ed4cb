package ledger

import (
	"slices"
	"time"
)

// Filter chooses entries of a statement. Its zero value selects all.
type Filter struct {
	Types    []EntryType // empty: every type
	From, To time.Time   // created in [From, To); zero: no bound
}

// Takes reports whether the filter selects an entry.
func (f Filter) Takes(entry *Entry) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, entry.Type())) && !f.before(entry) && !f.after(entry)
}

// Past reports whether no entry after this one, in the given order, can be
// selected: the times of a ledger never go back.
func (f Filter) Past(entry *Entry, ascending bool) bool {
	if ascending {
		return f.after(entry)
	}
	return f.before(entry)
}

// All reports whether the filter selects every entry.
func (f Filter) All() bool { return len(f.Types) == 0 && f.From.IsZero() && f.To.IsZero() }

// NoDebits reports whether the filter selects no debit, whatever its time.
func (f Filter) NoDebits() bool { return len(f.Types) > 0 && !slices.Contains(f.Types, DebitEntry) }

func (f Filter) before(entry *Entry) bool { return !f.From.IsZero() && entry.CreatedAt.Before(f.From) }
func (f Filter) after(entry *Entry) bool  { return !f.To.IsZero() && !entry.CreatedAt.Before(f.To) }
