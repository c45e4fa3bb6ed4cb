// Package catchup runs the roll-up of accounts, triggered by a batch of the
// stream, a sweep of what has failed, or an engineer.
//
// Package rollup folds one account. This package decides for which accounts it
// runs, how many at a time, and what is left to a later call when time is short.
// It depends neither on how rings arrive nor on how usage is stored.
package catchup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"drawdown/shared/ledger"
	"drawdown/shared/parallel"
	"drawdown/shared/rollup"
	"drawdown/shared/telemetry"
)

const (
	// accountsAtOnce bounds the accounts of one batch that are folded at the same time.
	accountsAtOnce = 16
	// reserve is the part of a call's time that is kept to request the rest of a
	// rebuild.
	reserve = 5 * time.Second

	quarantinedAPage = 200
)

// Store reads wallets, nil if there is none, and lists the quarantined accounts
// by id, after the given one, at most limit.
type Store interface {
	Wallet(ctx context.Context, account string) (*ledger.Wallet, error)
	Quarantined(ctx context.Context, after string, limit int) ([]string, error)
}

// Runner runs roll-ups. Its fields are set once, before its first use.
type Runner struct {
	Folder *rollup.Folder
	Store  Store
	// Later requests an account's Retry in a later call.
	Later func(ctx context.Context, account string) error
}

// Progress is how far an account has come.
type Progress struct {
	Account     string
	Seq         int64 // of its wallet, up to which it was to be folded
	Folded      int   // entries
	Quarantined bool
	GoesOn      bool // the time was too short: a later call continues, and nothing else is known
}

// Fold folds every account that a batch rings for, and returns the records of
// those that failed, which must be retried.
func (r *Runner) Fold(ctx context.Context, rings []rollup.Ring) []string {
	failures := parallel.Each(ctx, accountsAtOnce, len(rings), func(ctx context.Context, i int) error {
		return r.catchUp(ctx, rings[i])
	})
	var again []string
	for i, err := range failures {
		if err != nil {
			level := slog.LevelWarn
			if parallel.Panicked(err) {
				level = slog.LevelError
			}
			slog.Log(ctx, level, "rolling up usage failed; the record will be retried", "account", rings[i].Account, "seq", rings[i].Seq, "error", err.Error())
			again = append(again, rings[i].Record)
		}
	}
	return again
}

func (r *Runner) catchUp(ctx context.Context, ring rollup.Ring) error {
	result, err := r.Folder.CatchUp(ctx, ring.Account, ring.Seq)
	count(ctx, result)
	if result.Quarantined {
		slog.ErrorContext(ctx, "the account is quarantined: an entry cannot be folded; repair it and rebuild", "account", ring.Account)
	}
	return err
}

func count(ctx context.Context, result rollup.Result) {
	telemetry.Add(ctx, telemetry.Count(telemetry.Folded, result.Entries))
	if result.Entries > 0 {
		telemetry.Peak(ctx, telemetry.Seconds(telemetry.UsageLag, result.Oldest))
	}
	telemetry.Peak(ctx, telemetry.Count(telemetry.UsageBehind, result.Behind))
	if result.Quarantined {
		telemetry.Add(ctx, telemetry.Count(telemetry.Quarantined, 1))
	}
}

// Retry brings an account up to its wallet's last entry. If it is quarantined,
// the entry that could not be folded is retried.
func (r *Runner) Retry(ctx context.Context, account string) (Progress, error) {
	return r.toNow(ctx, account, r.Folder.Retry)
}

// Rebuild regenerates an account's sheets. If the time is too short, a later
// call continues.
func (r *Runner) Rebuild(ctx context.Context, account string) (Progress, error) {
	cut, cancel := ctx, func() {}
	if deadline, ok := ctx.Deadline(); ok {
		cut, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
	}
	defer cancel()
	progress, err := r.toNow(cut, account, r.Folder.Rebuild)
	if !errors.Is(err, context.DeadlineExceeded) {
		return progress, err
	}
	return Progress{Account: account, GoesOn: true}, r.Later(ctx, account)
}

// toNow runs one account up to its wallet's last entry.
func (r *Runner) toNow(ctx context.Context, account string, run func(context.Context, string, int64) (rollup.Result, error)) (Progress, error) {
	wallet, err := r.Store.Wallet(ctx, account)
	if err != nil {
		return Progress{}, err
	}
	if wallet == nil {
		return Progress{}, fmt.Errorf("catchup: there is no account %q", account)
	}
	result, err := run(ctx, account, wallet.Seq)
	count(ctx, result)
	return Progress{Account: account, Seq: wallet.Seq, Folded: result.Entries, Quarantined: result.Quarantined}, err
}

// Quarantined lists the accounts that are not folded because one of their entries
// cannot be.
func (r *Runner) Quarantined(ctx context.Context) ([]string, error) {
	accounts := []string{}
	for after := ""; ; {
		page, err := r.Store.Quarantined(ctx, after, quarantinedAPage)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return accounts, nil
		}
		accounts = append(accounts, page...)
		after = page[len(page)-1]
	}
}
