package settlement

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// ItemTime is how long a sweep works on one of its items, at most: whoever hangs
// keeps no lane for longer.
const ItemTime = 25 * time.Second

// Sweep does something with each item of a page, in as many lanes, and tells done
// of every end, one at a time. The order is another one each time: where the time
// of a sweep is too short for all, none of them is always the last. It fails where
// the context ended before every item was begun.
func Sweep[T any](ctx context.Context, page []T, lanes int, do func(context.Context, T) error, done func(T, error)) error {
	page = slices.Clone(page)
	rand.Shuffle(len(page), func(i, j int) { page[i], page[j] = page[j], page[i] })
	var mu sync.Mutex
	next := func() (item T, found bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(page) == 0 || ctx.Err() != nil {
			return item, false
		}
		item, page = page[0], page[1:]
		return item, true
	}
	var group sync.WaitGroup
	for range min(lanes, len(page)) {
		group.Go(func() {
			for item, found := next(); found; item, found = next() {
				err := sweepOne(ctx, item, do)
				mu.Lock()
				done(item, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(page) > 0 {
		return ctx.Err()
	}
	return nil
}

// sweepOne turns a panic into an error: in a lane nobody else would, and it would
// end all of them.
func sweepOne[T any](ctx context.Context, item T, do func(context.Context, T) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, ItemTime)
	defer cancel()
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("settlement: panic: %v", broken)
		}
	}()
	return do(ctx, item)
}
