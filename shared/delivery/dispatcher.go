// Package delivery sends events to the operator's endpoints: at once, and again
// on a schedule if that fails.
//
// A delivery is stored before its first try, so that whatever a call has no time
// for is left to the schedule. A delivery must be claimed before it is tried, for
// the length of a lease: no two callers try it at once, and if the holder dies it
// becomes due again after the lease. Package webhooks decides how a delivery
// proceeds; this package decides who tries it when, and does not depend on how
// deliveries are stored or sent.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"drawdown/events"
	"drawdown/shared/parallel"
	"drawdown/shared/telemetry"
	"drawdown/shared/webhooks"
)

const (
	// sendsAtOnce bounds the tries in progress at the same time.
	sendsAtOnce = 16
	// lease is how long a claimed delivery is reserved for its holder: longer
	// than a call may last, so that no two try it at once.
	lease = 2 * time.Minute
	// reserve is the time that one more try must have, with its settlement.
	reserve = webhooks.Timeout + 3*time.Second

	endpointsAPage = 100
	dueAPage       = 100
)

// Store keeps endpoints and deliveries.
type Store interface {
	EndpointStore
	// Endpoints lists them by id, those after the given id, at most limit.
	Endpoints(ctx context.Context, after string, limit int) ([]webhooks.Endpoint, error)
	// AddDelivery reports false if the event is being delivered to that endpoint
	// already.
	AddDelivery(ctx context.Context, d webhooks.Delivery) (bool, error)
	// DueDeliveries lists what is due at an instant, at most limit, from an index
	// that may lag behind.
	DueDeliveries(ctx context.Context, at time.Time, limit int) ([]webhooks.DueDelivery, error)
	// ClaimDelivery takes a due delivery for its caller alone; nil if another call was
	// faster.
	ClaimDelivery(ctx context.Context, due webhooks.DueDelivery, until time.Time) (*webhooks.Delivery, error)
	// SettleDelivery reports false if the claim has expired and another call has
	// claimed the delivery, whose result then counts.
	SettleDelivery(ctx context.Context, d webhooks.Delivery) (bool, error)
}

