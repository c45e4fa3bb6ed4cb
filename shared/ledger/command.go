package ledger

import (
	"crypto/sha256"
	"strconv"
	"time"
)

// Hash identifies the content of a request; it is a truncated SHA-256.
type Hash [16]byte

// Command requests one operation. Hash is zero for the platform's own commands:
// their id identifies them. If Operation is zero too, it follows from the
// wallet's seq, and nothing is ever replayed.
type Command struct {
	Operation OperationID
	Hash      Hash
	Action    Action
}

// Action is what a command does. Its implementations are all in this package,
// each beside the kind of entry that it leaves.
//
//sumtype:decl
type Action interface {
	// needs is what deciding and committing the action requires.
	needs() Needs
	// decide makes the draft's entry, or refuses. A draft left without a detail
	// changes nothing.
	decide(draft *draft, state State) error
	// canonical writes the action as sent, before defaults, so that equal requests
	// and only those are equal. The platform's own commands are identified by
	// their id alone, so their content is not written.
	canonical(form *canonicalForm)
}

// Needs is what deciding and committing an action requires besides its
// account's wallet. Most need nothing.
type Needs struct {
	// Alone means that it is committed without others: it writes more than its
	// entry, or reads what it undoes.
	Alone bool
	// Charged is the operation that it undoes, whose entry must be State.Charged.
	Charged OperationID
	// Rates means that it is priced and draws credits: State.Book must reach up
	// to PricedAt, the zero time being now.
	Rates    bool
	PricedAt time.Time

	opens bool // it may be the first of its account
}

// Needs is what deciding and committing the command requires.
func (c Command) Needs() Needs { return c.Action.needs() }

// Keyed makes a command under a caller's id.
func Keyed(id OperationID, action Action) Command {
	form := canonicalForm{}
	action.canonical(&form)
	sum := sha256.Sum256(form.text)
	return Command{Operation: id, Hash: Hash(sum[:len(Hash{})]), Action: action}
}

// canonicalForm is a text in which every string follows its length, and every
// number ends with a separator, so that no two different sequences of values
// read alike. Its first value names the action and the version of the form: a
// form never changes, it gets a new version.
type canonicalForm struct{ text []byte }

func (f *canonicalForm) str(s string) {
	f.text = append(strconv.AppendInt(f.text, int64(len(s)), 10), ':')
	f.text = append(f.text, s...)
}

func (f *canonicalForm) num(n int64) {
	f.text = append(strconv.AppendInt(f.text, n, 10), ';')
}

func (f *canonicalForm) instant(t *time.Time) {
	if t == nil {
		f.text = append(f.text, '-', ';')
		return
	}
	f.num(t.UnixMilli())
}
