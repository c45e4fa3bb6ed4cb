package settlement_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/settlement"
)

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Some items hang, some fail and one breaks: each of the others is done, none takes
// longer than it may, and no more are worked on at once than there are lanes.
func TestASweepWithItemsThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lanes = 8
		begun := time.Now()
		ended, failed, working, most := []int{}, 0, make(chan int, 100), 0
		err := settlement.Sweep(t.Context(), numbers(100), lanes, func(ctx context.Context, item int) error {
			working <- item
			defer func() { <-working }()
			switch {
			case item < 16:
				<-ctx.Done()
				return ctx.Err()
			case item == 16:
				panic("broken")
			}
			time.Sleep(time.Second)
			return nil
		}, func(item int, err error) {
			most = max(most, len(working))
			ended = append(ended, item)
			if err != nil {
				failed++
			}
		})
		if slices.Sort(ended); err != nil || !slices.Equal(ended, numbers(100)) || failed != 17 || most > lanes {
			t.Errorf("%v; %d items, %d failed, %d at once", err, len(ended), failed, most)
		}
		// No lane ends later than the work of all, shared by the lanes, and one item more.
		if took := time.Since(begun); took > 4*settlement.ItemTime {
			t.Errorf("it took %s", took)
		}
	})
}

// None is always the last one.
func TestTheOrderOfASweepChanges(t *testing.T) {
	t.Parallel()
	page, last := numbers(10), map[int]bool{}
	for range 200 {
		var order []int
		_ = settlement.Sweep(t.Context(), page, 1, func(context.Context, int) error { return nil }, func(item int, _ error) { order = append(order, item) })
		last[order[9]] = true
	}
	if len(last) < 5 || !slices.Equal(page, numbers(10)) {
		t.Errorf("of ten items only %d were ever the last; the page is %v", len(last), page)
	}
}

// When the time is over, nothing more is begun.
func TestTheContextEndsASweep(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	err := settlement.Sweep(ctx, numbers(100), 4, func(context.Context, int) error {
		cancel()
		return nil
	}, func(int, error) { count++ })
	if !errors.Is(err, context.Canceled) || count > 4 {
		t.Errorf("%v after %d items", err, count)
	}
	if err := settlement.Sweep(ctx, numbers(0), 4, nil, nil); err != nil {
		t.Errorf("an empty page: %v", err)
	}
}
