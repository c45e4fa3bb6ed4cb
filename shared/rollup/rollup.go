// Package rollup brings an account's usage up to its ledger.
//
// There is one way in: CatchUp. The stream, the sweep of failures, a repair and
// a rebuild all only ring for an account; what is folded is read from the
// ledger, so a record cannot lose anything and no record can be poison.
//
// Order of writes: conversations first, then the sheets, each guarded by the
// entry up to which it holds, and the mark last. A crash between any two of
// them, a second run at the same time, or the same run again leaves the same
// sheets: the next run starts from the mark, finds sheets that are ahead, and
// adds to those only what they lack.
package rollup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawdown/shared/ledger"
	"drawdown/shared/parallel"
	"drawdown/shared/pause"
	"drawdown/shared/usage"
)

// Store keeps usage, and the ledger that it is folded from.
type Store interface {
	// Mark is how far the account is folded, read strongly consistently; zero at first.
	Mark(ctx context.Context, account string) (usage.Mark, error)
	// EntriesAfter lists entries by seq from an index that may lag behind. An
	// entry that cannot be read ends the list; it is returned as
	// *usage.Unfoldable if it would be the first.
	EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error)
	// See stores conversations and returns which entry had each of them first.
	See(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error)
	// Add adds a delta to its sheet, if the sheet holds nothing from the delta's first entry on.
	Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (Standing, error)
	// MoveMark replaces a mark, and reports false if it is no longer the given one.
	MoveMark(ctx context.Context, account string, from, to usage.Mark) (bool, error)
	// RemoveBefore removes the sheets and conversations of earlier epochs.
	RemoveBefore(ctx context.Context, account string, epoch int64) error
}

// Standing is the state of a sheet after an attempt to add to it.
type Standing struct {
	Added      bool
	Upto       int64 // if it is ahead of the delta: the entry up to which it holds
	Superseded bool  // there is a later epoch's sheet: a rebuild is under way
}

// ErrIndexLags means that the index does not show the next entry yet. The ring must
// be retried.
var ErrIndexLags = errors.New("rollup: the ledger's index does not show the next entry yet")

// Ring triggers a roll-up: an account has entries up to a seq.
type Ring struct {
	Account string
	Seq     int64
	Record  string // identifies its source, which can deliver it again
}

// Result is what a CatchUp has done.
type Result struct {
	Entries     int           // folded
	Sheets      int           // updated
	Oldest      time.Duration // between the making of the oldest entry and its folding
	Behind      int64         // entries that the mark still lacks
	Quarantined bool
}

// Folder folds. Its fields are set once, before its first use.
type Folder struct {
	Store Store
	Now   func() time.Time
	// Page is how many entries are read and folded at once.
	Page int
	// IndexWait is how long to wait for the index before a ring is returned for a
	// retry.
	IndexWait time.Duration
}

// The usual values of a Folder's fields.
const (
	DefaultPage      = 500
	DefaultIndexWait = 2 * time.Second

	firstWait = 20 * time.Millisecond
	// maxSuperseded bounds how often in a row a run yields to others. Those
	// would have made progress by then, so something other than a rebuild is
	// blocking it.
	maxSuperseded = 100
	giveWay       = 2 * time.Millisecond
	// gapPatience is how long an entry may be missing while later ones exist:
	// longer than any index lags.
	gapPatience = 10 * time.Minute
	// sheetsAtOnce bounds the sheets that are written at the same time.
	sheetsAtOnce = 16
)

// errSuperseded: a rebuild has begun, or another run has moved the mark.
var errSuperseded = errors.New("rollup: superseded")

