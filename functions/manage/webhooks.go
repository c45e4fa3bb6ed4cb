package main

import (
	"context"
	"time"

	"drawdown/shared/delivery"
	"drawdown/shared/httpapi"
	"drawdown/shared/webhooks"
)

// hooks are the webhook endpoints and their deliveries.
type hooks interface {
	Endpoint(ctx context.Context, id string) (*webhooks.Endpoint, error)
	Endpoints(ctx context.Context, after string, limit int) ([]webhooks.Endpoint, error)
	SaveEndpoint(ctx context.Context, endpoint webhooks.Endpoint) (bool, error)
	RemoveEndpoint(ctx context.Context, id string) (bool, error)
	Deliveries(ctx context.Context, endpoint, before string, limit int) ([]webhooks.Delivery, error)
	ResendDelivery(ctx context.Context, endpoint, id string, at time.Time) (*webhooks.Delivery, error)
}

func (h *handler) checkURL(text string) string { return webhooks.CheckURL(text, h.local) }

func (h *handler) changes() *delivery.Endpoints {
	return &delivery.Endpoints{Store: h.store, Now: h.now}
}

func (h *handler) putEndpoint(ctx context.Context, wanted httpapi.WantedEndpoint) (httpapi.SavedEndpoint, error) {
	saved, created, err := h.changes().Put(ctx, webhooks.Endpoint{
		ID: wanted.ID, URL: wanted.URL, Events: wanted.Events, Enabled: wanted.Enabled,
	})
	if err != nil {
		return httpapi.SavedEndpoint{}, err
	}
	return httpapi.SavedEndpoint{Endpoint: *saved, Created: created}, nil
}

func (h *handler) endpoint(ctx context.Context, id string) (webhooks.Endpoint, error) {
	endpoint, err := h.store.Endpoint(ctx, id)
	return found(id, endpoint, err)
}

// found returns a fault for an endpoint that does not exist.
func found(id string, endpoint *webhooks.Endpoint, err error) (webhooks.Endpoint, error) {
	if err == nil && endpoint == nil {
		err = httpapi.NoEndpoint(id)
	}
	if err != nil {
		return webhooks.Endpoint{}, err
	}
	return *endpoint, nil
}

func (h *handler) rotateEndpoint(ctx context.Context, id string) (webhooks.Endpoint, error) {
	endpoint, err := h.changes().Rotate(ctx, id)
	return found(id, endpoint, err)
}

func (h *handler) removeEndpoint(ctx context.Context, id string) (string, error) {
	removed, err := h.store.RemoveEndpoint(ctx, id)
	if err == nil && !removed {
		err = httpapi.NoEndpoint(id)
	}
	return id, err
}

func (h *handler) endpoints(ctx context.Context, page httpapi.PageQuery) (httpapi.Listing[webhooks.Endpoint], error) {
	endpoints, err := h.store.Endpoints(ctx, page.After, page.Limit+1)
	return httpapi.Listing[webhooks.Endpoint]{Read: endpoints, Limit: page.Limit}, err
}

// deliveries lists the deliveries of an endpoint, even of a removed one, whose
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