// Dispatcher makes deliveries. Its fields are set once, before its first use.
type Dispatcher struct {
	Store Store
	// Send makes one try.
	Send func(ctx context.Context, endpoint webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result
	Now  func() time.Time
}

// Started is the result of starting one message.
type Started struct {
	Deliveries int // new ones
	Unsettled  int // of these, those whose try could not be stored; they are retried when the claim expires
}

// Start starts the deliveries of one message, whose body is sent as it is: all are
// stored before the first is tried. A repeated message finds its deliveries stored
// already.
func (p *Dispatcher) Start(ctx context.Context, message events.Message, body string) (Started, error) {
	endpoints, err := p.wanting(ctx, message.Type)
	if err != nil {
		return Started{}, err
	}
	type started struct {
		endpoint webhooks.Endpoint
		delivery webhooks.Delivery
	}
	var all []started
	for _, endpoint := range endpoints {
		delivery := webhooks.NewDelivery(endpoint.ID, message, body)
		delivery.Claim = p.Now().Add(lease)
		added, err := p.Store.AddDelivery(ctx, delivery)
		if err != nil {
			return Started{}, err // the message is retried, for the others as well
		}
		if added {
			all = append(all, started{endpoint, delivery})
		}
	}
	unsettled := 0
	for i, err := range parallel.Each(ctx, sendsAtOnce, len(all), func(ctx context.Context, i int) error {
		if !hasTime(ctx) {
			return nil
		}
		return p.try(ctx, &all[i].endpoint, all[i].delivery)
	}) {
		if failed(err) {
			unsettled++
			logUnsettled(ctx, all[i].endpoint.ID, all[i].delivery.ID, err)
		}
	}
	return Started{Deliveries: len(all), Unsettled: unsettled}, nil
}

// wanting lists the endpoints that receive events of a type.
func (p *Dispatcher) wanting(ctx context.Context, t events.Type) ([]webhooks.Endpoint, error) {
	var wanting []webhooks.Endpoint
	for after := ""; ; {
		page, err := p.Store.Endpoints(ctx, after, endpointsAPage)
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

// Retry tries what is due, until nothing is or the time is nearly over, and
// returns how many it has tried. It fails if one could not be settled.
func (p *Dispatcher) Retry(ctx context.Context) (int, error) {
	tried, unsettled := 0, 0
	for hasTime(ctx) {
		due, err := p.Store.DueDeliveries(ctx, p.Now(), dueAPage)
		if err != nil {
			return tried, err
		}
		taken, failures := p.tryAll(ctx, due)
		tried, unsettled = tried+taken, unsettled+failures
		// If nothing of a page could be claimed, others hold it or the index is
		// not up to date yet: the next run is in a minute.
		if len(due) < dueAPage || taken == 0 {
			break
		}
	}
	if unsettled > 0 {
		return tried, fmt.Errorf("delivery: %d deliveries could not be saved; see the log", unsettled)
	}
	return tried, nil
}

// tryAll tries due deliveries that no one else has claimed, as long as there is
// time.
func (p *Dispatcher) tryAll(ctx context.Context, due []webhooks.DueDelivery) (taken, unsettled int) {
	var tried atomic.Int64
	for i, err := range parallel.Each(ctx, sendsAtOnce, len(due), func(ctx context.Context, i int) error {
		if !hasTime(ctx) {
			return nil
		}
		delivery, err := p.Store.ClaimDelivery(ctx, due[i], p.Now().Add(lease))
		if err != nil || delivery == nil {
			return err
		}
		tried.Add(1)
		endpoint, err := p.Store.Endpoint(ctx, due[i].Endpoint)
		if err != nil {
			return err
		}
		return p.try(ctx, endpoint, *delivery)
	}) {
		if failed(err) {
			unsettled++
			logUnsettled(ctx, due[i].Endpoint, due[i].ID, err)
		}
	}
	return int(tried.Load()), unsettled
}

// failed reports whether a try failed. One for which there was no time has not:
// it is still due.
func failed(err error) bool { return err != nil && !errors.Is(err, parallel.ErrNotBegun) }

func logUnsettled(ctx context.Context, endpoint, id string, err error) {
	slog.ErrorContext(ctx, "saving a delivery's result failed; the delivery will be retried", "endpoint", endpoint, "delivery", id, "error", err.Error())
}

// try makes one try of a delivery that is claimed, and stores what came of it.
// A nil endpoint is one that was removed.
func (p *Dispatcher) try(ctx context.Context, endpoint *webhooks.Endpoint, d webhooks.Delivery) error {
	switch {
	case endpoint == nil:
		return p.settle(ctx, d.Abandoned("the endpoint was removed"))
	case !endpoint.Enabled:
		return p.settle(ctx, d.Abandoned("the endpoint is disabled"))
	}
	result := p.Send(ctx, *endpoint, d, p.Now())
	if result.Gone() {
		endpoints := &Endpoints{Store: p.Store, Now: p.Now}
		if err := endpoints.disable(ctx, endpoint.ID, "it answered 410 Gone"); err != nil {
			return err
		}
	}
	if result.Delivered() {
		telemetry.Add(ctx, telemetry.Count(telemetry.Delivered, 1))
	} else {
		telemetry.Add(ctx, telemetry.Count(telemetry.Undelivered, 1))
	}
	return p.settle(ctx, d.After(result, p.Now()))
}

func (p *Dispatcher) settle(ctx context.Context, d webhooks.Delivery) error {
	settled, err := p.Store.SettleDelivery(ctx, d)
	if err == nil && settled && d.State == webhooks.Failed {
		telemetry.Add(ctx, telemetry.Count(telemetry.Exhausted, 1))
		slog.ErrorContext(ctx, "a webhook delivery failed permanently; resend it once its endpoint works", "endpoint", d.Endpoint, "delivery", d.ID,
			"event", d.EventID, "attempts", d.Attempts, "status", d.LastStatus, "reason", d.LastError)
	}
	return err
}

// hasTime reports whether one more try fits into the call.
func hasTime(ctx context.Context) bool {
	deadline, bounded := ctx.Deadline()
	return ctx.Err() == nil && (!bounded || time.Until(deadline) > reserve)
}
