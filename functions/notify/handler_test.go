package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/shared/delivery"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/outbound"
	"drawdown/shared/webhooks"
)

const said = `{"version":"0","id":"e","detail-type":"balance.low","source":"drawdown","detail":` +
	`{"id":"acme#42#balance.low","type":"balance.low","version":1,"account_id":"acme","seq":42,` +
	`"occurred_at":"2026-11-24T10:00:00Z","data":{"available":"12.5","overage_used":"0"}}}`

func TestCalls(t *testing.T) {
	tables := dynamotest.NewTables(t)
	var status, hour atomic.Int64
	status.Store(500)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	t.Cleanup(server.Close)
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	h := &handler{&delivery.Dispatcher{Store: tables.Client, Send: outbound.NewSender(true).Send, Now: func() time.Time {
		return start.Add(time.Duration(hour.Load()) * time.Hour)
	}}}
	saved, err := tables.SaveEndpoint(t.Context(), webhooks.Endpoint{ID: "ops", URL: server.URL, Enabled: true, Secret: webhooks.NewSecret()})
	if err != nil || !saved {
		t.Fatal(saved, err)
	}
	call := func(payload, want string) {
		t.Helper()
		if got, err := h.Invoke(t.Context(), []byte(payload)); err != nil || string(got) != want {
			t.Errorf("%s is answered with %s, %v; want %s", payload, got, err, want)
		}
	}
	call(said, `{"deliveries":1,"unsettled":0}`)
	call(said, `{"deliveries":0,"unsettled":0}`)
	call(`{"retry":true}`, `{"tried":0}`)
	hour.Store(1)
	status.Store(200)
	call(`{"retry":true}`, `{"tried":1}`)
	hour.Store(2)
	call(`{"retry":true}`, `{"tried":0}`)
}

func TestCallsThatAreNone(t *testing.T) {
	h := &handler{&delivery.Dispatcher{Store: dynamotest.NewClient(t), Now: time.Now}}
	for _, payload := range []string{
		`{}`, `[]`, `x`, `{"retry":false}`, `{"detail-type":"balance.low"}`, `{"detail":{}}`, `{"detail-type":"x","detail":{"type":"x"}}`,
	} {
		if got, err := h.Invoke(t.Context(), []byte(payload)); err == nil {
			t.Errorf("%s is answered with %s", payload, got)
		}
	}
}
