package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/eventbus/eventbustest"
	"drawdown/shared/httpapi"
	"drawdown/shared/httpapi/httpapitest"
)

func TestServesItsRoutes(t *testing.T) {
	httpapitest.Serves(t, httpapi.FunctionWebhook, new(handler).server())
}

var now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

const (
	secret = "whsec_of_the_endpoint"
	apiKey = "sk_live_of_the_account"
)

// keys are Stripe's, or the failure to read them.
type keys struct {
	webhook string
	err     error
}

func (k *keys) Keys(context.Context) (string, string, error) { return apiKey, k.webhook, k.err }

type fixture struct {
	handler
	t    *testing.T
	said *eventbustest.Bus
	keys *keys
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, said: eventbustest.New(t), keys: &keys{webhook: secret}}
	f.handler = handler{keys: f.keys, bus: f.said.Bus, now: func() time.Time { return now }}
	return f
}

func notice(kind, object string) string {
	return fmt.Sprintf(`{"id":"evt_1","object":"event","type":%q,"created":1795514395,"livemode":false,"data":{"object":%s}}`, kind, object)
}

func signature(body, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(fmt.Appendf(nil, "%d.%s", at.Unix(), body))
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

type answer struct {
	Status int    `json:"statusCode"`
	Body   string `json:"body"`
}

func (f *fixture) post(body, signature string, encoded bool) answer {
	f.t.Helper()
	event := map[string]any{
		"version": "2.0", "routeKey": httpapi.StripeWebhook.Key(), "headers": map[string]string{"stripe-signature": signature}, "body": body,
	}
	if encoded {
		event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(body)), true
	}
	payload, err := json.Marshal(event)
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := f.server().Invoke(f.t.Context(), payload)
	if err != nil {
		f.t.Fatal(err)
	}
	var got answer
	if err := json.Unmarshal(out, &got); err != nil {
		f.t.Fatal(err)
	}
	return got
}

func TestASignedNoticeIsPassedOnOnce(t *testing.T) {
	body := notice("charge.refunded", `{"id":"ch_1","object":"charge"}`)
	for _, encoded := range []bool{false, true} {
		f := newFixture(t)
		if got := f.post(body, signature(body, secret, now), encoded); got.Status != 200 || got.Body != `{"received":true}` {
			t.Fatalf("base64 %t: %+v", encoded, got)
		}
		want := `{"id":"evt_1","type":"charge.refunded","object_id":"ch_1","object_type":"charge","created_at":"2026-11-24T09:59:55Z"}`
		if said := f.said.Said(); len(said) != 1 || said[0].Detail != want || said[0].DetailType != "drawdown.internal.processor_notice" {
			t.Errorf("base64 %t: said %+v", encoded, said)
		}
	}
}

// A refund's events are about the refund, and not about its charge.
func TestRefundsArePassedOnAsRefunds(t *testing.T) {
	for _, kind := range []string{"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"} {
		f, body := newFixture(t), notice(kind, `{"id":"re_1","object":"refund","charge":"ch_1"}`)
		got := f.post(body, signature(body, secret, now), false)
		if said := f.said.Said(); got.Status != 200 || len(said) != 1 || !strings.Contains(said[0].Detail, `"object_id":"re_1","object_type":"refund"`) {
			t.Errorf("%s: %+v, said %+v", kind, got, said)
		}
	}
}

func TestWhatIsNotSettledIsTakenAndIgnored(t *testing.T) {
	for _, body := range []string{
		notice("customer.created", `{"id":"cus_1","object":"customer"}`),
		notice("balance.available", `{"object":"balance"}`),
		notice("invoice.paid", `{"object":"invoice"}`),
	} {
		f := newFixture(t)
		if got := f.post(body, signature(body, secret, now), false); got.Status != 200 || len(f.said.Said()) != 0 {
			t.Errorf("%s: %+v, said %v", body, got, f.said.Said())
		}
	}
}

func TestWhatIsNotStripesIsRefused(t *testing.T) {
	body := notice("invoice.paid", `{"id":"in_1","object":"invoice"}`)
	none := `{"id":"evt_1","object":"list"}`
	large := strings.Repeat("x", 256<<10+1)
	for name, c := range map[string]struct {
		body, signature string
		status          int
		slug            string
	}{
		"another secret":      {body, signature(body, "whsec_other", now), 400, "invalid-signature"},
		"the key of the API":  {body, signature(body, apiKey, now), 400, "invalid-signature"},
		"the empty key":       {body, signature(body, "", now), 400, "invalid-signature"},
		"another body":        {body + " ", signature(body, secret, now), 400, "invalid-signature"},
		"no signature":        {body, "", 400, "invalid-signature"},
		"stale":               {body, signature(body, secret, now.Add(-6*time.Minute)), 400, "invalid-signature"},
		"of tomorrow":         {body, signature(body, secret, now.Add(6*time.Minute)), 400, "invalid-signature"},
		"signed and no event": {none, signature(none, secret, now), 422, "invalid-request"},
		"too large":           {large, signature(large, secret, now), 413, "payload-too-large"},
		"too large, unsigned": {large, "", 413, "payload-too-large"},
	} {
		f := newFixture(t)
		got := f.post(c.body, c.signature, false)
		if got.Status != c.status || !strings.Contains(got.Body, "urn:drawdown:problem:"+c.slug) || len(f.said.Said()) != 0 {
			t.Errorf("%s: %+v, said %v", name, got, f.said.Said())
		}
	}
}

// While no secret is configured nothing is taken: signed with the empty key, or with the key of the API, least of all.
func TestWithoutASecretNothingIsTaken(t *testing.T) {
	body := notice("invoice.paid", `{"id":"in_1","object":"invoice"}`)
	for _, configured := range []string{"", " ", "\n"} {
		for _, key := range []string{"", configured, apiKey, secret} {
			f := newFixture(t)
			f.keys.webhook = configured
			if got := f.post(body, signature(body, key, now), false); got.Status < 400 || len(f.said.Said()) != 0 {
				t.Errorf("with the secret %q, signed with %q: %+v, said %v", configured, key, got, f.said.Said())
			}
		}
	}
}

// Stripe sends again what is answered with 503.
func TestWhatCannotBePassedOnComesAgain(t *testing.T) {
	body := notice("invoice.paid", `{"id":"in_1","object":"invoice"}`)
	for name, c := range map[string]struct {
		breaks func(*fixture)
		slug   string
	}{
		"no bus":      {func(f *fixture) { f.said.Break(true) }, "unavailable"},
		"refused":     {func(f *fixture) { f.said.Refuse(func(eventbustest.Said) bool { return true }) }, "unavailable"},
		"no keys":     {func(f *fixture) { f.keys.err = errors.New("secret store") }, "unavailable"},
		"not set up ": {func(f *fixture) { f.keys.webhook = "" }, "payments-unavailable"},
	} {
		f := newFixture(t)
		c.breaks(f)
		got := f.post(body, signature(body, secret, now), false)
		if got.Status != 503 || !strings.Contains(got.Body, "urn:drawdown:problem:"+c.slug) || strings.Contains(got.Body, "secret store") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
