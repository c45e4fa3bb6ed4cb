package memory

import (
	"context"
	"sync"

	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// Usage is a rollup.Store over a ledger's entries. Its zero value is empty and
// ready to use, from any number of goroutines.
type Usage struct {
	// Entries lists an account's entries, as Store does.
	Entries func(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error)

	mu       sync.Mutex
	accounts map[string]*accountUsage
}

type accountUsage struct {
	mark   usage.Mark
	sheets map[usage.Key]usage.Sheet
	firsts map[usage.Conversation]usage.Mark // the epoch and the entry of its first sighting
}

func (u *Usage) account(id string) *accountUsage {
	if u.accounts == nil {
		u.accounts = map[string]*accountUsage{}
	}
	if u.accounts[id] == nil {
		u.accounts[id] = &accountUsage{sheets: map[usage.Key]usage.Sheet{}, firsts: map[usage.Conversation]usage.Mark{}}
	}
	return u.accounts[id]
}

// EntriesAfter implements rollup.Store.
func (u *Usage) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	return u.Entries(ctx, account, seq, limit)
}

// Mark implements rollup.Store.
func (u *Usage) Mark(_ context.Context, account string) (usage.Mark, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.account(account).mark, nil
}

// MoveMark implements rollup.Store.
func (u *Usage) MoveMark(_ context.Context, account string, from, to usage.Mark) (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kept := u.account(account)
	if kept.mark != from {
		return false, nil
	}
	kept.mark = to
	return true, nil
}

// See implements rollup.Store.
func (u *Usage) See(_ context.Context, account string, epoch int64, sightings []usage.Sighting) (map[usage.Conversation]int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kept := u.account(account)
	firsts := make(map[usage.Conversation]int64, len(sightings))
	for _, sighting := range sightings {
		first, found := kept.firsts[sighting.Conversation]
		if !found || first.Epoch < epoch {
			first = usage.Mark{Epoch: epoch, Seq: sighting.Seq}
			kept.firsts[sighting.Conversation] = first
		}
		firsts[sighting.Conversation] = first.Seq
	}
	return firsts, nil
}

// Add implements rollup.Store.
func (u *Usage) Add(_ context.Context, account string, epoch int64, delta usage.Delta) (rollup.Standing, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kept := u.account(account)
	sheet, found := kept.sheets[delta.Key]
	switch {
	case !found || sheet.Epoch < epoch:
		sheet = usage.Sheet{Key: delta.Key, Epoch: epoch}
	case sheet.Epoch > epoch:
		return rollup.Standing{Superseded: true}, nil
	case sheet.Upto >= delta.First:
		return rollup.Standing{Upto: sheet.Upto}, nil
	}
	sheet.Upto, sheet.Content = delta.Last, sheet.Clone()
	if err := sheet.Add(delta.Content); err != nil {
		return rollup.Standing{}, err
	}
	kept.sheets[delta.Key] = sheet
	return rollup.Standing{Added: true}, nil
}

// RemoveBefore implements rollup.Store.
func (u *Usage) RemoveBefore(_ context.Context, account string, epoch int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	kept := u.account(account)
	for key, sheet := range kept.sheets {
		if sheet.Epoch < epoch {
			delete(kept.sheets, key)
		}
	}
	for conversation, first := range kept.firsts {
		if first.Epoch < epoch {
			delete(kept.firsts, conversation)
		}
	}
	return nil
}

// AllSheets reads every sheet of an account.
func (u *Usage) AllSheets(_ context.Context, account string) ([]usage.Sheet, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var sheets []usage.Sheet
	for _, sheet := range u.account(account).sheets {
		sheet.Content = sheet.Clone()
		sheets = append(sheets, sheet)
	}
	return sheets, nil
}
