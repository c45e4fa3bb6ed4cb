package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// accounts is a refiller that notes whom it is asked for and fails for some, and
// the list of those who have asked to be refilled.
type accounts struct {
	mu     sync.Mutex
	all    []string
	asked  []string
	fails  string
	cancel func() // called with the first one, where it is set
	down   bool
}

func (a *accounts) Refill(_ context.Context, account string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, account)
	if a.cancel != nil {
		a.cancel()
	}
	if account == a.fails {
		return errors.New("not now")
	}
	return nil
}

func (a *accounts) Refills(_ context.Context, after string, limit int) ([]string, error) {
	if a.down {
		return nil, errors.New("the index is not there")
	}
	var page []string
	for _, account := range a.all {
		if account > after && len(page) < limit {
			page = append(page, account)
		}
	}
	return page, nil
}

// What rings for an account refills that one; a failure makes it ring again.
func TestARing(t *testing.T) {
	t.Parallel()
	a := &accounts{fails: "b"}
	got, err := (&handler{a, a}).Invoke(t.Context(), []byte(`{"detail-type":"drawdown.internal.refill_due","detail":{"account_id":"a"}}`))
	if err != nil || string(got) != `{}` || !slices.Equal(a.asked, []string{"a"}) {
		t.Errorf("%s, %v after %q", got, err, a.asked)
	}
	if got, err := (&handler{a, a}).Invoke(t.Context(), []byte(`{"detail":{"account_id":"b"}}`)); err == nil {
		t.Errorf("a refill that failed is answered with %s", got)
	}
}

// One that fails does not keep the others waiting, over all pages.
func TestASweep(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, sweepPage, sweepPage + 1, 3*sweepPage + 5} {
		a := &accounts{fails: "account-0000"}
		for i := range count {
			a.all = append(a.all, fmt.Sprintf("account-%04d", i))
		}
		got, err := (&handler{a, a}).Invoke(t.Context(), []byte(`{"sweep":true}`))
		want := fmt.Sprintf(`{"failed":%d,"swept":%d}`, min(count, 1), count)
		if err != nil || string(got) != want || !slices.Equal(slices.Sorted(slices.Values(a.asked)), a.all) {
			t.Errorf("%s, %v, want %s; %d were asked for", got, err, want, len(a.asked))
		}
	}
}

// When the time is over, a sweep ends at once and says so.
func TestTheContextBoundsASweep(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := &accounts{cancel: cancel}
	for i := range 50 {
		a.all = append(a.all, fmt.Sprintf("account-%04d", i))
	}
	if got, err := (&handler{a, a}).Invoke(ctx, []byte(`{"sweep":true}`)); !errors.Is(err, context.Canceled) || len(a.asked) > lanes {
		t.Errorf("%s, %v after %q", got, err, a.asked)
	}
}

func TestOtherCallsFail(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{}`, `[]`, `{"detail":{}}`, `x`} {
		a := &accounts{all: []string{"a"}}
		if got, err := (&handler{a, a}).Invoke(t.Context(), []byte(payload)); !errors.Is(err, errNoCall) || len(a.asked) > 0 {
			t.Errorf("%s is answered with %s, %v", payload, got, err)
		}
	}
	a := &accounts{down: true}
	if got, err := (&handler{a, a}).Invoke(t.Context(), []byte(`{"sweep":true}`)); err == nil {
		t.Errorf("a list that cannot be read is answered with %s", got)
	}
}
