package main

import (
	"context"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/webhooks"
)

// hooks are the endpoints of webhooks and their deliveries.
type hooks interface {
	Endpoint(ctx context.Context, id string) (*webhooks.Endpoint, error)
	Endpoints(ctx context.Context, after string, limit int) ([]webhooks.Endpoint, error)
	SaveEndpoint(ctx context.Context, endpoint webhooks.Endpoint) (bool, error)
	RemoveEndpoint(ctx context.Context, id string) (bool, error)
	Deliveries(ctx context.Context, endpoint, before string, limit int) ([]webhooks.Delivery, error)
	ResendDelivery(ctx context.Context, endpoint, id string, at time.Time) (*webhooks.Delivery, error)
}

// maxEndpointTries bounds how often an endpoint is written against others.
const maxEndpointTries = 3

func (h *handler) checkURL(text string) string { return webhooks.CheckURL(text, h.local) }

// change writes an endpoint as step makes it from the present one, nil where
// there is none; step answers false where nothing is to be written.
func (h *handler) change(ctx context.Context, id string, step func(present *webhooks.Endpoint, now time.Time) (webhooks.Endpoint, bool, error)) (webhooks.Endpoint, error) {
	for range maxEndpointTries {
		present, err := h.store.Endpoint(ctx, id)
		if err != nil {
			return webhooks.Endpoint{}, err
		}
		next, changed, err := step(present, h.now().UTC().Truncate(time.Millisecond))
		if err != nil || !changed {
			return next, err
		}
		saved, err := h.store.SaveEndpoint(ctx, next)
		if err != nil || saved {
			return next, err
		}
	}
	return webhooks.Endpoint{}, fault.New(fault.Contended, "The endpoint is being written by others; nothing was changed. Send the request again.")
}

// putEndpoint makes an endpoint, or replaces what the operator says of one. To
// enable it again forgets why it was disabled; its secret stays.
func (h *handler) putEndpoint(ctx context.Context, wanted httpapi.WantedEndpoint) (httpapi.SavedEndpoint, error) {
	created := false
	saved, err := h.change(ctx, wanted.ID, func(present *webhooks.Endpoint, now time.Time) (webhooks.Endpoint, bool, error) {
		created = present == nil
		next := webhooks.Endpoint{}
		if created {
			next.ID, next.Secret, next.CreatedAt = wanted.ID, webhooks.NewSecret(), now
		} else {
			next = *present
		}
		next.URL, next.Events, next.Enabled = wanted.URL, wanted.Events, wanted.Enabled
		if !created && present.SameTerms(next) {
			return *present, false, nil
		}
		if next.Enabled {
			next.DisabledReason = ""
		}
		next.UpdatedAt = now
		return next, true, nil
	})
	return httpapi.SavedEndpoint{Endpoint: saved, Created: created}, err
}

func (h *handler) endpoint(ctx context.Context, id string) (webhooks.Endpoint, error) {
	endpoint, err := h.store.Endpoint(ctx, id)
	if err != nil {
		return webhooks.Endpoint{}, err
	}
	if endpoint == nil {
		return webhooks.Endpoint{}, httpapi.NoEndpoint(id)
	}
	return *endpoint, nil
}

// rotateEndpoint gives an endpoint a new secret; the one before signs for a day more.
func (h *handler) rotateEndpoint(ctx context.Context, id string) (webhooks.Endpoint, error) {
	return h.change(ctx, id, func(present *webhooks.Endpoint, now time.Time) (webhooks.Endpoint, bool, error) {
		if present == nil {
			return webhooks.Endpoint{}, false, httpapi.NoEndpoint(id)
		}
		return present.Rotated(webhooks.NewSecret(), now), true, nil
	})
}

func (h *handler) removeEndpoint(ctx context.Context, id string) (string, error) {
	found, err := h.store.RemoveEndpoint(ctx, id)
	if err == nil && !found {
		err = httpapi.NoEndpoint(id)
	}
	return id, err
}

func (h *handler) endpoints(ctx context.Context, page httpapi.PageQuery) (httpapi.Listing[webhooks.Endpoint], error) {
	endpoints, err := h.store.Endpoints(ctx, page.After, page.Limit+1)
	return httpapi.Listing[webhooks.Endpoint]{Read: endpoints, Limit: page.Limit}, err
}

// deliveries lists those of an endpoint; also of one that was removed, whose
// deliveries are kept for a while.
func (h *handler) deliveries(ctx context.Context, query httpapi.DeliveriesQuery) (httpapi.Listing[webhooks.Delivery], error) {
	deliveries, err := h.store.Deliveries(ctx, query.Endpoint, query.After, query.Limit+1)
	if err == nil && len(deliveries) == 0 {
		_, err = h.endpoint(ctx, query.Endpoint)
	}
	return httpapi.Listing[webhooks.Delivery]{Read: deliveries, Limit: query.Limit}, err
}

func (h *handler) resend(ctx context.Context, id httpapi.DeliveryID) (webhooks.Delivery, error) {
	if _, err := h.endpoint(ctx, id.Endpoint); err != nil {
		return webhooks.Delivery{}, err
	}
	delivery, err := h.store.ResendDelivery(ctx, id.Endpoint, id.ID, h.now())
	if err != nil {
		return webhooks.Delivery{}, err
	}
	if delivery == nil {
		return webhooks.Delivery{}, httpapi.NoDelivery(id)
	}
	return *delivery, nil
}
