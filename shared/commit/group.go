package commit

import (
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// group is a run of commands that are decided on one state and committed together.
type group struct {
	account    string
	commands   []ledger.Command
	operations []ledger.OperationID // the ids that were given
	of         ledger.OperationID   // what a reversal or a recovery refers to
	backoff    Backoff
	cause      Cause // why the last try failed

	snapshot Snapshot
	book     rating.Book
	bookErr  error // why the book cannot be read
	outcomes []Outcome
}

// groupSize is how many of the commands, from the first on, go together.
func groupSize(commands []ledger.Command) int {
	for i, command := range commands[:min(len(commands), MaxOperations)] {
		if command.Needs().Alone {
			return max(i, 1)
		}
	}
	return min(len(commands), MaxOperations)
}

func newGroup(account string, commands []ledger.Command) *group {
	g := &group{account: account, commands: commands, backoff: Impatient, outcomes: make([]Outcome, len(commands))}
	seen := make(map[ledger.OperationID]bool, len(commands))
	for _, command := range commands {
		if command.Operation != "" && !seen[command.Operation] {
			seen[command.Operation] = true
			g.operations = append(g.operations, command.Operation)
		}
		needs := command.Needs()
		if needs.Charged != "" {
			g.of = needs.Charged
		}
		if needs.Rates {
			g.backoff = Patient
		}
	}
	return g
}

// pricedUntil is the latest instant that a rate card must be known for, and
// false if nothing is priced.
func (g *group) pricedUntil(now time.Time) (time.Time, bool) {
	until, priced := now, false
	for _, command := range g.commands {
		needs := command.Needs()
		if needs.Rates && needs.PricedAt.After(until) {
			until = needs.PricedAt
		}
		priced = priced || needs.Rates
	}
	return until, priced
}

// decide decides the commands one after another, and is the change to commit,
// nil if none of them changes anything.
func (g *group) decide(rules ledger.Rules, now time.Time) *Change {
	state := ledger.State{Account: g.account, Wallet: g.snapshot.Wallet, Book: g.book, Rules: rules, Charged: g.snapshot.Charged}
	change := Change{Before: g.snapshot.Wallet}
	written := make(map[ledger.OperationID]*ledger.Entry, len(g.commands))
	var alerts []ledger.Alert
	for i, command := range g.commands {
		if first := g.first(written, command.Operation); first != nil {
			g.outcomes[i] = replay(first, command)
			continue
		}
		if g.bookErr != nil && command.Needs().Rates {
			g.outcomes[i] = Outcome{Err: g.bookErr}
			continue
		}
		decision, err := ledger.Decide(state, command, now)
		if err != nil {
			g.outcomes[i] = Outcome{Err: err}
			continue
		}
		g.outcomes[i] = Outcome{Entry: decision.Entry, Wallet: decision.Wallet}
		if decision.Entry == nil {
			continue
		}
		state.Wallet = &decision.Wallet
		change.Entries = append(change.Entries, *decision.Entry)
		written[decision.Entry.Operation] = decision.Entry
		alerts = append(alerts, decision.Wallet.Alerts...)
	}
	if len(change.Entries) == 0 {
		return nil
	}
	change.After = *state.Wallet
	change.After.Alerts = alerts
	return &change
}

// doubtful reports whether a refusal, or the answer that there is nothing to do, may be
// caused by the same operation: by a duplicate that wrote the wallet between the read
// of the ledger and that of the wallet. What a reversal refers to is read separately,
// and may be newer than both.
func (g *group) doubtful(asked time.Time) bool {
	wallet := g.snapshot.Wallet
	if wallet == nil || len(g.operations) == 0 || g.of == "" && wallet.LastAt.Before(asked.Add(-AtRest)) {
		return false
	}
	for i, command := range g.commands {
		if _, found := g.snapshot.Entries[command.Operation]; found {
			continue
		}
		if idle := g.outcomes[i].Entry == nil && command.Operation != ""; idle || g.outcomes[i].Err != nil {
			return true
		}
	}
	return false
}

// first is the entry that an operation has left, in the ledger or earlier in this group.
func (g *group) first(written map[ledger.OperationID]*ledger.Entry, id ledger.OperationID) *ledger.Entry {
	if id == "" {
		return nil
	}
	if entry, found := g.snapshot.Entries[id]; found {
		return &entry
	}
	return written[id]
}

// replay answers a command whose id has taken effect before: with the first
// answer to the same request, and a refusal to any other.
func replay(first *ledger.Entry, command ledger.Command) Outcome {
	if first.Hash != command.Hash {
		return Outcome{Err: fault.New(fault.IdempotencyKeyReused,
			"Operation %q was already used for a different request; use a new key for a new operation.", command.Operation)}
	}
	return Outcome{Entry: first, Replayed: true}
}

// fail ends the group's commands with an error. Only answers that depend on the
// ledger alone remain valid: a refusal may depend on an operation of the group
// that was not committed after all.
func (g *group) fail(err error) []Outcome {
	for i, command := range g.commands {
		if entry, found := g.snapshot.Entries[command.Operation]; found {
			g.outcomes[i] = replay(&entry, command)
			continue
		}
		g.outcomes[i] = Outcome{Err: err}
	}
	return g.outcomes
}