// CatchUp folds the account's ledger at least up to seq. It fails with
// ErrIndexLags, or with the store's error; then the ring must be retried. A
// quarantined account is skipped, which is not a failure.
func (f *Folder) CatchUp(ctx context.Context, account string, seq int64) (Result, error) {
	r := run{Folder: f, account: account}
	wait, waited := firstWait, time.Duration(0)
	superseded := 0
	for known := false; ; {
		var err error
		if !known {
			if r.mark, err = f.Store.Mark(ctx, account); err != nil {
				return r.result, err
			}
		}
		r.result.Behind = max(0, seq-r.mark.Seq)
		if r.mark.Quarantine != "" {
			r.result.Quarantined = true
			return r.result, nil
		}
		if r.mark.Rebuild != 0 && r.mark.Seq >= r.mark.Rebuild {
			if err := r.finish(ctx); err != nil && !errors.Is(err, errSuperseded) {
				return r.result, err
			}
			known = false
			continue
		}
		if r.mark.Seq >= seq {
			return r.result, nil
		}
		known, err = r.fold(ctx) // the mark that this run has moved is not read again
		switch {
		case known:
			wait, waited, superseded = firstWait, 0, 0
			continue
		case errors.Is(err, errSuperseded) && superseded < maxSuperseded:
			superseded++ // another run is working on it: see how far it is
			if err := pause.For(ctx, giveWay); err != nil {
				return r.result, err
			}
			continue
		case err != nil:
			return r.result, err
		case waited >= f.IndexWait:
			return r.result, ErrIndexLags
		}
		if err := pause.For(ctx, wait); err != nil {
			return r.result, err
		}
		waited, wait = waited+wait, 2*wait
	}
}

// run is one CatchUp of one account.
type run struct {
	*Folder
	account string
	mark    usage.Mark
	ahead   []ledger.Entry // read, and not folded yet
	result  Result
}

// fold folds from the mark on, as far as one update of each sheet allows, and
// moves the mark. It reports false if the index shows no entry.
func (r *run) fold(ctx context.Context) (bool, error) {
	entries, err := r.next(ctx)
	if len(entries) == 0 && err == nil {
		return false, nil
	}
	if err == nil {
		entries, err = usage.Prefix(entries)
	}
	var unfoldable *usage.Unfoldable
	if errors.As(err, &unfoldable) {
		to := r.mark
		to.Quarantine = unfoldable.Error()
		return r.moveMark(ctx, to)
	}
	if err != nil {
		return false, err
	}
	firsts, err := r.Store.See(ctx, r.account, r.mark.Epoch, usage.Sightings(entries))
	if err != nil {
		return false, err
	}
	deltas, err := usage.Fold(entries, firsts)
	if err != nil {
		return false, err
	}
	if err := r.addAll(ctx, r.account, r.mark.Epoch, deltas, entries, firsts); err != nil {
		return false, err
	}
	to := r.mark
	to.Seq = entries[len(entries)-1].Seq
	moved, err := r.moveMark(ctx, to)
	if err != nil {
		return false, err
	}
	r.ahead = r.ahead[len(entries):]
	r.result.Entries += len(entries)
	r.result.Sheets += len(deltas)
	r.result.Oldest = max(r.result.Oldest, r.Now().Sub(entries[0].CreatedAt))
	return moved, nil
}

// next are the entries that follow the mark: the rest of an earlier page, or
// another page.
func (r *run) next(ctx context.Context) ([]ledger.Entry, error) {
	if len(r.ahead) == 0 || r.ahead[0].Seq != r.mark.Seq+1 {
		entries, err := r.Store.EntriesAfter(ctx, r.account, r.mark.Seq, r.Page)
		if err != nil {
			return nil, err
		}
		r.ahead = contiguous(entries, r.mark.Seq+1)
		if len(r.ahead) == 0 && len(entries) > 0 && r.Now().Sub(entries[0].CreatedAt) > gapPatience {
			return nil, &usage.Unfoldable{Seq: r.mark.Seq + 1, Reason: fmt.Sprintf("it is missing, but entry %d exists", entries[0].Seq)}
		}
	}
	return r.ahead, nil
}

// finish ends a rebuild: every sheet that the ledger touches is of the new
// epoch by now, and what is left of earlier ones is unused.
func (r *run) finish(ctx context.Context) error {
	if err := r.Store.RemoveBefore(ctx, r.account, r.mark.Epoch); err != nil {
		return err
	}
	to := r.mark
	to.Rebuild = 0
	_, err := r.moveMark(ctx, to)
	return err
}

