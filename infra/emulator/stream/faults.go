package stream

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// Faults are what a test may do to the deliveries of all mappings, at any time. The zero value does nothing.
type Faults struct {
	// Duplicate has every batch delivered twice. The second answer counts, if the first one tells of no failure.
	Duplicate atomic.Bool
	// Shuffle puts the records of a batch into a random order, in which only those of one item keep theirs.
	Shuffle atomic.Bool
	// DropAnswers is how many answers of success get lost from now on: those batches count as failed.
	DropAnswers atomic.Int64
	// DropBatches is how many batches get lost from now on: they count as delivered.
	DropBatches atomic.Int64

	mu   sync.Mutex
	held chan struct{} // closed by Release; nil if nothing is held back
}

// Hold holds all deliveries back that have not begun.
func (f *Faults) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = make(chan struct{})
	}
}

// Release ends a Hold.
func (f *Faults) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held != nil {
		close(f.held)
		f.held = nil
	}
}

// pass waits while deliveries are held back, and says whether this one may go on.
func (f *Faults) pass(ctx context.Context) bool {
	f.mu.Lock()
	held := f.held
	f.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// take counts down a number of faults that are to happen, and says whether one is to happen now.
func take(left *atomic.Int64) bool {
	for {
		n := left.Load()
		if n <= 0 {
			return false
		}
		if left.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// order is the order in which the records of a batch are delivered.
func (f *Faults) order(records []record) []record {
	if !f.Shuffle.Load() {
		return records
	}
	// Places are drawn for the keys; the records of one key then fill its places in their own order.
	ofKey := map[string][]record{}
	keys := make([]string, 0, len(records))
	for _, r := range records {
		ofKey[r.key] = append(ofKey[r.key], r)
		keys = append(keys, r.key)
	}
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	shuffled := make([]record, 0, len(records))
	for _, key := range keys {
		shuffled = append(shuffled, ofKey[key][0])
		ofKey[key] = ofKey[key][1:]
	}
	return shuffled
}
