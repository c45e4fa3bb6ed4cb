package ledger

import (
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
)

// EntryType names a kind of entry. Each kind has a file of its own, with its
// detail and the commands that leave it.
type EntryType string

// EntryTypes lists them.
func EntryTypes() []EntryType {
	return []EntryType{
		DebitEntry, GrantEntry, ReversalEntry, ExpiryEntry, SettingsEntry,
		RenewalEntry, PlanChangeEntry, PlanEndEntry, TakeBackEntry, GiveBackEntry, RefillEntry,
	}
}

// Entry is the record of one operation.
type Entry struct {
	Account   string
	Operation OperationID
	Hash      Hash // of the request, to distinguish a retry from a reuse
	Seq       int64
	CreatedAt time.Time     // whole milliseconds, never before the previous entry
	Credits   credit.Amount // what was charged, granted, given back, taken back, ended or lapsed; never negative
	Change    credit.Amount // the available balance after it, minus that after the previous entry
	After     Balance
	Lapsed    []Part // grants that had run out, removed with this entry; of an expiry, its whole content
	Alerts    []AlertKind
	Detail    Detail // what an entry of this kind records besides that
}

// Detail is what an entry of one kind records, and what the kind does. Its
// implementations are all in this package.
//
//sumtype:decl
type Detail interface {
	// kind is its name.
	kind() EntryType
	// fold applies the entry to a wallet from which lapsed grants were removed.
	// It fails, and may leave the wallet inconsistent, if the two do not fit.
	fold(wallet *Wallet, entry *Entry) error
	// effects are what the entry causes besides its wallet.
	effects() effects
	// use is what usage counts of the entry; nil: nothing.
	use(entry *Entry) *Use
}

// effects are what an entry causes besides its wallet. The zero value is nothing.
type effects struct {
	reversible bool        // reversals can give it back
	issue      *Issue      // the one grant of new credits that it made; recoveries can take it back
	undone     *undone     // what it undoes
	news       []AlertKind // the alerts that it raises, whatever it crosses
	bill       OverageBill // the overage that it has closed
}

// Use is what usage counts of an entry, and where.
type Use struct {
	Agent        Agent // without a name if the entry may have an older name than previous entries
	Channel      string
	Conversation string        // counted if this is its first entry with the agent; empty: none
	Day          string        // 2006-01-02
	Credits      credit.Amount // negative if they are given back, as in the lines
	Debits       int64
	Messages     int64
	Lines        []LineUse
}

// LineUse is what usage counts of one line.
type LineUse struct {
	rating.Item
	Credits  credit.Amount
	Quantity credit.Amount
	Count    int64
}

// Unknown stands for a detail that this program cannot read: one of an unknown
// kind, such as an entry written by a newer version of the platform, or one that
// is missing. Nothing can be folded from it.
type Unknown struct {
	Kind EntryType
}

// DetailOf is an entry's detail if it is of that kind, and nil if it is of another.
func DetailOf[D Detail](entry *Entry) D {
	detail, _ := entry.Detail.(D)
	return detail
}

// Type is the kind of the entry.
func (e *Entry) Type() EntryType { return e.detail().kind() }

// Bill is the overage that an entry has closed and that must be paid; false if
// there is nothing to pay.
func (e *Entry) Bill() (OverageBill, bool) {
	bill := e.detail().effects().bill
	return bill, bill.Billed > 0 && bill.Price.Minor > 0
}

// Undoable reports whether an entry can be undone, in part or as a whole: by
// reversals if it is a debit, by recoveries if it has granted credits.
func (e *Entry) Undoable() bool {
	effects := e.detail().effects()
	return effects.reversible || effects.issue != nil
}

// Undoes is the operation that an entry undoes and what has been undone of it
// by then; false if it undoes none.
func (e *Entry) Undoes() (of OperationID, total Reversed, undoes bool) {
	if undone := e.detail().effects().undone; undone != nil {
		return undone.of, undone.total, true
	}
	return "", Reversed{}, false
}

// Use is what usage counts of the entry; nil: nothing. It fails if that cannot be
// determined.
func (e *Entry) Use() (*Use, error) {
	if unknown, is := e.detail().(*Unknown); is {
		return nil, unknown.err()
	}
	return e.Detail.use(e), nil
}

func (e *Entry) issue() *Issue { return e.detail().effects().issue }

func (e *Entry) detail() Detail {
	if e.Detail == nil {
		return &Unknown{}
	}
	return e.Detail
}

func (u *Unknown) kind() EntryType { return u.Kind }

func (u *Unknown) err() error {
	if slices.Contains(EntryTypes(), u.Kind) {
		return fmt.Errorf("a %s without its detail", u.Kind)
	}
	return fmt.Errorf("unknown type %q", u.Kind)
}

func (u *Unknown) fold(*Wallet, *Entry) error { return u.err() }
func (*Unknown) effects() effects             { return effects{} }
func (*Unknown) use(*Entry) *Use              { return nil }
