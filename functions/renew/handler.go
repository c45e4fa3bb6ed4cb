package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/dynamo"
	"drawdown/shared/settlement"
	"drawdown/shared/telemetry"
)

// settler does what the calendar asks for.
type settler interface {
	Renew(ctx context.Context, account string) error
	BillOverage(ctx context.Context, account string, at time.Time, id string) error
	Expire(ctx context.Context, account string) error
}

// store lists what the calendar must look at, by time, from a place on; and
// accounts, those after one; at most limit of each.
type store interface {
	DueAfter(ctx context.Context, bucket dynamo.DueBucket, after string, limit int) ([]dynamo.DueItem, error)
	Profiles(ctx context.Context, after string, limit int) ([]dynamo.Profile, error)
}

type handler struct {
	settler settler
	store   store
	now     func() time.Time
}

// call is what a schedule says.
type call struct {
	Due    bool `json:"due"`
	Expire bool `json:"expire"`
}

var errNoCall = errors.New(`renew: the call must be {"due":true} or {"expire":true}`)

// sweepPage is how many items a sweep reads at once.
const sweepPage = 100

// lanes is how many items a sweep works on at once; where it goes through both
// buckets, each of them has half of the lanes, so that neither waits for the other.
const lanes = 8

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCall, err)
	}
	var done sweep
	var err error
	switch {
	case c.Due == c.Expire:
		return nil, errNoCall
	case c.Due:
		err = h.bothDue(ctx, &done)
	default:
		err = h.expire(ctx, &done)
	}
	if err != nil {
		return nil, fmt.Errorf("renew: after %d, of which %d failed: %w", done.swept, done.failed, err)
	}
	return json.Marshal(map[string]int{"swept": done.swept, "failed": done.failed}, json.Deterministic(true))
}

// sweep counts what a call has looked at. What fails does not keep the others
// waiting, and is looked at again by the next call.
type sweep struct {
	mu            sync.Mutex
	swept, failed int
}

func (s *sweep) count(ctx context.Context, what, account string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swept++
	if err == nil {
		return
	}
	s.failed++
	telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
	slog.ErrorContext(ctx, what+" failed; the next sweep tries again", "account", account, "error", err.Error())
}

// bothDue goes through both buckets side by side. One that cannot be listed, or is
// slow, does not keep the other one waiting.
func (h *handler) bothDue(ctx context.Context, done *sweep) error {
	var renewals, bills error
	var group sync.WaitGroup
	group.Go(func() { renewals = h.due(ctx, done, dynamo.DueRenewals, h.renew) })
	group.Go(func() { bills = h.due(ctx, done, dynamo.DueBills, h.bill) })
	group.Wait()
	return errors.Join(renewals, bills)
}

// due does everything in a bucket whose time has come. It goes on by place, not
// from the oldest each time: what fails stays there, and would be all that is seen.
func (h *handler) due(ctx context.Context, done *sweep, bucket dynamo.DueBucket, do func(context.Context, dynamo.DueItem) error) error {
	now, after := h.now(), ""
	for {
		items, err := h.store.DueAfter(ctx, bucket, after, sweepPage)
		if err != nil {
			return fmt.Errorf("listing bucket %s: %w", bucket, err)
		}
		ripe := dueBy(items, now)
		err = settlement.Sweep(ctx, ripe, lanes/2, func(ctx context.Context, item dynamo.DueItem) error {
			if _, err := dueTime(item); err != nil {
				return err
			}
			return do(ctx, item)
		}, func(item dynamo.DueItem, err error) { done.count(ctx, string(bucket), item.Account, err) })
		if err != nil {
			return fmt.Errorf("bucket %s ends among the items after %q: %w", bucket, after, err)
		}
		if len(ripe) < len(items) || len(items) < sweepPage {
			return nil
		}
		after = items[len(items)-1].At
	}
}

// dueBy are the first of some items, up to the first whose time has not come.
func dueBy(items []dynamo.DueItem, now time.Time) []dynamo.DueItem {
	for i, item := range items {
		if at, err := dueTime(item); err == nil && at.After(now) {
			return items[:i]
		}
	}
	return items
}

// dueTime is when an item's time comes: its place in the bucket begins with that.
func dueTime(item dynamo.DueItem) (time.Time, error) {
	at, _, _ := strings.Cut(item.At, "#")
	return time.Parse(time.RFC3339, at)
}

func (h *handler) renew(ctx context.Context, item dynamo.DueItem) error {
	return h.settler.Renew(ctx, item.Account)
}

func (h *handler) bill(ctx context.Context, item dynamo.DueItem) error {
	at, id, ok := item.BillAt()
	if !ok {
		return fmt.Errorf("%q is no bill", item.SK)
	}
	return h.settler.BillOverage(ctx, item.Account, at, id)
}

// expire leaves entries of grants that have run out, in every account.
func (h *handler) expire(ctx context.Context, done *sweep) error {
	after := ""
	for {
		profiles, err := h.store.Profiles(ctx, after, sweepPage)
		if err != nil {
			return fmt.Errorf("listing accounts: %w", err)
		}
		err = settlement.Sweep(ctx, profiles, lanes, func(ctx context.Context, profile dynamo.Profile) error {
			return h.settler.Expire(ctx, profile.Account)
		}, func(profile dynamo.Profile, err error) { done.count(ctx, "expiry", profile.Account, err) })
		if err != nil {
			return fmt.Errorf("the sweep ends among the accounts after %q: %w", after, err)
		}
		if len(profiles) < sweepPage {
			return nil
		}
		after = profiles[len(profiles)-1].Account
	}
}
