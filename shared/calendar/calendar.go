// Package calendar does what becomes due with time rather than by a request: it
// goes through the lists of due items and has each of them settled.
//
// An item that fails, hangs or cannot be read does not keep the others waiting,
// and is retried by the next sweep. The settlement decides what to do with an
// item, and the store how it is listed.
package calendar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
	"drawdown/shared/parallel"
	"drawdown/shared/telemetry"
)

// Settler does what the calendar requests.
type Settler interface {
	Renew(ctx context.Context, account string) error
	BillOverage(ctx context.Context, account string, at time.Time, id string) error
	Expire(ctx context.Context, account string) error
	Refill(ctx context.Context, account string) error
}

// Store lists what the calendar must look at, in the order of the lists' places,
// after one of them and at most limit; "" is before the first.
type Store interface {
	DueRenewals(ctx context.Context, after string, limit int) ([]billing.DueItem, error)
	DueBills(ctx context.Context, after string, limit int) ([]billing.DueItem, error)
	Profiles(ctx context.Context, after string, limit int) ([]ledger.Profile, error)
	Refills(ctx context.Context, after string, limit int) ([]string, error)
}

// Sweeper goes through the lists. Its fields are set once, before its first use.
type Sweeper struct {
	Settler Settler
	Store   Store
	Now     func() time.Time
}

// Swept is how many items a sweep has looked at, and how many of them failed.
type Swept struct{ Items, Failed int }

const (
	// pageSize is how many items a sweep reads at once.
	pageSize = 100
	// lanes is how many items a sweep works on at once; where it goes through two
	// lists, each of them has half of the lanes, so that neither waits for the other.
	lanes = 8
)

// Due renews and bills everything that is due. The two lists are processed side
// by side: one that cannot be read, or is slow, does not hold up the other.
func (s *Sweeper) Due(ctx context.Context) (Swept, error) {
	var done tally
	lists := []list{{"renewal", s.renewals(s.Now())}, {"bill", s.bills(s.Now())}}
	failures := parallel.Each(ctx, len(lists), len(lists), func(ctx context.Context, i int) error {
		return lists[i].sweep(ctx, lanes/len(lists), &done)
	})
	return done.swept, errors.Join(failures...)
}

// Expire records the grants that have expired, in every account.
func (s *Sweeper) Expire(ctx context.Context) (Swept, error) {
	var done tally
	err := list{"expiry", s.accounts}.sweep(ctx, lanes, &done)
	return done.swept, err
}

// Refill looks at every account with an automatic refill.
func (s *Sweeper) Refill(ctx context.Context) (Swept, error) {
	var done tally
	err := list{"refill", s.refills}.sweep(ctx, lanes, &done)
	return done.swept, err
}

// page lists tasks from a place on, and fewer than limit where it is the last.
type page func(ctx context.Context, after string, limit int) ([]task, error)

func (s *Sweeper) renewals(now time.Time) page {
	return func(ctx context.Context, after string, limit int) ([]task, error) {
		items, err := s.Store.DueRenewals(ctx, after, limit)
		return tasks(billing.DueBy(items, now), func(item billing.DueItem) task {
			return task{item.Account, item.Place, func(ctx context.Context) error {
				if item.Err != nil {
					return item.Err
				}
				return s.Settler.Renew(ctx, item.Account)
			}}
		}), err
	}
}

func (s *Sweeper) bills(now time.Time) page {
	return func(ctx context.Context, after string, limit int) ([]task, error) {
		items, err := s.Store.DueBills(ctx, after, limit)
		return tasks(billing.DueBy(items, now), func(item billing.DueItem) task {
			return task{item.Account, item.Place, func(ctx context.Context) error {
				if item.Err != nil {
					return item.Err
				}
				return s.Settler.BillOverage(ctx, item.Account, item.At, item.Bill)
			}}
		}), err
	}
}

func (s *Sweeper) accounts(ctx context.Context, after string, limit int) ([]task, error) {
	profiles, err := s.Store.Profiles(ctx, after, limit)
	return tasks(profiles, func(profile ledger.Profile) task {
		return task{profile.Account, profile.Account, func(ctx context.Context) error { return s.Settler.Expire(ctx, profile.Account) }}
	}), err
}

func (s *Sweeper) refills(ctx context.Context, after string, limit int) ([]task, error) {
	accounts, err := s.Store.Refills(ctx, after, limit)
	return tasks(accounts, func(account string) task {
		return task{account, account, func(ctx context.Context) error { return s.Settler.Refill(ctx, account) }}
	}), err
}

func tasks[T any](items []T, of func(T) task) []task {
	all := make([]task, len(items))
	for i, item := range items {
		all[i] = of(item)
	}
	return all
}

// list is what a sweep goes through.
type list struct {
	name string // of an item, in logs and errors
	page page
}

// sweep goes through the list by place, not from the start each time: failing
// items stay there, and it would see nothing else.
func (l list) sweep(ctx context.Context, lanes int, done *tally) error {
	for after := ""; ; {
		tasks, err := l.page(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("calendar: listing each %s: %w", l.name, err)
		}
		err = sweep(ctx, tasks, lanes, func(t task, err error) { done.count(ctx, l.name, t.account, err) })
		if err != nil {
			return fmt.Errorf("calendar: stopped after %q: %s: %w", after, l.name, err)
		}
		if len(tasks) < pageSize {
			return nil
		}
		after = tasks[len(tasks)-1].place
	}
}

// tally counts what a sweep has looked at.
type tally struct {
	mu    sync.Mutex
	swept Swept
}

func (t *tally) count(ctx context.Context, name, account string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.swept.Items++
	if err == nil {
		return
	}
	t.swept.Failed++
	telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
	slog.ErrorContext(ctx, name+" failed; it will be retried", "account", account, "error", err.Error())
}