// moveMark moves the mark, unless another run or a rebuild has.
func (r *run) moveMark(ctx context.Context, to usage.Mark) (bool, error) {
	moved, err := r.Store.MoveMark(ctx, r.account, r.mark, to)
	if err != nil {
		return false, err
	}
	if !moved {
		return false, errSuperseded
	}
	r.mark = to
	return true, nil
}

// contiguous is the part of entries that follows without a gap: an index may
// show a later entry before an earlier one.
func contiguous(entries []ledger.Entry, from int64) []ledger.Entry {
	for i := range entries {
		if entries[i].Seq != from+int64(i) {
			return entries[:i]
		}
	}
	return entries
}

func (f *Folder) addAll(ctx context.Context, account string, epoch int64, deltas []usage.Delta, run []ledger.Entry, firsts map[usage.Conversation]int64) error {
	return errors.Join(parallel.Each(ctx, sheetsAtOnce, len(deltas), func(ctx context.Context, i int) error {
		return f.add(ctx, account, epoch, deltas[i], run, firsts)
	})...)
}

// add adds a delta to its sheet. If the sheet is ahead, the delta is recomputed
// from the entries that it lacks.
func (f *Folder) add(ctx context.Context, account string, epoch int64, delta usage.Delta, run []ledger.Entry, firsts map[usage.Conversation]int64) error {
	for {
		standing, err := f.Store.Add(ctx, account, epoch, delta)
		switch {
		case err != nil:
			return err
		case standing.Added:
			return nil
		case standing.Superseded:
			return errSuperseded
		case standing.Upto < delta.First:
			return fmt.Errorf("rollup: sheet %v is at entry %d and rejects entries from %d on", delta.Key, standing.Upto, delta.First)
		case standing.Upto >= delta.Last:
			return nil
		}
		if delta, err = remainder(delta.Key, standing.Upto, run, firsts); err != nil {
			return err
		}
	}
}

// remainder is the delta of one sheet of the entries after upto.
func remainder(key usage.Key, upto int64, run []ledger.Entry, firsts map[usage.Conversation]int64) (usage.Delta, error) {
	rest := run[upto+1-run[0].Seq:]
	deltas, err := usage.Fold(rest, firsts)
	if err != nil {
		return usage.Delta{}, err
	}
	for _, delta := range deltas {
		if delta.Key == key {
			return delta, nil
		}
	}
	return usage.Delta{}, fmt.Errorf("rollup: no entry after %d touches sheet %v", upto, key)
}

// Rebuild regenerates the account's sheets from its ledger, up to seq at least,
// and lifts a quarantine. Debits may continue: sheets of the new epoch replace
// those of the old one by one, and a run of the old epoch that is still under
// way is refused by them. If it is interrupted, every later CatchUp continues
// it, and so does another Rebuild.
func (f *Folder) Rebuild(ctx context.Context, account string, seq int64) (Result, error) {
	for {
		mark, err := f.Store.Mark(ctx, account)
		if err != nil {
			return Result{}, err
		}
		if mark.Rebuild != 0 && mark.Quarantine == "" {
			return f.CatchUp(ctx, account, seq)
		}
		moved, err := f.Store.MoveMark(ctx, account, mark, usage.Mark{Epoch: mark.Epoch + 1, Rebuild: max(seq, mark.Seq, 1)})
		if err != nil {
			return Result{}, err
		}
		if moved {
			return f.CatchUp(ctx, account, seq)
		}
	}
}

// Retry is CatchUp for an account that may be quarantined: it retries the entry
// that could not be folded, after the program or the entry was fixed.
func (f *Folder) Retry(ctx context.Context, account string, seq int64) (Result, error) {
	mark, err := f.Store.Mark(ctx, account)
	if err != nil {
		return Result{}, err
	}
	if mark.Quarantine != "" {
		to := mark
		to.Quarantine = ""
		// If another run moves it first, there is nothing left to lift.
		if _, err := f.Store.MoveMark(ctx, account, mark, to); err != nil {
			return Result{}, err
		}
	}
	return f.CatchUp(ctx, account, seq)
}
