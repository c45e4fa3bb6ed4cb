package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"drawdown/shared/calendar"
)

type handler struct{ sweeper *calendar.Sweeper }

// call is the input of a schedule.
type call struct {
	Due    bool `json:"due"`
	Expire bool `json:"expire"`
}

var errNoCall = errors.New(`renew: the call must be {"due":true} or {"expire":true}`)

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCall, err)
	}
	sweep := h.sweeper.Expire
	switch {
	case c.Due == c.Expire:
		return nil, errNoCall
	case c.Due:
		sweep = h.sweeper.Due
	}
	done, err := sweep(ctx)
	if err != nil {
		return nil, fmt.Errorf("renew: after %d, of which %d failed: %w", done.Items, done.Failed, err)
	}
	return json.Marshal(map[string]int{"swept": done.Items, "failed": done.Failed}, json.Deterministic(true))
}
