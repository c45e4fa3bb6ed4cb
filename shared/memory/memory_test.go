package memory_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/memory"
)

func newSubject() committest.Subject {
	store := &memory.Store{}
	return committest.Subject{Store: store, Entries: store.Entries}
}

func TestStoreAnswersAsTheReferenceDoes(t *testing.T) {
	committest.Bound(t, 300)
	rapid.Check(t, func(t *rapid.T) { committest.Model(t, newSubject(), "acme") })
}

func TestParallelCallersCanBePutInOrder(t *testing.T) {
	for range 5 {
		committest.Parallel(t, newSubject(), "acme", uint64(time.Now().UnixNano()))
	}
}

func TestStoreConforms(t *testing.T) {
	committest.Run(t, func(*testing.T) commit.Store { return &memory.Store{} })
}
