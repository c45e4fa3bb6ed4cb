package outbound

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/webhooks"
)

var at = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func delivery() webhooks.Delivery {
	message := events.New(events.BalanceLow, "a.b:c", 42, at, nil)
	return webhooks.NewDelivery("ops", message, `{"id":"a.b:c#42#balance.low"}`)
}

func TestSendIsSignedAndReadsOnlyTheStatus(t *testing.T) {
	var got *http.Request
	var body []byte
	status := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body = make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		w.WriteHeader(status)
		_, _ = w.Write(make([]byte, 4*maxAnswer))
	}))
	defer server.Close()
	endpoint := webhooks.Endpoint{ID: "ops", URL: server.URL + "/hooks", Secret: webhooks.NewSecret()}.Rotated(webhooks.NewSecret(), at)
	d := delivery()
	if result := NewSender(true).Send(t.Context(), endpoint, d, at); !result.Delivered() || result.Error != "" {
		t.Fatalf("result %+v", result)
	}
	for _, secret := range []string{endpoint.Secret, endpoint.Previous} {
		if err := webhooks.Verify(secret, got.Header.Get, body, at); err != nil {
			t.Error(err)
		}
	}
	if string(body) != d.Body || got.Method != http.MethodPost || got.UserAgent() != "Drawdown-Webhooks/1" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("webhook-id") != webhooks.MessageID(d.EventID) {
		t.Errorf("sent %s with %v", body, got.Header)
	}
	for code, delivered := range map[int]bool{201: true, 204: true, 299: true, 400: false, 410: false, 500: false} {
		status = code
		if result := NewSender(true).Send(t.Context(), endpoint, d, at); result.Delivered() != delivered || result.Status != code || (result.Error == "") != delivered {
			t.Errorf("%d: %+v", code, result)
		}
	}
}

func TestSendFollowsNoRedirect(t *testing.T) {
	var followed atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	result := NewSender(true).Send(t.Context(), webhooks.Endpoint{URL: server.URL, Secret: webhooks.NewSecret()}, delivery(), at)
	if result.Delivered() || result.Status != 307 || followed.Load() {
		t.Errorf("result %+v, followed %t", result, followed.Load())
	}
}

func TestFailuresTellNoAddress(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	slow := server.URL
	sender := NewSender(true)
	sender.client.Timeout = 50 * time.Millisecond
	result := sender.Send(t.Context(), webhooks.Endpoint{URL: slow + "/?token=hidden", Secret: webhooks.NewSecret()}, delivery(), at)
	if result.Status != 0 || result.Error != "the endpoint did not answer in time" {
		t.Errorf("slow: %+v", result)
	}
	close(release)
	server.Close()
	result = sender.Send(t.Context(), webhooks.Endpoint{URL: slow + "/?token=hidden", Secret: webhooks.NewSecret()}, delivery(), at)
	if result.Status != 0 || result.Error != "the connection was refused" {
		t.Errorf("closed: %+v", result)
	}
	if result := sender.Send(t.Context(), webhooks.Endpoint{URL: slow, Secret: "x"}, delivery(), at); result.Status != 0 || result.Error == "" {
		t.Errorf("without a secret: %+v", result)
	}
}
