package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/calendar"
)

// refiller refills one account, if that is due.
type refiller interface {
	Refill(ctx context.Context, account string) error
}

type handler struct {
	refiller refiller
	sweeper  *calendar.Sweeper
}

// call is the trigger: an event of the bus, or the schedule that sweeps.
type call struct {
	Detail *events.Due `json:"detail"`
	Sweep  bool        `json:"sweep"`
}

var errNoCall = errors.New(`refill: the call must be an event of the bus, or {"sweep":true}`)

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
		done, err := h.sweeper.Refill(ctx)
		if err != nil {
			return nil, fmt.Errorf("refill: after %d, of which %d failed: %w", done.Items, done.Failed, err)
		}
		return json.Marshal(map[string]int{"swept": done.Items, "failed": done.Failed}, json.Deterministic(true))
	}
	return nil, errNoCall
}
