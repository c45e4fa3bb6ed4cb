package calendar

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

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// diary is a settler that notes what it is asked for and fails for some, and
// the lists of what is due.
type diary struct {
	mu       sync.Mutex
	asked    []string
	fails    string // whose calls fail
	cancel   func() // called with the first one, where it is set
	hangs    string // whose calls end with their time
	renewals []billing.DueItem
	bills    []billing.DueItem
	accounts []string // those that ask for refills too
	down     bool     // renewals and refills cannot be listed
}

func (d *diary) note(ctx context.Context, call, account string) error {
	d.mu.Lock()
	d.asked = append(d.asked, call+" "+account)
	if d.cancel != nil {
		d.cancel()
	}
	d.mu.Unlock()
	if account == d.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if account == d.fails {
		return errors.New("not now")
	}
	return nil
}

func (d *diary) Renew(ctx context.Context, account string) error {
	return d.note(ctx, "renew", account)
}

func (d *diary) Expire(ctx context.Context, account string) error {
	return d.note(ctx, "expire", account)
}

func (d *diary) BillOverage(ctx context.Context, account string, at time.Time, id string) error {
	return d.note(ctx, fmt.Sprintf("bill %s of %s to", id, at.Format(time.RFC3339Nano)), account)
}

func (d *diary) Refill(ctx context.Context, account string) error {
	return d.note(ctx, "refill", account)
}

func (d *diary) DueRenewals(_ context.Context, after string, limit int) ([]billing.DueItem, error) {
	if d.down {
		return nil, errors.New("the index is not there")
	}
	return itemsAfter(d.renewals, after, limit), nil
}

func (d *diary) DueBills(_ context.Context, after string, limit int) ([]billing.DueItem, error) {
	return itemsAfter(d.bills, after, limit), nil
}

func itemsAfter(items []billing.DueItem, after string, limit int) []billing.DueItem {
	start, _ := slices.BinarySearchFunc(items, after+"\x00", func(item billing.DueItem, after string) int { return strings.Compare(item.Place, after) })
	return items[start:min(len(items), start+limit)]
}

func (d *diary) Refills(ctx context.Context, after string, limit int) ([]string, error) {
	if d.down {
		return nil, errors.New("the index is not there")
	}
	profiles, err := d.Profiles(ctx, after, limit)
	var accounts []string
	for _, profile := range profiles {
		accounts = append(accounts, profile.Account)
	}
	return accounts, err
}

func (d *diary) Profiles(_ context.Context, after string, limit int) ([]ledger.Profile, error) {
	var page []ledger.Profile
	for _, account := range d.accounts {
		if account > after && len(page) < limit {
			page = append(page, ledger.Profile{Account: account})
		}
	}
	return page, nil
}

// subscription is one that is due at an instant, and bill the like of a bill.
func subscription(account string, at time.Time) billing.DueItem {
	return billing.DueItem{Account: account, At: at, Place: at.Format("2006-01-02T15:04:05.000Z") + "#" + account}
}

func bill(account, id string, at time.Time) billing.DueItem {
	item := subscription(account, at)
	item.Bill, item.Place = id, item.Place+"#"+id
	return item
}

func (d *diary) sweeper() *Sweeper {
	return &Sweeper{Settler: d, Store: d, Now: func() time.Time { return noon }}
}

// sweep expects a sweep to look at so many items.
func (d *diary) sweep(t *testing.T, sweep func(context.Context) (Swept, error), want Swept) {
	t.Helper()
	d.asked = nil
	if got, err := sweep(t.Context()); err != nil || got != want {
		t.Errorf("swept %+v, %v, want %+v", got, err, want)
	}
}

// What is due is done, up to now and no further; what fails keeps nothing waiting.
func TestDue(t *testing.T) {
	t.Parallel()
	unreadable := bill("b", "x", noon.Add(-time.Minute))
	unreadable.At, unreadable.Err = noon.Add(time.Hour), errors.New("garbage")
	d := &diary{fails: "b",
		renewals: []billing.DueItem{
			subscription("a", noon.Add(-time.Hour)), subscription("b", noon.Add(-time.Second)), subscription("c", noon), subscription("d", noon.Add(time.Millisecond)),
		},
		bills: []billing.DueItem{bill("a", "overage:period:sub_1:1", noon.Add(-time.Hour)), unreadable, bill("c", "late", noon.Add(time.Hour))},
	}
	d.sweep(t, d.sweeper().Due, Swept{Items: 5, Failed: 2})
	if want := []string{"bill overage:period:sub_1:1 of 2026-11-24T11:00:00Z to a", "renew a", "renew b", "renew c"}; !slices.Equal(slices.Sorted(slices.Values(d.asked)), want) {
		t.Errorf("asked for %q, want %q", d.asked, want)
	}
}

