package ledger

import (
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// Rules are the settings of a deployment that decisions depend on.
type Rules struct {
	MaxBackdate time.Duration // how far back occurred_at may be
	MaxAhead    time.Duration // and how far ahead, for clocks that are fast
	Channels    []string      // the known ones
}

// State is all that a decision may depend on besides the command and the time.
type State struct {
	Account string
	Wallet  *Wallet // nil: no such account
	Book    rating.Book
	Rules   Rules
	Charged *Charged // what a reversal or a recovery refers to; nil: no such entry
}

// Decision is what a command does. Entry is nil if the command changes nothing,
// such as settings that are in force already.
type Decision struct {
	Entry  *Entry
	Wallet Wallet
}

// Decide returns what a command does to a state at the instant now, or refuses
// with a *fault.Error and changes nothing. It does not check whether the
// operation's id was used before: its caller replays or refuses that first.
func Decide(state State, command Command, now time.Time) (Decision, error) {
	before := state.Wallet
	if before == nil {
		if !command.Needs().opens {
			return Decision{}, NoAccount(state.Account)
		}
		before = &Wallet{Account: state.Account}
	}
	draft := begin(before, command, now)
	if err := command.Action.decide(draft, state); err != nil {
		return Decision{}, err
	}
	if draft.entry.Detail == nil {
		return Decision{Wallet: *before}, nil
	}
	return draft.finish(state.Wallet)
}

// NoAccount is the fault for an account that does not exist.
func NoAccount(account string) error {
	return fault.New(fault.AccountNotFound, "There is no account %q; create it with PUT /v1/accounts/{account_id}.", account)
}

// draft is an entry being built, and the wallet without its lapsed grants, on
// which the rest of the decision is made.
type draft struct {
	entry Entry
	on    *Wallet
	made  int // grants so far
}

func begin(before *Wallet, command Command, now time.Time) *draft {
	now = now.UTC().Truncate(time.Millisecond)
	// Clocks of two machines differ; the times of a wallet's entries never go
	// back, so that a grant that has lapsed for one entry stays lapsed.
	if now.Before(before.LastAt) {
		now = before.LastAt
	}
	d := &draft{on: before.Clone(), entry: Entry{
		Account:   before.Account,
		Operation: command.Operation,
		Hash:      command.Hash,
		Seq:       before.Seq + 1,
		CreatedAt: now,
	}}
	d.on.Grants = slices.DeleteFunc(d.on.Grants, func(g Grant) bool {
		if !g.Expired(now) {
			return false
		}
		d.entry.Lapsed = append(d.entry.Lapsed, Part{g.ID, g.Remaining})
		return true
	})
	return d
}

// record makes the draft an entry of a kind. decide ends with it if the action
// changes anything.
func (d *draft) record(credits credit.Amount, detail Detail) {
	d.entry.Credits, d.entry.Detail = credits, detail
}

// finish folds the entry into the wallet and completes it with the result of the
// fold.
func (d *draft) finish(before *Wallet) (Decision, error) {
	if d.entry.Operation == "" {
		d.entry.Operation = systemOperation(d.entry.Type(), d.entry.Seq)
	}
	next, err := fold(before, &d.entry)
	if err != nil {
		return Decision{}, err
	}
	d.entry.After = next.BalanceAt(d.entry.CreatedAt)
	d.entry.Change = d.entry.After.Available
	if before != nil {
		d.entry.Change -= before.BalanceAt(before.LastAt).Available
		d.entry.Alerts = append(crossings(before, next), d.entry.Detail.effects().news...)
	}
	next.Alerts = nil
	for _, kind := range d.entry.Alerts {
		next.Alerts = append(next.Alerts, Alert{d.entry.Seq, kind})
	}
	return Decision{Entry: &d.entry, Wallet: *next}, nil
}
