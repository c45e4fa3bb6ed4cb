package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/lambdaio"
	"drawdown/shared/pause"
	"drawdown/shared/settlement"
	"drawdown/shared/telemetry"
)

// settler applies the state of an object at the processor.
type settler interface {
	Settle(ctx context.Context, kind settlement.Kind, id string) error
}

type handler struct{ settler settler }

// batch is a batch of the queue: one event of the bus in each message.
type batch struct {
	Records []struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	} `json:"Records"`
}

var (
	errNoBatch  = errors.New("purchase: the payload is not a batch of the queue")
	errNoNotice = errors.New("purchase: the message contains no notice of the payment processor")
)

type busEvent struct {
	Detail events.Notice `json:"detail"`
}

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var b batch
	if err := json.Unmarshal(payload, &b); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoBatch, err)
	}
	if len(b.Records) == 0 {
		return nil, errNoBatch
	}
	var failed []string
	for i, record := range b.Records {
		if late(ctx) {
			slog.WarnContext(ctx, "too little time left; the rest of the batch will be redelivered", "settled", i-len(failed), "left", len(b.Records)-i)
			for _, left := range b.Records[i:] {
				failed = append(failed, left.MessageID)
			}
			break
		}
		if err := h.settleSoon(ctx, record.Body); err != nil {
			telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
			slog.ErrorContext(ctx, "not settled; the message will be redelivered", "message", record.MessageID, "error", err.Error())
			failed = append(failed, record.MessageID)
		}
	}
	return json.Marshal(lambdaio.Failed(failed))
}

// reserve is the time that must be left to start another message: if the invocation
// ended before its answer, settled messages would be redelivered too.
const reserve = 15 * time.Second

// late reports whether too little time is left for another message.
func late(ctx context.Context) bool {
	deadline, bound := ctx.Deadline()
	return bound && time.Until(deadline) < reserve
}

// waits are the delays before retrying a message that came too early: the messages
// of one purchase arrive together in no order, and the queue redelivers only after
// minutes, during which someone who has just paid would see the old balance.
func waits() []time.Duration { return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} }

// settleSoon settles a message, with retries if others must come first.
func (h *handler) settleSoon(ctx context.Context, body string) error {
	err := h.settle(ctx, body)
	for _, wait := range waits() {
		early := errors.Is(err, settlement.ErrNotYet) || errors.Is(err, settlement.ErrMoved)
		if !early || late(ctx) {
			break
		}
		if pause.For(ctx, wait) != nil {
			break // its time is over: the message will be redelivered
		}
		err = h.settle(ctx, body)
	}
	return err
}

func (h *handler) settle(ctx context.Context, body string) error {
	var event busEvent
	if err := json.Unmarshal([]byte(body), &event); err != nil {
		return fmt.Errorf("%w: %w", errNoNotice, err)
	}
	if event.Detail.ObjectID == "" {
		return errNoNotice
	}
	notice := event.Detail
	slog.InfoContext(ctx, "settling", "event", notice.ID, "type", notice.Type, "object", notice.ObjectID)
	if err := h.settler.Settle(ctx, settlement.Kind(notice.ObjectType), notice.ObjectID); err != nil {
		return fmt.Errorf("%s %s: %w", notice.ObjectType, notice.ObjectID, err)
	}
	return nil
}
