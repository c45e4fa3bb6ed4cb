package calendar

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"drawdown/shared/parallel"
)

// itemTime is the longest that a sweep works on one item, so that an item that
// hangs does not hold a lane for longer.
const itemTime = 25 * time.Second

// task is what a sweep does for one item of a list.
type task struct {
	account string
	place   string // in the list, which goes on after it
	do      func(ctx context.Context) error
}

// sweep does the tasks of a page, in as many lanes, and calls done for each that
// was begun, as soon as it ends and for one at a time. The order is random: if a
// sweep is too short for all of them, none is always the last. It fails where the
// context ended before every task was begun.
func sweep(ctx context.Context, page []task, lanes int, done func(task, error)) error {
	page = slices.Clone(page)
	rand.Shuffle(len(page), func(i, j int) { page[i], page[j] = page[j], page[i] })
	begun := make([]bool, len(page))
	var one sync.Mutex
	failures := parallel.Each(ctx, lanes, len(page), func(ctx context.Context, i int) error {
		begun[i] = true
		ctx, cancel := context.WithTimeout(ctx, itemTime)
		defer cancel()
		err := page[i].do(ctx)
		one.Lock()
		defer one.Unlock()
		done(page[i], err)
		return err
	})
	var ended error
	for i, err := range failures {
		switch {
		case !begun[i]:
			ended = ctx.Err()
		case parallel.Panicked(err):
			done(page[i], err)
		}
	}
	return ended
}
