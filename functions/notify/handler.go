package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
	"drawdown/shared/telemetry"
	"drawdown/shared/webhooks"
)

const (
	// sendsAtOnce bounds the tries that are under way at the same time.
	sendsAtOnce = 16
	// lease is for how long a delivery is its holder's alone: longer than an
	// invocation may last, so that no two try it at once. Where the holder has
	// died, the delivery is due again after it.
	lease = 2 * time.Minute
	// reserve is the time that one more try must have, with its settlement.
	reserve = webhooks.Timeout + 3*time.Second

	endpointsAPage = 100
	dueAPage       = 100
)

// errNoCall says what the function can be called with.
var errNoCall = errors.New(`notify: the call must be an event of the bus, or {"retry":true}`)

type handler struct {
	store *dynamo.Client
	send  func(ctx context.Context, endpoint webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result
	now   func() time.Time
}

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
	return h.tell(ctx, event)
}

// tell starts the deliveries of one message: all are stored before the first is
// tried, so that what the time does not suffice for is left to the schedule. A
// message that comes again finds its deliveries there.
func (h *handler) tell(ctx context.Context, event lambdaio.BusEvent) ([]byte, error) {
	message, err := events.Decode(event.Detail)
	if err != nil {
		return nil, err
	}
	endpoints, err := h.wanting(ctx, message.Type)
	if err != nil {
		return nil, err
	}
	type started struct {
		endpoint dynamo.Endpoint
		delivery webhooks.Delivery
	}
	var all []started
	for _, endpoint := range endpoints {
		delivery := webhooks.NewDelivery(endpoint.ID, message, string(event.Detail))
		delivery.Claim = h.now().Add(lease)
		added, err := h.store.AddDelivery(ctx, delivery)
		if err != nil {
			return nil, err // the message comes again, for the others as well
		}
		if added {
			all = append(all, started{endpoint, delivery})
		}
	}
	var failed atomic.Int64
	h.each(len(all), func(i int) {
		if !h.hasTime(ctx) {
			return
		}
		if err := h.try(ctx, &all[i].endpoint, all[i].delivery); err != nil {
			failed.Add(1) // due again when the claim ends
		}
	})
	return json.Marshal(struct {
		Deliveries int   `json:"deliveries"`
		Unsettled  int64 `json:"unsettled"`
	}{len(all), failed.Load()})
}

// wanting lists the endpoints that are to be told of a type.
func (h *handler) wanting(ctx context.Context, t events.Type) ([]dynamo.Endpoint, error) {
	var wanting []dynamo.Endpoint
	for after := ""; ; {
		page, err := h.store.Endpoints(ctx, after, endpointsAPage)
		if err != nil {
			return nil, err
		}
		for _, endpoint := range page {
			if endpoint.Wants(t) {
				wanting = append(wanting, endpoint)
			}
			after = endpoint.ID
		}
		if len(page) < endpointsAPage {
			return wanting, nil
		}
	}
}

// retry tries what is due, until nothing is or the time is nearly over.
func (h *handler) retry(ctx context.Context) ([]byte, error) {
	var tried, failed atomic.Int64
	for h.hasTime(ctx) {
		due, err := h.store.DueDeliveries(ctx, h.now(), dueAPage)
		if err != nil {
			return nil, err
		}
		before := tried.Load()
		h.each(len(due), func(i int) {
			if !h.hasTime(ctx) {
				return
			}
			done, err := h.take(ctx, due[i])
			if done {
				tried.Add(1)
			}
			if err != nil {
				failed.Add(1)
				slog.ErrorContext(ctx, "a delivery could not be settled; it will come again", "endpoint", due[i].Endpoint, "delivery", due[i].ID, "error", err.Error())
			}
		})
		// Where nothing of a page could be taken, others hold it, or the index has
		// not heard yet: the next round comes in a minute.
		if len(due) < dueAPage || tried.Load() == before {
			break
		}
	}
	if failed.Load() > 0 {
		return nil, fmt.Errorf("notify: %d deliveries could not be settled; the log says why", failed.Load())
	}
	return json.Marshal(map[string]int64{"tried": tried.Load()})
}

// take claims a due delivery and tries it, if nobody else has.
func (h *handler) take(ctx context.Context, due dynamo.DueDelivery) (bool, error) {
	delivery, err := h.store.ClaimDelivery(ctx, due, h.now().Add(lease))
	if err != nil || delivery == nil {
		return false, err
	}
	endpoint, err := h.store.Endpoint(ctx, due.Endpoint)
	if err != nil {
		return true, err
	}
	return true, h.try(ctx, endpoint, *delivery)
}

// try makes one try of a delivery that is claimed, and stores what came of it.
// A nil endpoint is one that was removed.
func (h *handler) try(ctx context.Context, endpoint *dynamo.Endpoint, d webhooks.Delivery) error {
	switch {
	case endpoint == nil:
		return h.settle(ctx, d.Abandoned("the endpoint was removed"))
	case !endpoint.Enabled:
		return h.settle(ctx, d.Abandoned("the endpoint is disabled"))
	}
	result := h.send(ctx, endpoint.Endpoint, d, h.now())
	if result.Gone() {
		if err := h.disable(ctx, endpoint.ID); err != nil {
			return err
		}
	}
	if result.Delivered() {
		telemetry.Add(ctx, telemetry.Count(telemetry.Delivered, 1))
	} else {
		telemetry.Add(ctx, telemetry.Count(telemetry.Undelivered, 1))
	}
	return h.settle(ctx, d.After(result, h.now()))
}

func (h *handler) settle(ctx context.Context, d webhooks.Delivery) error {
	settled, err := h.store.SettleDelivery(ctx, d)
	if err == nil && settled && d.State == webhooks.Failed {
		telemetry.Add(ctx, telemetry.Count(telemetry.Exhausted, 1))
		slog.ErrorContext(ctx, "a webhook failed for good; resend it once its endpoint works", "endpoint", d.Endpoint, "delivery", d.ID,
			"event", d.EventID, "attempts", d.Attempts, "status", d.LastStatus, "reason", d.LastError)
	}
	return err
}

// disable switches an endpoint off that has said it is gone.
func (h *handler) disable(ctx context.Context, id string) error {
	const maxTries = 3
	for range maxTries {
		endpoint, err := h.store.Endpoint(ctx, id)
		if err != nil || endpoint == nil || !endpoint.Enabled {
			return err
		}
		endpoint.Enabled, endpoint.DisabledReason, endpoint.UpdatedAt = false, "it answered 410 Gone", h.now()
		saved, err := h.store.SaveEndpoint(ctx, *endpoint)
		if err != nil || saved {
			return err
		}
	}
	return fmt.Errorf("notify: others keep writing endpoint %s", id)
}

// each runs a step for every index, some at a time.
func (h *handler) each(count int, step func(i int)) {
	slots := make(chan struct{}, sendsAtOnce)
	var running sync.WaitGroup
	for i := range count {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			step(i)
		})
	}
	running.Wait()
}

// hasTime tells whether one more try fits into the invocation.
func (h *handler) hasTime(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(deadline) > reserve)
}
