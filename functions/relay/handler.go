package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
	"drawdown/shared/relay"
)

// failed are the calls to retry.
type failed interface {
	Sweep(ctx context.Context, again func(ctx context.Context, batch []byte) error) ([]byte, error)
}

type handler struct {
	relay  *relay.Relay
	failed failed
}

// call is the trigger: the stream, or the schedule that sweeps failures.
type call struct {
	Records []dynamo.NewsRecord `json:"Records"`
	Sweep   bool                `json:"sweep"`
}

var errNoCall = errors.New(`relay: the call must be a batch of the stream, or {"sweep":true}`)

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCall, err)
	}
	switch {
	case len(c.Records) > 0:
		return json.Marshal(lambdaio.Failed(h.relay.Say(ctx, dynamo.NewsOf(c.Records))))
	case c.Sweep:
		return h.failed.Sweep(ctx, h.again)
	}
	return nil, errNoCall
}

// again retries a batch that failed. Anything else stays in place for inspection.
func (h *handler) again(ctx context.Context, payload []byte) error {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("relay: decoding a failed call: %w", err)
	}
	if len(c.Records) == 0 {
		return errNoCall
	}
	if again := h.relay.Say(ctx, dynamo.NewsOf(c.Records)); len(again) > 0 {
		return fmt.Errorf("relay: %d records of a failed batch failed again", len(again))
	}
	return nil
}
