package ledger

import (
	"crypto/sha256"
	"strconv"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
)

// Hash tells two requests apart; it is a truncated SHA-256.
type Hash [16]byte

// Command asks for one operation. Hash is zero for commands of the platform's
// own: their id says all. Where Operation is zero too, it follows from the
// wallet's seq, and nothing is ever replayed.
type Command struct {
	Operation OperationID
	Hash      Hash
	Action    Action
}

// Action is what a command does: one of the types below.
type Action interface {
	// canonical writes the action as sent, before defaults, so that equal
	// requests and only those are equal.
	canonical(*canonicalForm)
}

// Debit draws credits for what an agent did.
type Debit struct {
	Agent        Agent
	Channel      string
	Conversation string
	Messages     int64
	Run          string
	OccurredAt   *time.Time // nil: now
	Lines        []rating.Line
}

// AddGrant gives credits.
type AddGrant struct {
	Amount      credit.Amount
	Source      Source
	Priority    *int       // nil: DefaultPriority
	EffectiveAt *time.Time // nil: now
	ExpiresAt   *time.Time // nil: never
	Reason      string
	// Payment is the processor's id of what was paid for the credits. Callers of
	// the API cannot say it.
	Payment string
}

// ReverseDebit gives back a debit, or a part of it.
type ReverseDebit struct {
	Of      OperationID
	Credits *credit.Amount // nil: all that is left of it
	Reason  string
}

// Configure replaces an account's settings, and opens the account where there is none.
type Configure struct {
	Settings Settings
}

// ExpireGrants removes the grants that have run out.
type ExpireGrants struct{}

// Keyed makes a command under a caller's id.
func Keyed(id OperationID, action Action) Command {
	form := canonicalForm{}
	action.canonical(&form)
	sum := sha256.Sum256(form.text)
	return Command{Operation: id, Hash: Hash(sum[:len(Hash{})]), Action: action}
}

// canonicalForm is a text in which every string stands behind its length, and
// every number is closed by a separator, so that no two different sequences of
// values read alike. Its first value names the action and the version of the
// form: a form never changes, it gets a new version.
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

func (d Debit) canonical(f *canonicalForm) {
	f.str("debit/1")
	f.str(d.Agent.ID)
	f.str(d.Agent.Name)
	f.str(d.Channel)
	f.str(d.Conversation)
	f.num(d.Messages)
	f.str(d.Run)
	f.instant(d.OccurredAt)
	for _, line := range d.Lines {
		f.str(line.Node)
		f.str(line.Action)
		f.num(int64(line.Quantity))
	}
}

func (g AddGrant) canonical(f *canonicalForm) {
	f.str("grant/1")
	f.num(int64(g.Amount))
	f.str(string(g.Source))
	if g.Priority == nil {
		f.str("")
	} else {
		f.num(int64(*g.Priority))
	}
	f.instant(g.EffectiveAt)
	f.instant(g.ExpiresAt)
	f.str(g.Reason)
	if g.Payment != "" { // younger than the form: without it, that is what it was
		f.str(g.Payment)
	}
}

func (r ReverseDebit) canonical(f *canonicalForm) {
	f.str("reversal/1")
	f.str(string(r.Of))
	if r.Credits == nil {
		f.str("")
	} else {
		f.num(int64(*r.Credits))
	}
	f.str(r.Reason)
}

// Commands of the platform's own are told apart by their id alone, so what they say is not hashed.

func (Configure) canonical(f *canonicalForm)    { f.str("settings/1") }
func (ExpireGrants) canonical(f *canonicalForm) { f.str("expiry/1") }
func (OpenPeriod) canonical(f *canonicalForm)   { f.str("period/1") }
func (ChangePlan) canonical(f *canonicalForm)   { f.str("plan_change/1") }
func (EndPlan) canonical(f *canonicalForm)      { f.str("plan_end/1") }
func (TakeBack) canonical(f *canonicalForm)     { f.str("take_back/1") }
func (SetRefill) canonical(f *canonicalForm)    { f.str("refill_terms/1") }
func (StartRefill) canonical(f *canonicalForm)  { f.str("refill_start/1") }
func (SettleRefill) canonical(f *canonicalForm) { f.str("refill_settle/1") }