// Over all pages, one that fails, or more than a page that all fail, does not hide
// what comes after.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, pageSize, pageSize + 1, 2*pageSize + 7} {
		d := &diary{fails: "account-0000"}
		var expiries, refills []string
		for i := range count {
			account := fmt.Sprintf("account-%04d", i)
			d.accounts = append(d.accounts, account)
			expiries, refills = append(expiries, "expire "+account), append(refills, "refill "+account)
			d.renewals = append(d.renewals, subscription("account-0000", noon.Add(-time.Hour+time.Duration(i)*time.Second)))
		}
		d.renewals = append(d.renewals, subscription("last", noon))
		d.sweep(t, d.sweeper().Due, Swept{Items: count + 1, Failed: count})
		if !slices.Contains(d.asked, "renew last") {
			t.Error("the one after them was not asked for")
		}
		d.sweep(t, d.sweeper().Expire, Swept{Items: count, Failed: min(count, 1)})
		if !slices.Equal(slices.Sorted(slices.Values(d.asked)), expiries) {
			t.Errorf("%d of %d accounts were asked for", len(d.asked), count)
		}
		d.sweep(t, d.sweeper().Refill, Swept{Items: count, Failed: min(count, 1)})
		if !slices.Equal(slices.Sorted(slices.Values(d.asked)), refills) {
			t.Errorf("%d of %d accounts were asked for", len(d.asked), count)
		}
	}
}

// A list that cannot be read is an error, and the other one is done.
func TestAListThatCannotBeRead(t *testing.T) {
	t.Parallel()
	d := &diary{down: true, bills: []billing.DueItem{bill("a", "x", noon.Add(-time.Hour))}}
	if got, err := d.sweeper().Due(t.Context()); err == nil || got != (Swept{Items: 1}) {
		t.Errorf("swept %+v, %v", got, err)
	}
	if len(d.asked) != 1 {
		t.Errorf("asked for %q", d.asked)
	}
	if got, err := d.sweeper().Refill(t.Context()); err == nil {
		t.Errorf("swept %+v", got)
	}
}

// Renewals that all hang take all the time there is, and no bill waits for them.
func TestNeitherListStarves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{hangs: "slow"}
		for range 40 {
			d.renewals = append(d.renewals, subscription("slow", noon))
		}
		for i := range 20 {
			d.bills = append(d.bills, bill("fast", fmt.Sprintf("%02d", i), noon.Add(-time.Hour)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err := d.sweeper().Due(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v, %v", got, err)
		}
		billed := 0
		for _, call := range d.asked {
			if strings.HasPrefix(call, "bill") {
				billed++
			}
		}
		if billed != 20 || len(d.asked) != 20+3*lanes/2 || got.Items != len(d.asked) {
			t.Errorf("%d bills and %d items in all; swept %+v", billed, len(d.asked), got)
		}
	})
}

// When the time is over, a sweep ends at once and returns an error.
func TestTheContextBoundsASweep(t *testing.T) {
	t.Parallel()
	for name, sweep := range map[string]func(*Sweeper, context.Context) (Swept, error){
		"due": (*Sweeper).Due, "expire": (*Sweeper).Expire, "refill": (*Sweeper).Refill,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		d := &diary{cancel: cancel}
		for i := range 50 {
			account := fmt.Sprintf("account-%04d", i)
			d.accounts = append(d.accounts, account)
			d.renewals = append(d.renewals, subscription(account, noon))
		}
		if got, err := sweep(d.sweeper(), ctx); !errors.Is(err, context.Canceled) || len(d.asked) > lanes || got.Items != len(d.asked) {
			t.Errorf("%s: swept %+v, %v after %q", name, got, err, d.asked)
		}
	}
}
