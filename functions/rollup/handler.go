package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/dynamo"
	"drawdown/shared/failures"
	"drawdown/shared/lambdaio"
	"drawdown/shared/rollup"
	"drawdown/shared/telemetry"
)

// accountsAtOnce bounds the accounts of one batch that are folded at the same time.
const accountsAtOnce = 16

// reserve is what is left of an invocation's time to ask for the rest of a rebuild.
const reserve = 5 * time.Second

type handler struct {
	folder   *rollup.Folder
	store    *dynamo.Client
	failures *failures.Bucket
}

// call is what rings: the stream, the schedule that sweeps failures, or an engineer.
type call struct {
	Records     []dynamo.StreamRecord `json:"Records"`
	Sweep       bool                  `json:"sweep"`       // ring for whom the failed batches name
	CatchUp     string                `json:"catch_up"`    // an account to ring for
	Rebuild     string                `json:"rebuild"`     // an account whose sheets are made anew
	Quarantined bool                  `json:"quarantined"` // list the accounts that are not folded
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("rollup: the payload is none of the stream's, nor a call: %w", err)
	}
	switch {
	case len(c.Records) > 0:
		return json.Marshal(lambdaio.Failed(h.fold(ctx, c.Records)))
	case c.Sweep:
		return h.failures.Sweep(ctx, h.again)
	case c.CatchUp != "":
		return h.toNow(ctx, c.CatchUp, h.folder.Retry)
	case c.Rebuild != "":
		return h.rebuild(ctx, c.Rebuild)
	case c.Quarantined:
		return h.quarantined(ctx)
	}
	return nil, errNoCall
}

var errNoCall = errors.New(`rollup: the call must be one of {"sweep":true}, {"catch_up":"<account>"}, {"rebuild":"<account>"}, {"quarantined":true}`)

// fold rings for every account of a batch and answers with the sequence numbers
// of the records that must come again: of each account that failed, the first.
func (h *handler) fold(ctx context.Context, records []dynamo.StreamRecord) []string {
	rings := dynamo.Rings(records)
	failed := make([]bool, len(rings))
	slots := make(chan struct{}, accountsAtOnce)
	var running sync.WaitGroup
	for i, ring := range rings {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			failed[i] = h.catchUp(ctx, ring.Account, ring.Seq) != nil
		})
	}
	running.Wait()
	var again []string
	for i, ring := range rings {
		if failed[i] {
			again = append(again, ring.First)
		}
	}
	return again
}

func (h *handler) catchUp(ctx context.Context, account string, seq int64) error {
	result, err := h.folder.CatchUp(ctx, account, seq)
	count(ctx, result)
	if err != nil {
		slog.WarnContext(ctx, "usage is not caught up; the record will come again", "account", account, "seq", seq, "error", err.Error())
	}
	if result.Quarantined {
		slog.ErrorContext(ctx, "the account is quarantined: an entry cannot be folded; repair it and rebuild", "account", account)
	}
	return err
}

func count(ctx context.Context, result rollup.Result) {
	telemetry.Add(ctx, telemetry.Count(telemetry.Folded, float64(result.Entries)))
	if result.Entries > 0 {
		telemetry.Peak(ctx, telemetry.Seconds(telemetry.UsageLag, result.Oldest))
	}
	telemetry.Peak(ctx, telemetry.Count(telemetry.UsageBehind, float64(result.Behind)))
	if result.Quarantined {
		telemetry.Add(ctx, telemetry.Count(telemetry.Quarantined, 1))
	}
}

// again makes one such call: a batch of the stream, or what the audit or a
// rebuild has asked for. Anything else stays in the bucket, for somebody to see.
func (h *handler) again(ctx context.Context, payload []byte) error {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("rollup: a call that failed: %w", err)
	}
	switch {
	case len(c.Records) > 0:
		if again := h.fold(ctx, c.Records); len(again) > 0 {
			return fmt.Errorf("rollup: %d accounts of a failed batch fail again", len(again))
		}
		return nil
	case c.CatchUp != "":
		_, err := h.toNow(ctx, c.CatchUp, h.folder.Retry)
		return err
	}
	return errNoCall
}

// rebuild makes an account's sheets anew. What an invocation's time does not
// suffice for, the sweeps go on with.
func (h *handler) rebuild(ctx context.Context, account string) ([]byte, error) {
	cut, cancel := ctx, func() {}
	if deadline, ok := ctx.Deadline(); ok {
		cut, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
	}
	defer cancel()
	answer, err := h.toNow(cut, account, h.folder.Rebuild)
	if !errors.Is(err, context.DeadlineExceeded) {
		return answer, err
	}
	rest, err := json.Marshal(map[string]string{"catch_up": account})
	if err != nil {
		return nil, err
	}
	if err := h.failures.Ask(ctx, account, rest); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"account_id": account, "goes_on": true})
}

// toNow brings an account up to its wallet's last entry.
func (h *handler) toNow(ctx context.Context, account string, run func(context.Context, string, int64) (rollup.Result, error)) ([]byte, error) {
	wallet, err := h.store.Wallet(ctx, account)
	if err != nil {
		return nil, err
	}
	if wallet == nil {
		return nil, fmt.Errorf("rollup: there is no account %q", account)
	}
	result, err := run(ctx, account, wallet.Seq)
	count(ctx, result)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Account     string `json:"account_id"`
		Seq         int64  `json:"seq"`
		Folded      int    `json:"folded"`
		Quarantined bool   `json:"quarantined"`
	}{account, wallet.Seq, result.Entries, result.Quarantined})
}

func (h *handler) quarantined(ctx context.Context) ([]byte, error) {
	accounts := []string{}
	for after := ""; ; {
		page, err := h.store.Quarantined(ctx, after, 200)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return json.Marshal(map[string][]string{"quarantined": accounts})
		}
		accounts = append(accounts, page...)
		after = page[len(page)-1]
	}
}
