// Package parallel processes many items, a bounded number of them at a time.
//
// Items are independent: a failure of one, even a panic, is its own error, and
// the others continue. The package knows nothing about the work.
package parallel

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// ErrNotBegun is the failure of an item that was not begun because the context
// had ended. It wraps the context's error too.
var ErrNotBegun = errors.New("parallel: not begun")

// Panic is the failure of an item that panicked. In a goroutine of its own a panic
// would end the whole program, and with it the work on the other items.
type Panic struct {
	Value any
	Stack []byte
}

// Error includes the stack, which nothing else would log.
func (p *Panic) Error() string { return fmt.Sprintf("parallel: panic: %v\n%s", p.Value, p.Stack) }

// Panicked reports whether an item failed by a panic, which is a fault of ours and
// nothing that a retry is expected to mend.
func Panicked(err error) bool {
	var broken *Panic
	return errors.As(err, &broken)
}

// Each calls do with every number below count, at most limit of them at the same
// time, and returns each one's error at its place. Once the context has ended, no
// further item is begun.
func Each(ctx context.Context, limit, count int, do func(ctx context.Context, item int) error) []error {
	failures := make([]error, count)
	var group errgroup.Group
	group.SetLimit(limit)
	for item := range count {
		group.Go(func() error {
			failures[item] = one(ctx, item, do)
			return nil // which would hide all but the first
		})
	}
	_ = group.Wait() // nil, as above
	return failures
}

func one(ctx context.Context, item int, do func(context.Context, int) error) (err error) {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ErrNotBegun, ended)
	}
	defer func() {
		if broken := recover(); broken != nil {
			err = &Panic{Value: broken, Stack: debug.Stack()}
		}
	}()
	return do(ctx, item)
}
