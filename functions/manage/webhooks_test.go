package main

import (
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/webhooks"
)

func TestEndpointsOfWebhooks(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	store := dynamotest.NewClient(t)
	h := &handler{store: store, now: func() time.Time { return now }}
	ctx := t.Context()
	wanted := httpapi.WantedEndpoint{ID: "ops", URL: "https://example.com/hooks", Events: []events.Type{events.BalanceLow}, Enabled: true}
	made, err := h.putEndpoint(ctx, wanted)
	if err != nil || !made.Created || made.Endpoint.Secret == "" || !made.Endpoint.CreatedAt.Equal(now) {
		t.Fatalf("made %+v, %v", made, err)
	}
	now = now.Add(time.Hour)
	same, err := h.putEndpoint(ctx, wanted)
	if err != nil || same.Created || !same.Endpoint.UpdatedAt.Equal(made.Endpoint.CreatedAt) {
		t.Errorf("the same again: %+v, %v", same, err)
	}
	wanted.Events, wanted.Enabled = nil, false
	changed, err := h.putEndpoint(ctx, wanted)
	if err != nil || changed.Created || changed.Endpoint.Enabled || changed.Endpoint.Secret != made.Endpoint.Secret || !changed.Endpoint.UpdatedAt.Equal(now) {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	rotated, err := h.rotateEndpoint(ctx, "ops")
	if err != nil || rotated.Secret == made.Endpoint.Secret || rotated.Previous != made.Endpoint.Secret || !rotated.PreviousUntil.Equal(now.Add(24*time.Hour)) {
		t.Errorf("rotated: %+v, %v", rotated, err)
	}
	if listed, err := h.endpoints(ctx, httpapi.PageQuery{Limit: 10}); err != nil || len(listed.Read) != 1 || listed.Read[0].Secret != rotated.Secret {
		t.Errorf("listed %+v, %v", listed, err)
	}
	if page, err := h.deliveries(ctx, httpapi.DeliveriesQuery{Endpoint: "ops", PageQuery: httpapi.PageQuery{Limit: 10}}); err != nil || len(page.Read) != 0 {
		t.Errorf("deliveries %+v, %v", page, err)
	}
	delivery := webhooks.NewDelivery("ops", events.New(events.BalanceLow, "acme", 1, now, nil), "{}").Abandoned("x")
	if added, err := store.AddDelivery(ctx, delivery); !added || err != nil {
		t.Fatal(added, err)
	}
	resent, err := h.resend(ctx, httpapi.DeliveryID{Endpoint: "ops", ID: delivery.ID})
	if err != nil || resent.State != webhooks.Pending || !resent.NextAttemptAt.Equal(now) {
		t.Errorf("resent %+v, %v", resent, err)
	}
	if _, err := h.removeEndpoint(ctx, "ops"); err != nil {
		t.Fatal(err)
	}
	page, err := h.deliveries(ctx, httpapi.DeliveriesQuery{Endpoint: "ops", PageQuery: httpapi.PageQuery{Limit: 10}})
	if err != nil || len(page.Read) != 1 {
		t.Errorf("deliveries of a removed endpoint: %+v, %v", page, err)
	}
}

func TestEndpointsThatAreNotThere(t *testing.T) {
	h := &handler{store: dynamotest.NewClient(t), now: time.Now}
	ctx := t.Context()
	for name, try := range map[string]func() error{
		"get":    func() error { _, err := h.endpoint(ctx, "none"); return err },
		"rotate": func() error { _, err := h.rotateEndpoint(ctx, "none"); return err },
		"remove": func() error { _, err := h.removeEndpoint(ctx, "none"); return err },
		"deliveries": func() error {
			_, err := h.deliveries(ctx, httpapi.DeliveriesQuery{Endpoint: "none", PageQuery: httpapi.PageQuery{Limit: 10}})
			return err
		},
		"resend": func() error { _, err := h.resend(ctx, httpapi.DeliveryID{Endpoint: "none", ID: "d"}); return err },
	} {
		if err := try(); fault.CodeOf(err) != fault.EndpointNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.putEndpoint(ctx, httpapi.WantedEndpoint{ID: "ops", URL: "https://example.com"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.resend(ctx, httpapi.DeliveryID{Endpoint: "ops", ID: "d"}); fault.CodeOf(err) != fault.DeliveryNotFound {
		t.Errorf("resend: %v", err)
	}
	if h.checkURL("http://127.0.0.1:1/a") == "" {
		t.Error("a local address is taken")
	}
	if h.local = true; h.checkURL("http://127.0.0.1:1/a") != "" {
		t.Error("a local address is refused in development")
	}
}
