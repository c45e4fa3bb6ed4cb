package rolluptest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// ErrInjected is what a disturbed write fails with.
var ErrInjected = errors.New("rolluptest: injected")

// Store is a store of usage whose sheets can be read as a whole.
type Store interface {
	rollup.Store
	AllSheets(ctx context.Context, account string) ([]usage.Sheet, error)
}

// disturbed is a store seen by one run: its index lags behind, its writes fail
// before or after they take effect, and one of them can be held until others
// have done their part.
type disturbed struct {
	Store
	failing int // one write in so many fails; 0: none
	hiding  int // one listing in so many lacks some entries; 0: none

	mu     sync.Mutex
	random *rand.Rand
	writes int
	holdAt int           // the write that is held, from 1; 0: none
	held   chan struct{} // closed when it is
	resume chan struct{} // closed when it may go on
}

func disturb(store Store, seed uint64, failing, hiding, holdAt int) *disturbed {
	return &disturbed{
		Store: store, failing: failing, hiding: hiding, holdAt: holdAt,
		random: rand.New(rand.NewPCG(seed, 1)), held: make(chan struct{}), resume: make(chan struct{}),
	}
}

func (d *disturbed) one(in int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return in > 0 && d.random.IntN(in) == 0
}

// write makes a write, or not, and reports it, or not.
func (d *disturbed) write(do func() error) error {
	d.mu.Lock()
	d.writes++
	hold := d.writes == d.holdAt
	d.mu.Unlock()
	if hold {
		close(d.held)
		<-d.resume
	}
	if d.one(2 * d.failing) {
		return ErrInjected
	}
	if err := do(); err != nil {
		return err
	}
	if d.one(2 * d.failing) {
		return ErrInjected
	}
	return nil
}

func (d *disturbed) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	entries, err := d.Store.EntriesAfter(ctx, account, seq, limit)
	if err != nil || len(entries) == 0 || !d.one(d.hiding) {
		return entries, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	hole := d.random.IntN(len(entries))
	if d.random.IntN(2) == 0 {
		return entries[:hole], nil // late
	}
	return append(entries[:hole:hole], entries[hole+1:]...), nil // out of order
}

func (d *disturbed) See(ctx context.Context, account string, epoch int64, sightings []usage.Sighting) (firsts map[usage.Conversation]int64, err error) {
	err = d.write(func() (err error) {
		firsts, err = d.Store.See(ctx, account, epoch, sightings)
		return err
	})
	return firsts, err
}

func (d *disturbed) Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (standing rollup.Standing, err error) {
	err = d.write(func() (err error) {
		standing, err = d.Store.Add(ctx, account, epoch, delta)
		return err
	})
	return standing, err
}

func (d *disturbed) MoveMark(ctx context.Context, account string, from, to usage.Mark) (moved bool, err error) {
	err = d.write(func() (err error) {
		moved, err = d.Store.MoveMark(ctx, account, from, to)
		return err
	})
	return moved, err
}

func (d *disturbed) RemoveBefore(ctx context.Context, account string, epoch int64) error {
	return d.write(func() error { return d.Store.RemoveBefore(ctx, account, epoch) })
}
