package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/dynamo"
	"drawdown/shared/eventbus"
	"drawdown/shared/failures"
	"drawdown/shared/lambdaio"
	"drawdown/shared/ledger"
	"drawdown/shared/telemetry"
)

const (
	// readsAtOnce bounds the records of one batch whose entries are read at the
	// same time.
	readsAtOnce = 16
	// defaultIndexWait is how long an entry that the index has not got yet is
	// waited for; then its record comes again.
	defaultIndexWait = 2 * time.Second
	firstPoll        = 20 * time.Millisecond
)

type handler struct {
	store     *dynamo.Client
	bus       *eventbus.Bus
	failures  *failures.Bucket
	indexWait time.Duration
}

// call is what wakes the relay: the stream, or the schedule that sweeps failures.
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
		return json.Marshal(lambdaio.Failed(h.relay(ctx, c.Records)))
	case c.Sweep:
		return h.failures.Sweep(ctx, h.again)
	}
	return nil, errNoCall
}

// relay says the news of a batch, in as few requests as they fit into, and
// answers with the sequence numbers of the records that must come again. What
// follows the first of them is said again then, under the same ids.
func (h *handler) relay(ctx context.Context, records []dynamo.NewsRecord) []string {
	news := dynamo.NewsOf(records)
	made := h.messages(ctx, news)
	var messages []events.Message
	var of []int // which news each message belongs to
	failed := make([]bool, len(news))
	due := lastDue(news)
	for i := range news {
		if made[i].err != nil {
			failed[i] = true
			slog.WarnContext(ctx, "news cannot be told yet; the record will come again", "account", news[i].Account, "seq", news[i].Seq, "error", made[i].err.Error())
		}
		said := made[i].messages
		if last, isDue := due[news[i].Account]; isDue && last == i {
			said = append(said, events.DueOf(news[i].Account, news[i].Seq, time.UnixMilli(news[i].LastAt).UTC()))
		}
		for _, message := range said {
			messages, of = append(messages, message), append(of, i)
		}
	}
	left, err := h.bus.Put(ctx, messages...)
	if err != nil {
		slog.ErrorContext(ctx, "the bus has not taken all; the records will come again", "messages", len(left), "error", err.Error())
	}
	for _, place := range left {
		failed[of[place]] = true
	}
	telemetry.Add(ctx, telemetry.Count(telemetry.Relayed, float64(len(messages)-len(left))))
	var again []string
	for i, one := range news {
		if failed[i] {
			again = append(again, one.Record)
		}
	}
	telemetry.Add(ctx, telemetry.Count(telemetry.Unrelayed, float64(len(again))))
	return again
}

// lastDue is, of each account that a refill is due of, its last place. Whoever
// listens looks at the wallet anew, so that one message an account suffices.
func lastDue(news []dynamo.News) map[string]int {
	last := map[string]int{}
	for i, one := range news {
		if one.RefillDue {
			last[one.Account] = i
		}
	}
	return last
}

// told is what is to be said of one record. Where some of it cannot be, the rest
// is said all the same.
type told struct {
	messages []events.Message
	err      error
}

func (h *handler) messages(ctx context.Context, news []dynamo.News) []told {
	made := make([]told, len(news))
	slots := make(chan struct{}, readsAtOnce)
	var running sync.WaitGroup
	for i, one := range news {
		if len(one.Alerts) == 0 {
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			made[i].messages, made[i].err = h.alertsOf(ctx, one)
		})
	}
	running.Wait()
	return made
}

// alertsOf reads the entries that have made an image's alerts, by one Query, and
// makes the messages.
func (h *handler) alertsOf(ctx context.Context, news dynamo.News) ([]events.Message, error) {
	first, last := news.Alerts[0].Seq, news.Alerts[0].Seq
	for _, alert := range news.Alerts {
		first, last = min(first, alert.Seq), max(last, alert.Seq)
	}
	entries, err := h.entries(ctx, news.Account, first, last)
	if err != nil {
		return nil, err
	}
	var messages []events.Message
	var unsaid error
	for _, alert := range news.Alerts {
		message, err := messageOf(alert.Kind, &entries[alert.Seq-first])
		if err != nil {
			unsaid = err
			continue
		}
		messages = append(messages, message)
	}
	return messages, unsaid
}

// entries reads the entries from one seq to another, all of them. It waits for
// the index, which may lag behind the wallet.
func (h *handler) entries(ctx context.Context, account string, first, last int64) ([]ledger.Entry, error) {
	count := int(last - first + 1)
	for wait, waited := firstPoll, time.Duration(0); ; wait *= 2 {
		entries, err := h.store.Entries(ctx, account, dynamo.Page{After: first - 1, Limit: count})
		if err != nil {
			return nil, err
		}
		if len(entries) == count && entries[0].Seq == first && entries[count-1].Seq == last {
			return entries, nil
		}
		if waited+wait > h.indexWait {
			return nil, fmt.Errorf("relay: the index lacks some of the entries %d to %d", first, last)
		}
		select {
		case <-time.After(wait):
			waited += wait
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (h *handler) again(ctx context.Context, payload []byte) error {
	var c call
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("relay: a call that failed: %w", err)
	}
	if len(c.Records) == 0 {
		return errNoCall // it stays in the bucket, for somebody to see
	}
	if again := h.relay(ctx, c.Records); len(again) > 0 {
		return fmt.Errorf("relay: %d records of a failed batch fail again", len(again))
	}
	return nil
}
