package delivery

import (
	"context"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/webhooks"
)

// maxWrites bounds how often a write of an endpoint is tried against concurrent
// ones.
const maxWrites = 3

// EndpointStore keeps endpoints.
type EndpointStore interface {
	// Endpoint is nil if there is none.
	Endpoint(ctx context.Context, id string) (*webhooks.Endpoint, error)
	// SaveEndpoint reports false if it has been written since it was read.
	SaveEndpoint(ctx context.Context, endpoint webhooks.Endpoint) (bool, error)
}

// Endpoints changes endpoints, each over the version that was read. Its fields are
// set once, before its first use.
type Endpoints struct {
	Store EndpointStore
	Now   func() time.Time
}

// Put creates an endpoint with the given terms, or updates the existing one, and
// reports whether it was created.
func (e *Endpoints) Put(ctx context.Context, wanted webhooks.Endpoint) (saved *webhooks.Endpoint, created bool, err error) {
	saved, err = e.change(ctx, wanted.ID, func(present *webhooks.Endpoint, now time.Time) *webhooks.Endpoint {
		created = present == nil
		if created {
			present = &webhooks.Endpoint{ID: wanted.ID, Secret: webhooks.NewSecret(), CreatedAt: now}
		} else if present.SameTerms(wanted) {
			return nil
		}
		next := present.WithTerms(wanted, now)
		return &next
	})
	return saved, created, err
}

// Rotate gives an endpoint a new secret; the previous one continues to sign for a
// while. It returns nil if there is no such endpoint.
func (e *Endpoints) Rotate(ctx context.Context, id string) (*webhooks.Endpoint, error) {
	return e.change(ctx, id, func(present *webhooks.Endpoint, now time.Time) *webhooks.Endpoint {
		if present == nil {
			return nil
		}
		next := present.Rotated(webhooks.NewSecret(), now)
		return &next
	})
}

// disable disables an enabled endpoint, and keeps the reason.
func (e *Endpoints) disable(ctx context.Context, id, reason string) error {
	_, err := e.change(ctx, id, func(present *webhooks.Endpoint, now time.Time) *webhooks.Endpoint {
		if present == nil || !present.Enabled {
			return nil
		}
		next := *present
		next.Enabled, next.DisabledReason, next.UpdatedAt = false, reason, now
		return &next
	})
	return err
}

// change writes the endpoint that step makes from the current one (nil if there is
// none); if step returns nil, the current one stays as it is.
func (e *Endpoints) change(ctx context.Context, id string, step func(present *webhooks.Endpoint, now time.Time) *webhooks.Endpoint) (*webhooks.Endpoint, error) {
	for range maxWrites {
		present, err := e.Store.Endpoint(ctx, id)
		if err != nil {
			return nil, err
		}
		next := step(present, e.Now().UTC().Truncate(time.Millisecond))
		if next == nil {
			return present, nil
		}
		saved, err := e.Store.SaveEndpoint(ctx, *next)
		if err != nil {
			return nil, err
		}
		if saved {
			return next, nil
		}
	}
	return nil, fault.New(fault.Contended, "Another request is changing the endpoint; nothing was changed. Send the request again.")
}
