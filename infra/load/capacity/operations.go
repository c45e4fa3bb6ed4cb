package capacity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawdown/infra/load/usual"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// operation is something that the platform does, with its budget. Its n-th run uses
// ids of its own.
type operation struct {
	name   string
	budget *budget // nil: the design has none
	run    func(ctx context.Context, n int) error
}

// bench is a typical account, and the operations on it.
type bench struct {
	store     *dynamo.Ledger
	committer *commit.Committer
}

const (
	account = "usual"
	series  = "debit"
	// pageLimit is a page of entries of the default size, plus the one entry that
	// shows whether another page follows.
	pageLimit = 51
)

func (b *bench) operations() []operation {
	return []operation{
		{"debit of one line", debitBudget, b.debit},
		{"refused debit", nothingBudget, b.refused},
		{"refused, wallet in use", nil, b.refusedWhileWritten},
		{"replayed debit", nothingBudget, b.replayed},
		{"batch of 10 debits", batchBudget(10), b.batch(10)},
		{"batch of 99 debits", batchBudget(99), b.batch(99)},
		{"grant", nil, b.grant},
		{"reversal", nil, b.reversal},
		{"quote", nil, b.quote},
		{"balance", nil, b.balance},
		{"page of 50 entries", nil, b.entries},
	}
}

func (b *bench) debit(ctx context.Context, n int) error {
	return b.do(ctx, ledger.Keyed(usual.Operation(series, n), usual.Debit()))
}

func (b *bench) do(ctx context.Context, command ledger.Command) error {
	outcome := b.committer.Do(ctx, account, command)
	if outcome.Err == nil && outcome.Replayed {
		return errors.New("the debit was replayed")
	}
	return outcome.Err
}

// refused is a refusal by a wallet at rest, such as a depleted one.
func (b *bench) refused(ctx context.Context, n int) error {
	atRest := *b.committer
	atRest.Now = func() time.Time { return time.Now().Add(commit.AtRest) }
	return refusedBy(ctx, &atRest, usual.Operation("refused", n))
}

// refusedWhileWritten is a refusal by a wallet that has just been written, which a
// second read confirms.
func (b *bench) refusedWhileWritten(ctx context.Context, n int) error {
	return refusedBy(ctx, b.committer, usual.Operation("refused-busy", n))
}

func refusedBy(ctx context.Context, committer *commit.Committer, id ledger.OperationID) error {
	debit := usual.Debit()
	debit.Lines[0].Quantity = 1_000_000_000 * credit.Credit
	outcome := committer.Do(ctx, account, ledger.Keyed(id, debit))
	if fault.CodeOf(outcome.Err) != fault.InsufficientCredits {
		return fmt.Errorf("the debit was not refused for lack of credits: %w", outcome.Err)
	}
	return nil
}

func (b *bench) replayed(ctx context.Context, n int) error {
	outcome := b.committer.Do(ctx, account, ledger.Keyed(usual.Operation(series, n), usual.Debit()))
	if outcome.Err == nil && !outcome.Replayed {
		return errors.New("the debit was not replayed")
	}
	return outcome.Err
}

func (b *bench) batch(size int) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		commands := make([]ledger.Command, size)
		for i := range commands {
			commands[i] = ledger.Keyed(usual.Operation(fmt.Sprintf("batch-%d-%d", size, n), i), usual.Debit())
		}
		for _, outcome := range b.committer.Run(ctx, account, commands...) {
			if outcome.Err != nil {
				return outcome.Err
			}
		}
		return nil
	}
}

func (b *bench) grant(ctx context.Context, n int) error {
	return b.do(ctx, ledger.Keyed(usual.Operation("grant", n), ledger.AddGrant{
		Amount: 100 * credit.Credit, Source: ledger.FromPromo, Reason: "A typical grant",
	}))
}

func (b *bench) reversal(ctx context.Context, n int) error {
	return b.do(ctx, ledger.Keyed(usual.Operation("reversal", n), ledger.ReverseDebit{
		Of: usual.Operation(series, n), Reason: "A typical reversal",
	}))
}

// quote does what the debit function does for a quote.
func (b *bench) quote(ctx context.Context, _ int) error {
	now := time.Now()
	book, err := b.committer.Rates.Book(ctx, now)
	if err != nil {
		return err
	}
	wallet, err := b.store.Wallet(ctx, account)
	if err != nil {
		return err
	}
	_, err = ledger.Quote(ledger.State{Account: account, Wallet: wallet, Book: book, Rules: b.committer.Rules}, usual.Debit().Lines, nil, now)
	return err
}

func (b *bench) balance(ctx context.Context, _ int) error {
	wallet, err := b.store.Wallet(ctx, account)
	if err == nil && wallet == nil {
		err = errors.New("there is no wallet")
	}
	return err
}

func (b *bench) entries(ctx context.Context, _ int) error {
	entries, err := b.store.Entries(ctx, account, ledger.Page{Limit: pageLimit, Descending: true})
	if err == nil && len(entries) != pageLimit {
		err = fmt.Errorf("the page has %d entries", len(entries))
	}
	return err
}
