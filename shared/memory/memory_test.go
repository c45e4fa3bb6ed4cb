package memory_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/memory"
)

func newSubject() committest.Subject {
	store := &memory.Store{}
	return committest.Subject{Store: store, Entries: store.Entries}
}

// unhurried lets others have their turn between a read and the commit that rests
// on it: memory is so quick that hardly two callers would ever meet.
type unhurried struct{ commit.Store }

func (u unhurried) Commit(ctx context.Context, change commit.Change) (commit.Verdict, error) {
	time.Sleep(50 * time.Microsecond)
	return u.Store.Commit(ctx, change)
}

func TestStoreAnswersAsTheReferenceDoes(t *testing.T) {
	committest.Bound(t, 300)
	census.Check(t, ledgertest.HistoryFloors, func(t *rapid.T, did *census.Census) {
		committest.Model(t, did, newSubject(), "acme")
	})
}

func TestParallelCallersCanBePutInOrder(t *testing.T) {
	var did census.Census
	for range 5 {
		subject := newSubject()
		subject.Store = unhurried{subject.Store}
		committest.Parallel(t, &did, subject, "acme", uint64(time.Now().UnixNano()))
	}
	did.Require(t, committest.ParallelFloors)
	did.Require(t, census.Floors{"debits with overage": 2, "entries of a reversal": 2, "debits refused for want of credits": 5})
}

func TestStoreConforms(t *testing.T) {
	committest.Run(t, func(*testing.T) commit.Store { return &memory.Store{} })
}
