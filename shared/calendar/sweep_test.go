package calendar

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// numbered are so many tasks whose accounts are numbers.
func numbered(count int, do func(ctx context.Context, number int) error) []task {
	all := make([]task, count)
	for i := range all {
		all[i] = task{account: strconv.Itoa(i), do: func(ctx context.Context) error { return do(ctx, i) }}
	}
	return all
}

func accountsOf(page []task) []string {
	all := make([]string, len(page))
	for i, task := range page {
		all[i] = task.account
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
		var ended []string
		var working, most atomic.Int64
		failed := 0
		page := numbered(100, func(ctx context.Context, number int) error {
			now := working.Add(1)
			defer working.Add(-1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			switch {
			case number < 16:
				<-ctx.Done()
				return ctx.Err()
			case number == 16:
				panic("broken")
			}
			time.Sleep(time.Second)
			return nil
		})
		err := sweep(t.Context(), page, lanes, func(task task, err error) {
			ended = append(ended, task.account)
			if err != nil {
				failed++
			}
		})
		if want := slices.Sorted(slices.Values(accountsOf(page))); err != nil || !slices.Equal(slices.Sorted(slices.Values(ended)), want) || failed != 17 || most.Load() != lanes {
			t.Errorf("%v; %d items, %d failed, %d at once", err, len(ended), failed, most.Load())
		}
		// No lane ends later than the work of all, shared by the lanes, and one item more.
		if took := time.Since(begun); took > 4*itemTime {
			t.Errorf("it took %s", took)
		}
	})
}

// None is always the last one.
func TestTheOrderOfASweepChanges(t *testing.T) {
	t.Parallel()
	var order []string
	page, last := numbered(10, func(_ context.Context, number int) error {
		order = append(order, strconv.Itoa(number))
		return nil
	}), map[string]bool{}
	before := accountsOf(page)
	for range 200 {
		_ = sweep(t.Context(), page, 1, func(task, error) {})
		last[order[len(order)-1]] = true
	}
	if len(last) < 5 || !slices.Equal(accountsOf(page), before) {
		t.Errorf("of ten items only %d were ever the last; the page is %v", len(last), accountsOf(page))
	}
}

// When the time is over, nothing more is begun.
func TestTheContextEndsASweep(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	page := numbered(100, func(context.Context, int) error {
		cancel()
		return nil
	})
	err := sweep(ctx, page, 4, func(task, error) { count++ })
	if !errors.Is(err, context.Canceled) || count > 4 {
		t.Errorf("%v after %d items", err, count)
	}
	if err := sweep(ctx, nil, 4, nil); err != nil {
		t.Errorf("an empty page: %v", err)
	}
}
