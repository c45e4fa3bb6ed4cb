// Package commit brings commands into the ledger: it reads the wallet and the
// ledger under the commands' ids, lets the ledger decide, and commits wallet
// and entries together, or nothing.
//
// A Store does the reading and the committing; this package owns what lies
// between: replays, refusals, retries against other writers of the wallet, and
// the grouping of several operations into one commit. It owns no rule about
// credits, which is the ledger's, and no knowledge of tables.
//
// A store reads a wallet and the ledger at once, but not at one instant, so a
// duplicate may have taken effect in between: it is in the wallet, but not in what
// was read of the ledger. A refusal that may depend on that, or the answer that
// there is nothing to do, is confirmed by reading the ledger once more. So a
// refusal costs a second read on a wallet that is being written, and one read on
// an idle wallet, such as a depleted one.
//
// Retries use full jitter and read the wallet again after each sleep: what a
// lost race returned is stale after the sleep. They end with the deadline of
// the context, in fault.Contended. A deadline that passes during the first try
// is fault.Unavailable: no other writer caused it.
package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/pause"
	"drawdown/shared/rating"
)

// MaxOperations bounds the operations of one commit: with the wallet they make
// the 100 items of one transaction.
const MaxOperations = 99

// Store keeps wallets and ledgers.
type Store interface {
	// Read returns the account's wallet, nil if there is none, the entries that
	// the operations have left so far, and, if of is set, the debit of that
	// operation. Each is read strongly consistently, but not at one instant.
	Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (Snapshot, error)
	// Commit writes the change, whole or not at all. A verdict other than
	// committed means that nothing was written; so does an error, unless the
	// answer was lost, which no store can detect: then the same operations,
	// sent again, are replayed.
	Commit(ctx context.Context, change Change) (Verdict, error)
}

// Snapshot is what a Store has read.
type Snapshot struct {
	Wallet  *ledger.Wallet
	Entries map[ledger.OperationID]ledger.Entry
	Charged *ledger.Charged
}

// Change is one commit: After follows from Before by Entries.
type Change struct {
	Before  *ledger.Wallet // nil: the account must not exist yet
	After   ledger.Wallet
	Entries []ledger.Entry
}

// Verdict is how a commit ended that did not fail.
type Verdict struct {
	Committed bool
	Cause     Cause // of a commit that was not
}

// Cause is why a commit was not made, though nothing is wrong with it.
type Cause string

// The causes.
const (
	WalletMoved Cause = "wallet_moved" // another commit came first
	EntryExists Cause = "entry_exists" // one of the operations has taken effect since
	Conflict    Cause = "conflict"     // another transaction holds an item
	Throttled   Cause = "throttled"    // the store is throttling
	GaveUp      Cause = "gave_up"      // not from a store: the deadline leaves no time for another try
)

// Rates provides the rate cards.
type Rates interface {
	// Book returns a book that is complete for debits up to the given instant.
	Book(ctx context.Context, until time.Time) (rating.Book, error)
}

// Backoff is the wait between two tries: a random part of a bound that doubles
// from Base to Cap. Where a try takes long, both grow with it, Cap up to Tries
// times what the last one took: many writers that retried at once would each
// find the wallet changed, and a slow store would become a contended one.
type Backoff struct {
	Base, Cap time.Duration
	Tries     int
}

// The waits. Commands that grant credits retry more often than debits: a
// customer who has paid must not wait for a busy agent.
var (
	Patient   = Backoff{Base: 20 * time.Millisecond, Cap: 100 * time.Millisecond, Tries: 4}
	Impatient = Backoff{Base: time.Millisecond, Cap: 8 * time.Millisecond}
)

// maxDoublings keeps the bound from overflowing; Cap is reached long before.
const maxDoublings = 16

func (b Backoff) wait(try int, lastTry time.Duration) time.Duration {
	base, bound := b.Base, b.Cap
	if b.Tries > 0 {
		base, bound = max(base, lastTry), max(bound, time.Duration(b.Tries)*lastTry)
	}
	return rand.N(min(bound, base<<min(try, maxDoublings)) + 1) //nolint:gosec // a jitter, not a secret
}

// AtRest is how long after its last entry a wallet counts as being written: as
// long as a commit may take, from its decision to its effect, and a second for
// clocks that differ.
const AtRest = 11 * time.Second

// Committer runs commands. Its fields are set once, before its first use.
type Committer struct {
	Store Store
	Rates Rates
	Rules ledger.Rules
	Now   func() time.Time
	// OnRetry is called for every failed try with its cause, and when giving up.
	OnRetry func(ctx context.Context, cause Cause)
}

// Outcome is how one command ended. Just one of Err and Entry is set, or
// neither where the command changed nothing.
type Outcome struct {
	Entry    *ledger.Entry
	Replayed bool          // the entry is the first answer to an earlier request
	Wallet   ledger.Wallet // after the command, if it was decided rather than replayed
	Err      error         // *fault.Error: refused, and nothing was changed
}

