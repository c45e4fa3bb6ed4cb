package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/dynamo"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// calendar is a settler that notes what it is asked for and fails for some, and
// the lists of what is due.
type calendar struct {
	mu       sync.Mutex
	asked    []string
	fails    string // whose calls fail
	cancel   func() // called with the first one, where it is set
	hangs    string // whose calls end with their time
	buckets  map[dynamo.DueBucket][]dynamo.DueItem
	accounts []string
	down     dynamo.DueBucket // cannot be listed
}

func (c *calendar) note(ctx context.Context, call, account string) error {
	c.mu.Lock()
	c.asked = append(c.asked, call+" "+account)
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	if account == c.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if account == c.fails {
		return errors.New("not now")
	}
	return nil
}

func (c *calendar) Renew(ctx context.Context, account string) error {
	return c.note(ctx, "renew", account)
}

func (c *calendar) Expire(ctx context.Context, account string) error {
	return c.note(ctx, "expire", account)
}

func (c *calendar) BillOverage(ctx context.Context, account string, at time.Time, id string) error {
	return c.note(ctx, fmt.Sprintf("bill %s of %s to", id, at.Format(time.RFC3339Nano)), account)
}

func (c *calendar) DueAfter(_ context.Context, bucket dynamo.DueBucket, after string, limit int) ([]dynamo.DueItem, error) {
	if bucket == c.down {
		return nil, errors.New("the index is not there")
	}
	items := c.buckets[bucket]
	start, _ := slices.BinarySearchFunc(items, after+"\x00", func(item dynamo.DueItem, after string) int { return strings.Compare(item.At, after) })
	return items[start:min(len(items), start+limit)], nil
}

func (c *calendar) Profiles(_ context.Context, after string, limit int) ([]dynamo.Profile, error) {
	var page []dynamo.Profile
	for _, account := range c.accounts {
		if account > after && len(page) < limit {
			page = append(page, dynamo.Profile{Account: account})
		}
	}
	return page, nil
}

func subscription(account string, at time.Time) dynamo.DueItem {
	return dynamo.DueItem{Account: account, SK: "SUBSCRIPTION", At: at.Format("2006-01-02T15:04:05.000Z") + "#" + account + "#sub"}
}

func (c *calendar) call(t *testing.T, payload, want string) {
	t.Helper()
	c.asked = nil
	got, err := (&handler{c, c, func() time.Time { return noon }}).Invoke(t.Context(), []byte(payload))
	if err != nil || string(got) != want {
		t.Errorf("%s is answered with %s, %v, want %s", payload, got, err, want)
	}
}

// What is due is done, up to now and no further; what fails keeps nothing waiting.
func TestDue(t *testing.T) {
	t.Parallel()
	c := &calendar{fails: "b", buckets: map[dynamo.DueBucket][]dynamo.DueItem{
		dynamo.DueRenewals: {
			subscription("a", noon.Add(-time.Hour)), subscription("b", noon.Add(-time.Second)), subscription("c", noon), subscription("d", noon.Add(time.Millisecond)),
		},
		dynamo.DueBills: {
			{Account: "a", SK: "BILL#2026-11-24T11:00:00.000Z#overage:period:sub_1:1", At: "2026-11-24T11:00:00.000Z#a#overage:period:sub_1:1"},
			{Account: "a", SK: "SUBSCRIPTION", At: "2026-11-24T11:00:01.000Z#a"}, {Account: "a", At: "garbage"},
		},
	}}
	c.call(t, `{"due":true}`, `{"failed":3,"swept":6}`)
	if want := []string{"bill overage:period:sub_1:1 of 2026-11-24T11:00:00Z to a", "renew a", "renew b", "renew c"}; !slices.Equal(slices.Sorted(slices.Values(c.asked)), want) {
		t.Errorf("asked for %q, want %q", c.asked, want)
	}
}

