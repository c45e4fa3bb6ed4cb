// Package commit brings commands into the ledger: it reads the wallet and the
// ledger under the commands' ids, lets the ledger decide, and commits wallet
// and entries together, or nothing.
//
// A Store does the reading and the committing; this package owns what lies
// between: replays, refusals, retries against other writers of the wallet, and
// the grouping of several operations into one commit. It owns no rule about
// credits, which is the ledger's, and no knowledge of tables.
//
// Retries use full jitter and read the wallet again after each sleep: what
// came back with a lost race is stale by the time the sleep is over. They end
// with the deadline of the context, in fault.Contended.
package commit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// MaxOperations bounds the operations of one commit: with the wallet they make
// the 100 items of one transaction.
const MaxOperations = 99

// Store keeps wallets and ledgers.
type Store interface {
	// Read returns the account's wallet, nil where there is none, the entries
	// that the operations have left so far, and, where of is set, the debit of
	// that operation. Each is read strongly consistently, but not at one instant.
	Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (Snapshot, error)
	// Commit writes the change, whole or not at all. A verdict other than
	// committed means that nothing was written; so does an error, unless the
	// answer was lost, which no store can tell: then the same operations, sent
	// again, are replayed.
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
	EntryExists Cause = "entry_exists" // one of the operations has taken effect meanwhile
	Conflict    Cause = "conflict"     // another transaction holds an item
	Throttled   Cause = "throttled"    // the store wants less of us
	GaveUp      Cause = "gave_up"      // no store's: the deadline leaves no time for another try
)

// Rates knows the rate cards.
type Rates interface {
	// Book returns a book that is complete for debits up to the given instant.
	Book(ctx context.Context, until time.Time) (rating.Book, error)
}

// Backoff is the wait between two tries: a random part of a bound that doubles
// from Base to Cap.
type Backoff struct {
	Base, Cap time.Duration
}

// The waits. What gives credits tries harder than what takes them: a customer
// who has paid must not wait for a busy agent.
var (
	Patient   = Backoff{Base: 20 * time.Millisecond, Cap: 100 * time.Millisecond}
	Impatient = Backoff{Base: time.Millisecond, Cap: 8 * time.Millisecond}
)

func (b Backoff) wait(try int) time.Duration {
	bound := b.Cap
	if shift := b.Base << min(try, 16); shift < bound {
		bound = shift
	}
	return rand.N(bound + 1)
}

// AnswerMargin is what is left of a deadline for the answer itself.
const AnswerMargin = 250 * time.Millisecond

// Committer runs commands. Its fields are set once, before its first use.
type Committer struct {
	Store Store
	Rates Rates
	Rules ledger.Rules
	Now   func() time.Time
	// OnRetry is told of every try that failed and its cause, and of giving up.
	OnRetry func(ctx context.Context, cause Cause)
}

// Outcome is how one command ended. Just one of Err and Entry is set, or
// neither where the command changed nothing.
type Outcome struct {
	Entry    *ledger.Entry
	Replayed bool          // the entry is the first answer to an earlier request
	Wallet   ledger.Wallet // after the command, where it was decided on rather than replayed
	Err      error         // *fault.Error: refused, and nothing was changed
}

// Run runs commands of one account, one after another, and commits up to
// MaxOperations of them together. Outcomes are in the order of the commands;
// each command is refused, replayed or committed for itself.
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
	if deadline, ok := ctx.Deadline(); ok {
		// What is under way at the deadline ends with an answer, not with the
		// invocation: a killed one would tell its caller nothing.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-AnswerMargin))
		defer cancel()
	}
	start, asked := time.Now(), c.Now()
	if err := c.load(ctx, group); err != nil {
		return group.fail(err)
	}
	for try := 0; ; try++ {
		change := group.decide(c.Rules, c.Now())
		if change == nil && group.doubtful(asked) {
			if err := c.confirm(ctx, group); err != nil {
				return group.fail(err)
			}
			change = group.decide(c.Rules, c.Now())
		}
		if change == nil {
			return group.outcomes
		}
		verdict, err := c.Store.Commit(ctx, *change)
		if err != nil {
			return group.fail(err)
		}
		if verdict.Committed {
			return group.outcomes
		}
		c.OnRetry(ctx, verdict.Cause)
		if err := c.sleep(ctx, group.backoff.wait(try), time.Since(start)); err != nil {
			return group.fail(err)
		}
		start, asked = time.Now(), c.Now()
		if err := c.reload(ctx, group); err != nil {
			return group.fail(err)
		}
	}
}

// load reads all that the group's decisions need; the book, which is almost
// always cached, at the same time as the rest.
func (c *Committer) load(ctx context.Context, group *group) error {
	until, priced := group.pricedUntil(c.Now())
	type loaded struct {
		book rating.Book
		err  error
	}
	books := make(chan loaded, 1)
	if priced {
		go func() {
			book, err := c.Rates.Book(ctx, until)
			books <- loaded{book, err}
		}()
	} else {
		books <- loaded{}
	}
	snapshot, err := c.Store.Read(ctx, group.account, group.operations, group.of)
	book := <-books
	if err != nil {
		return err
	}
	group.snapshot, group.book = snapshot, book.book
	return book.err
}

// reload reads the wallet again, and with it the ledger under the commands'
// ids, whatever the cause: a duplicate of a command may have taken effect
// meanwhile, and to decide it on the wallet that it left would refuse what was
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
// wallet. What was committed before the wallet was read is there by now.
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
func (c *Committer) sleep(ctx context.Context, wait, lastTry time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait+lastTry {
		c.OnRetry(ctx, GaveUp)
		return fault.New(fault.Contended, "Too many writers of this account at once; nothing was changed. Send the same request again, or send its operations in batches.")
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("commit: waiting to retry: %w", ctx.Err())
	}
}