// Run runs commands of one account, one after another, and commits up to
// MaxOperations of them together. Outcomes are in the order of the commands;
// each command is refused, replayed or committed by itself.
func (c *Committer) Run(ctx context.Context, account string, commands ...ledger.Command) []Outcome {
	outcomes := make([]Outcome, 0, len(commands))
	for len(commands) > 0 {
		size := groupSize(commands)
		outcomes = append(outcomes, c.runGroup(ctx, newGroup(account, commands[:size]))...)
		commands = commands[size:]
	}
	return outcomes
}

// Do runs one command.
func (c *Committer) Do(ctx context.Context, account string, command ledger.Command) Outcome {
	return c.Run(ctx, account, command)[0]
}

func (c *Committer) runGroup(ctx context.Context, group *group) []Outcome {
	start, asked := time.Now(), c.Now()
	if err := c.load(ctx, group); err != nil {
		return c.fail(ctx, group, err)
	}
	for try := 0; ; try++ {
		verdict, err := c.try(ctx, group, asked)
		switch {
		case err != nil:
			return c.fail(ctx, group, err)
		case verdict.Committed:
			return group.outcomes
		}
		group.cause = verdict.Cause
		c.OnRetry(ctx, verdict.Cause)
		if err := c.sleep(ctx, group, try, time.Since(start)); err != nil {
			return c.fail(ctx, group, err)
		}
		start, asked = time.Now(), c.Now()
		if err := c.reload(ctx, group); err != nil {
			return c.fail(ctx, group, err)
		}
	}
}

// fail ends a group that could not be committed. Where its time has run out after
// lost tries, the error gives the cause of those, wherever the deadline passed.
func (c *Committer) fail(ctx context.Context, group *group, err error) []Outcome {
	if group.cause != "" && errors.Is(err, context.DeadlineExceeded) && expired(ctx) {
		return group.fail(c.outOfTime(ctx, group.cause))
	}
	return group.fail(interrupted(err))
}

// expired reports whether the deadline of the context itself has passed: a single
// request may have had an earlier one. Clients that look at the clock notice it
// before the context does.
func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// interrupted turns a passed deadline or a canceled call into a fault: the caller
// did nothing wrong and may send the same request again.
func interrupted(err error) error {
	if fault.CodeOf(err) == fault.Internal && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		refusal := fault.New(fault.Unavailable, "The platform's store did not answer in time. Send the same request again; under the same key it takes effect once.")
		return fmt.Errorf("commit: %w: %w", refusal, err)
	}
	return err
}

// try decides the group and commits what there is to commit.
func (c *Committer) try(ctx context.Context, group *group, asked time.Time) (Verdict, error) {
	change := group.decide(c.Rules, c.Now())
	if group.doubtful(asked) {
		if err := c.confirm(ctx, group); err != nil {
			return Verdict{}, err
		}
		change = group.decide(c.Rules, c.Now())
	}
	if change == nil {
		return Verdict{Committed: true}, nil
	}
	return c.Store.Commit(ctx, *change)
}

// load reads all that the group's decisions need. The book is almost always
// cached; if it cannot be read, only what must be priced fails.
func (c *Committer) load(ctx context.Context, group *group) error {
	if until, priced := group.pricedUntil(c.Now()); priced {
		group.book, group.bookErr = c.Rates.Book(ctx, until)
		group.bookErr = interrupted(group.bookErr)
	}
	return c.reload(ctx, group)
}

// reload reads the wallet again, and with it the ledger under the commands'
// ids, whatever the cause: a duplicate of a command may have taken effect
// since, and deciding it on the resulting wallet would refuse what was
// accepted.
func (c *Committer) reload(ctx context.Context, group *group) error {
	snapshot, err := c.Store.Read(ctx, group.account, group.operations, group.of)
	if err != nil {
		return err
	}
	group.snapshot = snapshot
	return nil
}

// confirm reads the ledger under the commands' ids once more, and keeps the
// wallet. What was committed before the wallet was read is visible by now.
func (c *Committer) confirm(ctx context.Context, group *group) error {
	snapshot, err := c.Store.Read(ctx, group.account, group.operations, "")
	if err != nil {
		return err
	}
	group.snapshot.Entries = snapshot.Entries
	return nil
}

// sleep waits before another try, unless the deadline leaves no time for one
// that takes as long as the last.
func (c *Committer) sleep(ctx context.Context, group *group, try int, lastTry time.Duration) error {
	wait := group.backoff.wait(try, lastTry)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait+lastTry {
		return c.outOfTime(ctx, group.cause)
	}
	return pause.For(ctx, wait)
}

// outOfTime is the failure of a group whose retries ran out of time, with the
// cause of the last one.
func (c *Committer) outOfTime(ctx context.Context, cause Cause) error {
	if cause == Throttled {
		return fault.New(fault.Unavailable, "The platform's store is throttling requests. Send the same request again; under the same key it takes effect once.")
	}
	c.OnRetry(ctx, GaveUp)
	return fault.New(fault.Contended, "Too many requests change this account at once. Send the same request again; under the same key it takes effect once. Or send its operations in batches.")
}