// More than a page that all fails does not hide what comes after it.
func TestPages(t *testing.T) {
	t.Parallel()
	c := &calendar{fails: "broken", buckets: map[dynamo.DueBucket][]dynamo.DueItem{}}
	for i := range 2*sweepPage + 7 {
		item := subscription("broken", noon.Add(-time.Hour+time.Duration(i)*time.Second))
		c.buckets[dynamo.DueRenewals] = append(c.buckets[dynamo.DueRenewals], item)
		c.accounts = append(c.accounts, fmt.Sprintf("account-%04d", i))
	}
	c.buckets[dynamo.DueRenewals] = append(c.buckets[dynamo.DueRenewals], subscription("last", noon))
	c.call(t, `{"due":true}`, `{"failed":207,"swept":208}`)
	if !slices.Contains(c.asked, "renew last") {
		t.Error("the one after them was not asked for")
	}
	c.call(t, `{"expire":true}`, `{"failed":0,"swept":207}`)
	if slices.Sort(c.asked); len(slices.Compact(c.asked)) != 207 {
		t.Errorf("%d accounts were asked for", len(c.asked))
	}
}

// A bucket that cannot be listed is an error, and the other one is done.
func TestABucketThatCannotBeListed(t *testing.T) {
	t.Parallel()
	c := &calendar{down: dynamo.DueRenewals, buckets: map[dynamo.DueBucket][]dynamo.DueItem{
		dynamo.DueBills: {{Account: "a", SK: "BILL#2026-11-24T11:00:00.000Z#x", At: "2026-11-24T11:00:00.000Z#a#x"}},
	}}
	if got, err := (&handler{c, c, func() time.Time { return noon }}).Invoke(t.Context(), []byte(`{"due":true}`)); err == nil {
		t.Errorf("the answer is %s", got)
	}
	if len(c.asked) != 1 {
		t.Errorf("asked for %q", c.asked)
	}
}

// Renewals that all hang take all the time there is, and no bill waits for them.
func TestNeitherBucketStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &calendar{hangs: "slow", buckets: map[dynamo.DueBucket][]dynamo.DueItem{}}
		for range 40 {
			c.buckets[dynamo.DueRenewals] = append(c.buckets[dynamo.DueRenewals], subscription("slow", noon))
		}
		for i := range 20 {
			sk := fmt.Sprintf("2026-11-24T11:00:00.000Z#%02d", i)
			c.buckets[dynamo.DueBills] = append(c.buckets[dynamo.DueBills], dynamo.DueItem{Account: "fast", SK: "BILL#" + sk, At: sk})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := (&handler{c, c, func() time.Time { return noon }}).Invoke(ctx, []byte(`{"due":true}`))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, %v", got, err)
		}
		billed := 0
		for _, call := range c.asked {
			if strings.HasPrefix(call, "bill") {
				billed++
			}
		}
		if billed != 20 || len(c.asked) != 20+3*lanes/2 {
			t.Errorf("%d bills and %d items in all", billed, len(c.asked))
		}
	})
}

// When the time is over, a sweep ends at once and says so.
func TestTheContextBoundsASweep(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{"due":true}`, `{"expire":true}`} {
		ctx, cancel := context.WithCancel(t.Context())
		c := &calendar{cancel: cancel, buckets: map[dynamo.DueBucket][]dynamo.DueItem{}}
		for i := range 50 {
			account := fmt.Sprintf("account-%04d", i)
			c.accounts = append(c.accounts, account)
			c.buckets[dynamo.DueRenewals] = append(c.buckets[dynamo.DueRenewals], subscription(account, noon))
		}
		if got, err := (&handler{c, c, func() time.Time { return noon }}).Invoke(ctx, []byte(payload)); !errors.Is(err, context.Canceled) || len(c.asked) > lanes {
			t.Errorf("%s is answered with %s, %v after %q", payload, got, err, c.asked)
		}
	}
}

func TestOtherCallsFail(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{}`, `[]`, `{"due":true,"expire":true}`, `x`} {
		c := &calendar{accounts: []string{"a"}}
		if got, err := (&handler{c, c, func() time.Time { return noon }}).Invoke(t.Context(), []byte(payload)); !errors.Is(err, errNoCall) || len(c.asked) > 0 {
			t.Errorf("%s is answered with %s, %v", payload, got, err)
		}
	}
}
