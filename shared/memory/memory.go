// Package memory keeps wallets and ledgers in memory, under the same contract
// as the tables: one conformance suite runs over both. Laws that need very many
// commits are tested on it, and it shows how little a store must do.
package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"drawdown/shared/commit"
	"drawdown/shared/ledger"
)

// Store is a commit.Store. Its zero value is empty and ready to use, from any
// number of goroutines.
type Store struct {
	mu       sync.Mutex
	accounts map[string]*account
}

type account struct {
	wallet   *ledger.Wallet
	entries  []ledger.Entry // by seq, from 1
	reversed map[ledger.OperationID]ledger.Reversed
}

// Read implements commit.Store.
func (s *Store) Read(_ context.Context, id string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := commit.Snapshot{Entries: map[ledger.OperationID]ledger.Entry{}}
	kept, found := s.accounts[id]
	if !found {
		return snapshot, nil
	}
	snapshot.Wallet = kept.wallet.Clone()
	for _, operation := range operations {
		if entry, found := kept.entry(operation); found {
			snapshot.Entries[operation] = entry
		}
	}
	if entry, found := kept.entry(of); found && entry.Undoable() {
		snapshot.Charged = &ledger.Charged{Entry: entry, Reversed: kept.reversed[of]}
	}
	return snapshot, nil
}

// Commit implements commit.Store.
func (s *Store) Commit(_ context.Context, change commit.Change) (commit.Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := change.After.Account
	kept := s.accounts[id]
	if kept == nil {
		kept = &account{reversed: map[ledger.OperationID]ledger.Reversed{}}
	}
	for _, entry := range change.Entries {
		if _, found := kept.entry(entry.Operation); found {
			return commit.Verdict{Cause: commit.EntryExists}, nil
		}
	}
	if seqOf(kept.wallet) != seqOf(change.Before) {
		return commit.Verdict{Cause: commit.WalletMoved}, nil
	}
	for _, entry := range change.Entries {
		// The tally that this would create exists: another commit was quicker.
		if of, total, undoes := entry.Undoes(); undoes && total.Count <= kept.reversed[of].Count {
			return commit.Verdict{Cause: commit.WalletMoved}, nil
		}
	}
	for _, entry := range change.Entries {
		kept.entries = append(kept.entries, entry)
		if of, total, undoes := entry.Undoes(); undoes {
			kept.reversed[of] = total
		}
	}
	kept.wallet = change.After.Clone()
	if s.accounts == nil {
		s.accounts = map[string]*account{}
	}
	s.accounts[id] = kept
	return commit.Verdict{Committed: true}, nil
}

// Entries lists an account's entries after the given seq, in order, at most limit.
func (s *Store) Entries(_ context.Context, id string, after int64, limit int) ([]ledger.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, found := s.accounts[id]
	if !found || after >= int64(len(kept.entries)) {
		return nil, nil
	}
	if after < 0 {
		return nil, fmt.Errorf("memory: seq %d is negative", after)
	}
	rest := kept.entries[after:]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (a *account) entry(id ledger.OperationID) (ledger.Entry, bool) {
	if id == "" {
		return ledger.Entry{}, false
	}
	at := slices.IndexFunc(a.entries, func(e ledger.Entry) bool { return e.Operation == id })
	if at < 0 {
		return ledger.Entry{}, false
	}
	return a.entries[at], true
}

func seqOf(wallet *ledger.Wallet) int64 {
	if wallet == nil {
		return 0
	}
	return wallet.Seq
}
