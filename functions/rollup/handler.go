package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"drawdown/shared/catchup"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

// failed are the calls to retry.
type failed interface {
	Sweep(ctx context.Context, again func(ctx context.Context, batch []byte) error) ([]byte, error)
}

type handler struct {
	runner *catchup.Runner
	failed failed
}

// call is the trigger: the stream, the schedule that sweeps failures, or an engineer.
type call struct {
	Records     []dynamo.StreamRecord `json:"Records"`
	Sweep       bool                  `json:"sweep"`       // retry the accounts of failed batches
	CatchUp     string                `json:"catch_up"`    // an account to fold again
	Rebuild     string                `json:"rebuild"`     // an account whose sheets to rebuild
	Quarantined bool                  `json:"quarantined"` // list the accounts that are not folded
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("rollup: not a stream batch and not a known call: %w", err)
	}
	switch {
	case len(c.Records) > 0:
		return json.Marshal(lambdaio.Failed(h.runner.Fold(ctx, dynamo.Rings(c.Records))))
	case c.Sweep:
		return h.failed.Sweep(ctx, h.again)
	case c.CatchUp != "":
		return encode(h.runner.Retry(ctx, c.CatchUp))
	case c.Rebuild != "":
		return encode(h.runner.Rebuild(ctx, c.Rebuild))
	case c.Quarantined:
		accounts, err := h.runner.Quarantined(ctx)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string][]string{"quarantined": accounts})
	}
	return nil, errNoCall
}

var errNoCall = errors.New(`rollup: the call must be one of {"sweep":true}, {"catch_up":"<account>"}, {"rebuild":"<account>"}, {"quarantined":true}`)

// again retries a call that failed, or makes one that the audit or a rebuild has
// requested. Anything else stays in place for inspection.
func (h *handler) again(ctx context.Context, payload []byte) error {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("rollup: decoding a failed call: %w", err)
	}
	switch {
	case len(c.Records) > 0:
		if again := h.runner.Fold(ctx, dynamo.Rings(c.Records)); len(again) > 0 {
			return fmt.Errorf("rollup: %d accounts of a failed batch failed again", len(again))
		}
		return nil
	case c.CatchUp != "":
		_, err := h.runner.Retry(ctx, c.CatchUp)
		return err
	}
	return errNoCall
}

func encode(progress catchup.Progress, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case progress.GoesOn:
		return json.Marshal(map[string]any{"account_id": progress.Account, "goes_on": true}, json.Deterministic(true))
	}
	return json.Marshal(struct {
		Account     string `json:"account_id"`
		Seq         int64  `json:"seq"`
		Folded      int    `json:"folded"`
		Quarantined bool   `json:"quarantined"`
	}{progress.Account, progress.Seq, progress.Folded, progress.Quarantined})
}
