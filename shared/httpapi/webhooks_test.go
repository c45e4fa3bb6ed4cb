package httpapi_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/access"
	"drawdown/shared/httpapi"
	"drawdown/shared/webhooks"
)

// hooks is a server of the routes of webhooks, whose operations only note what
// reached them.
type hooks struct {
	*edge
	wanted httpapi.WantedEndpoint
	query  httpapi.DeliveriesQuery
	resent httpapi.DeliveryID
	notice httpapi.SignedNotice
}

func anEndpoint() webhooks.Endpoint {
	return webhooks.Endpoint{
		ID: "ops", URL: "https://example.com/hooks", Events: []events.Type{events.BalanceLow}, Enabled: true,
		Secret: webhooks.NewSecret(), CreatedAt: now, UpdatedAt: now,
	}
}

func aDelivery() webhooks.Delivery {
	d := webhooks.NewDelivery("ops", events.New(events.BalanceLow, "acme", 42, now, nil), `{"id":"acme#42#balance.low"}`)
	return d.After(webhooks.Result{Status: 500, Error: "the endpoint answered 500"}, now)
}

func newHooks(t *testing.T) *hooks {
	h := &hooks{edge: newEdge(t)}
	check := func(text string) string { return webhooks.CheckURL(text, false) }
	h.server = httpapi.NewServer(access.NewAuthenticator(h.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now }),
		httpapi.Handle(httpapi.PutEndpoint, httpapi.DecodeEndpoint(check), func(_ context.Context, wanted httpapi.WantedEndpoint) (httpapi.SavedEndpoint, error) {
			h.wanted = wanted
			return httpapi.SavedEndpoint{Endpoint: anEndpoint(), Created: true}, nil
		}, httpapi.EncodeSavedEndpoint),
		httpapi.Handle(httpapi.GetEndpoint, httpapi.DecodeEndpointID, func(_ context.Context, id string) (webhooks.Endpoint, error) {
			return webhooks.Endpoint{}, httpapi.NoEndpoint(id)
		}, httpapi.EncodeEndpoint),
		httpapi.Handle(httpapi.RotateEndpoint, httpapi.DecodeEndpointID, func(context.Context, string) (webhooks.Endpoint, error) {
			return anEndpoint().Rotated(webhooks.NewSecret(), now), nil
		}, httpapi.EncodeRotatedEndpoint),
		httpapi.Handle(httpapi.DeleteEndpoint, httpapi.DecodeEndpointID, func(_ context.Context, id string) (string, error) { return id, nil }, httpapi.EncodeRemovedEndpoint),
		httpapi.Handle(httpapi.ListEndpoints, httpapi.DecodePage, func(context.Context, httpapi.PageQuery) (httpapi.Listing[webhooks.Endpoint], error) {
			off := webhooks.Endpoint{ID: "off", URL: "https://example.com", DisabledReason: "it answered 410 Gone", CreatedAt: now, UpdatedAt: now}
			return httpapi.Listing[webhooks.Endpoint]{Read: []webhooks.Endpoint{anEndpoint(), off}, Limit: 50}, nil
		}, httpapi.EncodeEndpoints),
		httpapi.Handle(httpapi.ListDeliveries, httpapi.DecodeDeliveries, func(_ context.Context, query httpapi.DeliveriesQuery) (httpapi.Listing[webhooks.Delivery], error) {
			h.query = query
			fresh := webhooks.NewDelivery("ops", events.New(events.BalanceLow, "acme", 41, now, nil), `{}`)
			return httpapi.Listing[webhooks.Delivery]{Read: []webhooks.Delivery{aDelivery(), fresh}, Limit: 1}, nil
		}, httpapi.EncodeDeliveries),
		httpapi.Handle(httpapi.ResendDelivery, httpapi.DecodeDeliveryID, func(_ context.Context, id httpapi.DeliveryID) (webhooks.Delivery, error) {
			h.resent = id
			if id.ID == "none" {
				return webhooks.Delivery{}, httpapi.NoDelivery(id)
			}
			return aDelivery(), nil
		}, httpapi.EncodeResent),
		httpapi.Handle(httpapi.StripeWebhook, httpapi.DecodeStripeWebhook, func(_ context.Context, signed httpapi.SignedNotice) (struct{}, error) {
			h.notice = signed
			return struct{}{}, nil
		}, httpapi.EncodeReceived),
	)
	return h
}

