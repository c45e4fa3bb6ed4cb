package rollup_test

import (
	"context"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit/committest"
	"drawdown/shared/ledger"
	"drawdown/shared/memory"
	"drawdown/shared/rollup/rolluptest"
)

// grown is a ledger that grows while it is listed.
type grown struct {
	mu      sync.Mutex
	entries []ledger.Entry
}

func (g *grown) append(more []ledger.Entry) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries = append(g.entries, more...)
	return nil
}

func (g *grown) list(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	g.mu.Lock()
	entries := g.entries
	g.mu.Unlock()
	return rolluptest.Lister(&entries)(ctx, account, after, limit)
}

func TestAnyWayOfFoldingGivesTheSameSheets(t *testing.T) {
	committest.Bound(t, 1000)
	census.Check(t, rolluptest.Floors, func(t *rapid.T, did *census.Census) {
		ledger := &grown{}
		store := &memory.Usage{Entries: ledger.list}
		subject := rolluptest.Subject{Stores: []rolluptest.Store{store}, Append: ledger.append, Calm: func() {}}
		rolluptest.Law(t, did, subject, "acme", rolluptest.AnyLedger(t, "acme", 40), 8)
	})
}
