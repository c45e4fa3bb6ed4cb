package stream

import (
	"context"
	"time"

	"drawdown/infra/emulator/function"
)

const (
	// laneBuffer is how many pages may wait for a lane before the reader waits for it.
	laneBuffer = 16
	// batchBytes bounds a batch's event, with room for what is around the records.
	batchBytes = function.PayloadLimit - 1<<10
)

// lane makes batches of the records that it is given, and delivers one at a
// time.
type lane struct {
	mapping *Mapping
	shard   string
	in      chan []record // closed when nothing more comes
	pending []record      // dealt, and in no batch yet
}

func newLane(m *Mapping, shard string) *lane {
	return &lane{mapping: m, shard: shard, in: make(chan []record, laneBuffer)}
}

func (l *lane) run(ctx context.Context) {
	for l.fill(ctx) {
		batch := l.cut()
		l.mapping.deliver(ctx, l.shard, batch)
	}
}

// fill waits until a batch is due: it is full, its window is over, or the shard has ended.
func (l *lane) fill(ctx context.Context) bool {
	if len(l.pending) == 0 {
		select {
		case hand := <-l.in:
			l.pending = hand
		case <-ctx.Done():
		}
	}
	if len(l.pending) == 0 {
		return false
	}
	l.takeWaiting()
	window := time.NewTimer(time.Until(l.pending[0].read.Add(l.mapping.config.Window)))
	defer window.Stop()
	for !l.isFull() {
		select {
		case hand, ok := <-l.in:
			if !ok {
				return ctx.Err() == nil
			}
			l.pending = append(l.pending, hand...)
		case <-window.C:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// takeWaiting takes what has arrived while a batch was under way, so that even without a window it is batched.
func (l *lane) takeWaiting() {
	for !l.isFull() {
		select {
		case hand, ok := <-l.in:
			if !ok {
				return
			}
			l.pending = append(l.pending, hand...)
		default:
			return
		}
	}
}

func (l *lane) isFull() bool {
	return len(l.pending) >= l.mapping.config.BatchSize || l.fits() < len(l.pending)
}

// fits returns how many of the pending records fit into one event; the first one
// always does.
func (l *lane) fits() int {
	size := 0
	for i, r := range l.pending {
		if size += len(r.json) + 1; size > batchBytes && i > 0 {
			return i
		}
	}
	return len(l.pending)
}

// cut takes the next batch off the pending records.
func (l *lane) cut() []record {
	n := min(l.mapping.config.BatchSize, l.fits())
	batch := l.pending[:n:n]
	l.pending = l.pending[n:]
	return batch
}