func TestAnEndpointIsReadStrictly(t *testing.T) {
	h := newHooks(t)
	admin := h.key("", access.Admin)
	for body, want := range map[string]any{
		`{"url":"https://example.com/a"}`:                                                         httpapi.WantedEndpoint{ID: "ops", URL: "https://example.com/a", Enabled: true},
		`{"url":"https://example.com/a","events":null,"enabled":null}`:                            httpapi.WantedEndpoint{ID: "ops", URL: "https://example.com/a", Enabled: true},
		`{"url":"https://example.com/a","events":["balance.low","plan.changed"],"enabled":false}`: httpapi.WantedEndpoint{ID: "ops", URL: "https://example.com/a", Events: []events.Type{events.BalanceLow, events.PlanChanged}},
		`{}`:                           "url",
		`{"url":"http://example.com"}`: "url",
		`{"url":"https://10.0.0.1"}`:   "url",
		`{"url":"https://example.com","events":[]}`:                               "events",
		`{"url":"https://example.com","events":["balance.low","balance.low"]}`:    "events[1]",
		`{"url":"https://example.com","events":["drawdown.internal.refill_due"]}`: "events[0]",
		`{"url":"https://example.com","enabled":"yes"}`:                           "enabled",
		`{"url":"https://example.com","secret":"whsec_mine"}`:                     "secret",
	} {
		got := h.do(call{route: httpapi.PutEndpoint, path: map[string]string{"endpoint_id": "ops"}, token: admin, body: body})
		if field, refused := want.(string); refused {
			if params := got.problem(t).InvalidParams; got.Status != 422 || len(params) != 1 || params[0].Name != field {
				t.Errorf("%s: %d %s, want %s to be named", body, got.Status, got.Body, field)
			}
			continue
		}
		if got.Status != 201 || !reflect.DeepEqual(h.wanted, want) {
			t.Errorf("%s: %d, read as %+v", body, got.Status, h.wanted)
		}
	}
	if got := h.do(call{route: httpapi.PutEndpoint, path: map[string]string{"endpoint_id": "two words"}, token: admin, body: `{"url":"https://example.com"}`}); got.Status != 422 {
		t.Errorf("a bad id: %+v", got)
	}
}

// The secret is in the answer that makes it, and in no other.
func TestSecretsAreShownWhenTheyAreMade(t *testing.T) {
	h := newHooks(t)
	admin := h.key("", access.Admin)
	ops := map[string]string{"endpoint_id": "ops"}
	for _, c := range []struct {
		call   call
		status int
		secret bool
	}{
		{call{route: httpapi.PutEndpoint, path: ops, token: admin, body: `{"url":"https://example.com"}`}, 201, true},
		{call{route: httpapi.RotateEndpoint, path: ops, token: admin}, 200, true},
		{call{route: httpapi.ListEndpoints, token: admin}, 200, false},
		{call{route: httpapi.GetEndpoint, path: ops, token: admin}, 404, false},
		{call{route: httpapi.DeleteEndpoint, path: ops, token: admin}, 204, false},
	} {
		got := h.do(c.call)
		if got.Status != c.status || strings.Contains(got.Body, "whsec_") != c.secret {
			t.Errorf("%s: %d %s", c.call.route.Key(), got.Status, got.Body)
		}
		if got := h.do(call{route: c.call.route, path: ops, token: h.key("", access.Purchase, access.Read, access.Debit), body: c.call.body}); got.Status != 403 {
			t.Errorf("%s without the scope admin: %d", c.call.route.Key(), got.Status)
		}
	}
	saved := httpapi.EncodeSavedEndpoint(httpapi.SavedEndpoint{Endpoint: anEndpoint()})
	if saved.Status != 200 || reflect.ValueOf(saved.Body).FieldByName("Secret").String() != "" {
		t.Errorf("replaced: %+v", saved)
	}
}

func TestDeliveriesInPages(t *testing.T) {
	h := newHooks(t)
	admin := h.key("", access.Admin)
	ops := map[string]string{"endpoint_id": "ops"}
	first := h.do(call{route: httpapi.ListDeliveries, path: ops, token: admin, query: map[string]string{"limit": "1"}})
	_, rest, _ := strings.Cut(first.Body, `"next_cursor":"`)
	cursor, _, _ := strings.Cut(rest, `"`)
	if first.Status != 200 || cursor == "" || h.query.Limit != 1 || h.query.Endpoint != "ops" {
		t.Fatalf("%d %s, asked for %+v", first.Status, first.Body, h.query)
	}
	h.do(call{route: httpapi.ListDeliveries, path: ops, token: admin, query: map[string]string{"limit": "1", "cursor": cursor}})
	if h.query.After != aDelivery().ID {
		t.Errorf("the next page goes on after %q", h.query.After)
	}
	resend := map[string]string{"endpoint_id": "ops", "delivery_id": aDelivery().ID}
	if got := h.do(call{route: httpapi.ResendDelivery, path: resend, token: admin}); got.Status != 202 || h.resent.ID != aDelivery().ID || h.resent.Endpoint != "ops" {
		t.Errorf("%d %s, resent %+v", got.Status, got.Body, h.resent)
	}
	resend["delivery_id"] = "none"
	if got := h.do(call{route: httpapi.ResendDelivery, path: resend, token: admin}); got.slug(t) != "delivery-not-found" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestStripesWebhookIsPassedAsItCame(t *testing.T) {
	h := newHooks(t)
	const body = `{ "id":"evt_1" }`
	payload := strings.Replace(string(call{route: httpapi.StripeWebhook, body: body}.event(t)), `"host":`, `"stripe-signature":"t=1,v1=a","host":`, 1)
	if got := h.invoke([]byte(payload)); got.Status != 200 || got.Body != `{"received":true}` || string(h.notice.Payload) != body || h.notice.Signature != "t=1,v1=a" {
		t.Errorf("%+v, read as %q, %q", got, h.notice.Payload, h.notice.Signature)
	}
	if got := h.do(call{route: httpapi.StripeWebhook, body: strings.Repeat("x", 256<<10+1)}); got.Status != 413 {
		t.Errorf("too large: %d", got.Status)
	}
}
