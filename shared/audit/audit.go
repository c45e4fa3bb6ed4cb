// Package audit proves that what is stored of an account is the fold of its
// ledger: the wallet, and every usage sheet.
//
// It reads what is stored before it reads the ledger, so that writers may
// continue: the wallet is compared with the fold up to its own seq, each sheet
// with the fold up to its own.
package audit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/pause"
	"drawdown/shared/usage"
)

// Store is what is proved, and the ledger that proves it.
type Store interface {
	commit.Wallets
	Mark(ctx context.Context, account string) (usage.Mark, error)
	AllSheets(ctx context.Context, account string) ([]usage.Sheet, error)
	EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error)
}

// Drift is one place where the stored state differs from the ledger.
type Drift struct {
	Where  string
	Ledger string
	Stored string
}

// Result is the proof, or the drift.
type Result struct {
	Account string
	Seq     int64 // the ledger was folded up to here
	Mark    usage.Mark
	Behind  int64     // entries of the wallet that the mark lacks
	LastAt  time.Time // when the wallet's last entry was made
	Sheets  int
	Entries map[ledger.EntryType]int64
	Sums    map[ledger.EntryType]credit.Amount // of the entries' credits, by type
	Lapsed  credit.Amount                      // of grants that ran out, in entries of any type
	Balance ledger.Balance                     // after the last entry
	Drift   []Drift
}

// Clean reports whether there is no drift.
func (r Result) Clean() bool { return len(r.Drift) == 0 }

const (
	page = 1000
	// indexWait is how long the index may lag behind the wallet.
	indexWait = 3 * time.Second
	indexPoll = 50 * time.Millisecond
	// indexPatience is how long an entry may be missing from the index; one
	// that is missing longer is missing from the ledger.
	indexPatience = 10 * time.Minute
)

// Run audits one account, at an instant. It fails with fault.AccountNotFound, or
// with fault.Unavailable where the ledger's index lags too far behind.
func Run(ctx context.Context, store Store, account string, now time.Time) (Result, error) {
	mark, sheets, err := readUsage(ctx, store, account)
	if err != nil {
		return Result{}, err
	}
	wallet, err := commit.WalletOf(ctx, store, account)
	if err != nil {
		return Result{}, err
	}
	a := &audit{
		result: Result{
			Account: account, Mark: mark, Sheets: len(sheets),
			Behind: max(0, wallet.Seq-mark.Seq), LastAt: wallet.LastAt,
			Entries: map[ledger.EntryType]int64{}, Sums: map[ledger.EntryType]credit.Amount{},
		},
		usage:  usage.NewProof(mark, sheets),
		wallet: wallet,
		until:  wallet.Seq, // read last, so nothing stored can rest on a later entry
	}
	if err := a.read(ctx, store, now); err != nil {
		return Result{}, err
	}
	a.compare()
	return a.result, nil
}

// readUsage reads the mark, then the sheets, which hold what it covers and
// perhaps more; it reads again if a rebuild has begun between the two.
func readUsage(ctx context.Context, store Store, account string) (usage.Mark, []usage.Sheet, error) {
	mark, err := store.Mark(ctx, account)
	if err != nil {
		return usage.Mark{}, nil, err
	}
	for {
		sheets, err := store.AllSheets(ctx, account)
		if err != nil {
			return usage.Mark{}, nil, err
		}
		after, err := store.Mark(ctx, account)
		if err != nil || after.Epoch == mark.Epoch {
			return mark, sheets, err
		}
		mark = after
	}
}

type audit struct {
	result    Result
	usage     *usage.Proof
	until     int64
	wallet    *ledger.Wallet // as stored
	folded    *ledger.Wallet // up to the last entry that could be folded
	broken    bool           // the ledger itself does not fold
	unfolding bool           // usage does not fold
}

func (a *audit) read(ctx context.Context, store Store, now time.Time) error {
	var waited time.Duration
	for a.result.Seq < a.until {
		entries, err := store.EntriesAfter(ctx, a.result.Account, a.result.Seq, page)
		var unreadable *usage.Unfoldable
		if errors.As(err, &unreadable) {
			a.drift(fmt.Sprintf("ledger entry %d", unreadable.Seq), "readable", unreadable.Reason)
			a.broken = true
			return nil
		}
		if err != nil {
			return err
		}
		if len(entries) > 0 && entries[0].Seq == a.result.Seq+1 {
			a.take(entries)
			continue
		}
		lasting := len(entries) > 0 && now.Sub(entries[0].CreatedAt) > indexPatience
		if lasting || waited >= indexWait && now.Sub(a.wallet.LastAt) > indexPatience {
			a.drift(fmt.Sprintf("ledger entry %d", a.result.Seq+1), "present", "missing")
			a.broken = true
			return nil
		}
		if waited >= indexWait {
			return fault.New(fault.Unavailable, "The ledger's index does not show entry %d yet; send the request again.", a.result.Seq+1)
		}
		if err := pause.For(ctx, indexPoll); err != nil {
			return err
		}
		waited += indexPoll
	}
	return nil
}

// take folds entries that follow, as far as they have no gap.
func (a *audit) take(entries []ledger.Entry) {
	for _, entry := range entries {
		if entry.Seq != a.result.Seq+1 || a.result.Seq == a.until {
			return
		}
		a.result.Seq = entry.Seq
		a.result.Entries[entry.Type()]++
		a.result.Sums[entry.Type()] += entry.Credits
		for _, part := range entry.Lapsed {
			a.result.Lapsed += part.Credits
		}
		a.result.Balance = entry.After
		a.foldWallet(entry)
		if err := a.usage.Entry(entry); err != nil && !a.unfolding {
			a.unfolding = true
			a.drift(fmt.Sprintf("usage of entry %d", entry.Seq), "foldable", err.Error())
		}
	}
}

func (a *audit) foldWallet(entry ledger.Entry) {
	if a.broken {
		return
	}
	next, err := ledger.Apply(a.folded, entry)
	if err != nil {
		a.broken = true
		a.drift(fmt.Sprintf("ledger entry %d", entry.Seq), "follows from the one before", err.Error())
		return
	}
	a.folded = next
	if next.Seq == a.wallet.Seq {
		for _, d := range ledger.Differences(next, a.wallet) {
			a.drift(d.Where, d.Ledger, d.Stored)
		}
	}
}

func (a *audit) drift(where, inLedger, stored string) {
	a.result.Drift = append(a.result.Drift, Drift{where, inLedger, stored})
}

// compare reports the drift of the sheets, once the whole ledger has been folded.
func (a *audit) compare() {
	if a.result.Mark.Quarantine != "" {
		a.drift("usage mark", "folding", "quarantined: "+a.result.Mark.Quarantine)
	}
	if mark := a.result.Mark.Seq; mark > a.wallet.Seq {
		a.drift("usage mark", strconv.FormatInt(a.wallet.Seq, 10), strconv.FormatInt(mark, 10))
	}
	if a.result.Seq < a.until {
		return // with a part of the ledger missing, no sheet can be right
	}
	for _, d := range a.usage.Differences() {
		a.drift("usage "+d.Where, d.Ledger, d.Stored)
	}
}
