package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/settlement"
	"drawdown/shared/telemetry"
)

// refiller refills one account, if that is due.
type refiller interface {
	Refill(ctx context.Context, account string) error
}

// store lists the accounts that have asked to be refilled, those after one, at most limit.
type store interface {
	Refills(ctx context.Context, after string, limit int) ([]string, error)
}

type handler struct {
	refiller refiller
	store    store
}

// call is what rings: an event of the bus, or the schedule that sweeps.
type call struct {
	Detail *events.Due `json:"detail"`
	Sweep  bool        `json:"sweep"`
}

var errNoCall = errors.New(`refill: the call must be an event of the bus, or {"sweep":true}`)

// sweepPage is how many accounts a sweep reads at once.
const sweepPage = 100

// lanes is how many accounts a sweep works on at once.
const lanes = 8

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCall, err)
	}
	switch {
	case c.Detail != nil && c.Detail.AccountID != "":
		if err := h.refiller.Refill(ctx, c.Detail.AccountID); err != nil {
			return nil, fmt.Errorf("refill: account %s: %w", c.Detail.AccountID, err)
		}
		return []byte(`{}`), nil
	case c.Sweep:
		return h.sweep(ctx)
	}
	return nil, errNoCall
}

// sweep looks at every account that has asked to be refilled. One that fails, or
// is slow, does not keep the others waiting, and is looked at again by the next
// sweep.
func (h *handler) sweep(ctx context.Context) ([]byte, error) {
	swept, failed, after := 0, 0, ""
	for {
		accounts, err := h.store.Refills(ctx, after, sweepPage)
		if err != nil {
			return nil, fmt.Errorf("refill: listing accounts: %w", err)
		}
		err = settlement.Sweep(ctx, accounts, lanes, h.refiller.Refill, func(account string, err error) {
			swept++
			if err != nil {
				failed++
				telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
				slog.ErrorContext(ctx, "not refilled; the next sweep tries again", "account", account, "error", err.Error())
			}
		})
		if err != nil {
			return nil, fmt.Errorf("refill: the sweep ends among the accounts after %q: %w", after, err)
		}
		if len(accounts) < sweepPage {
			break
		}
		after = accounts[len(accounts)-1]
	}
	return json.Marshal(map[string]int{"swept": swept, "failed": failed}, json.Deterministic(true))
}
