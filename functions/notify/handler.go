package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/delivery"
	"drawdown/shared/lambdaio"
)

type handler struct{ dispatcher *delivery.Dispatcher }

// errNoCall names the accepted calls.
var errNoCall = errors.New(`notify: the call must be an event of the bus, or {"retry":true}`)

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var call struct {
		Retry bool `json:"retry"`
	}
	if err := json.Unmarshal(payload, &call); err != nil {
		return nil, errNoCall
	}
	if call.Retry {
		return h.retry(ctx)
	}
	event, err := lambdaio.ReadBusEvent(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCall, err)
	}
	return h.start(ctx, event)
}

func (h *handler) start(ctx context.Context, event lambdaio.BusEvent) ([]byte, error) {
	message, err := events.Decode(event.Detail)
	if err != nil {
		return nil, err
	}
	started, err := h.dispatcher.Start(ctx, message, string(event.Detail))
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Deliveries int `json:"deliveries"`
		Unsettled  int `json:"unsettled"`
	}{started.Deliveries, started.Unsettled})
}

func (h *handler) retry(ctx context.Context) ([]byte, error) {
	tried, err := h.dispatcher.Retry(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]int{"tried": tried})
}
