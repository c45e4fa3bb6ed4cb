package parallel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/parallel"
)

// Each item's error is at its place, whatever the order in which they end, and no
// more are under way than the limit allows, nor fewer where there is work.
func TestErrorsAreInTheOrderOfTheItems(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, count = 4, 22
		begun := time.Now()
		var working, most atomic.Int64
		failures := parallel.Each(t.Context(), limit, count, func(_ context.Context, item int) error {
			for now := working.Add(1); ; {
				if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
			defer working.Add(-1)
			time.Sleep(time.Duration(count-item) * time.Second)
			if item%3 == 0 {
				return fmt.Errorf("item %d", item)
			}
			return nil
		})
		if len(failures) != count {
			t.Fatalf("%d answers", len(failures))
		}
		for item, err := range failures {
			if want := fmt.Sprintf("item %d", item); (item%3 == 0) != (err != nil) || err != nil && err.Error() != want {
				t.Errorf("item %d ended with %v", item, err)
			}
		}
		if most.Load() != limit {
			t.Errorf("%d at once, want %d", most.Load(), limit)
		}
		if took := time.Since(begun); took > count*(count+1)/2*time.Second/limit+count*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A panic is the failure of its item alone, with its stack.
func TestAPanicIsItsItemsFailure(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	failures := parallel.Each(t.Context(), 2, 10, func(_ context.Context, item int) error {
		if item == 3 {
			breakDown()
		}
		done.Add(1)
		return nil
	})
	var broken *parallel.Panic
	if !errors.As(failures[3], &broken) || broken.Value != "out of sorts" {
		t.Fatalf("the item ended with %v", failures[3])
	}
	if text := broken.Error(); !strings.Contains(text, "out of sorts") || !strings.Contains(text, "breakDown") {
		t.Errorf("nobody finds the place by %q", text)
	}
	failures[3] = nil
	if err := errors.Join(failures...); err != nil || done.Load() != 9 {
		t.Errorf("%d of the others are done, %v", done.Load(), err)
	}
}

func breakDown() { panic("out of sorts") }

// Once the context has ended nothing more is begun, running items are waited
// for, and every item that was not begun fails with ErrNotBegun.
func TestTheContextEndsTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var done atomic.Int64
		failures := parallel.Each(ctx, 2, 20, func(context.Context, int) error {
			time.Sleep(4 * time.Second)
			done.Add(1)
			return nil
		})
		if done.Load() != 6 {
			t.Errorf("%d were done", done.Load())
		}
		for item, err := range failures {
			left := errors.Is(err, parallel.ErrNotBegun) && errors.Is(err, context.DeadlineExceeded)
			if left != (item >= 6) || !left && err != nil {
				t.Errorf("item %d ended with %v", item, err)
			}
		}
	})
}
