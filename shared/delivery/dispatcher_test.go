package delivery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/outbound"
	"drawdown/shared/webhooks"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

type fixture struct {
	Dispatcher
	t      *testing.T
	tables *dynamotest.Tables
	clock  atomic.Int64 // milliseconds after start
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, tables: dynamotest.NewTables(t)}
	f.Dispatcher = Dispatcher{Store: f.tables.Client, Send: outbound.NewSender(true).Send, Now: func() time.Time {
		return start.Add(time.Duration(f.clock.Load()) * time.Millisecond)
	}}
	return f
}

func (f *fixture) pass(d time.Duration) { f.clock.Add(d.Milliseconds()) }

// receiver is an operator's endpoint.
type receiver struct {
	mu     sync.Mutex
	bodies []string
	ids    []string
	status atomic.Int64
	slow   chan struct{} // nil: not slow
	url    string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.status.Store(200)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	r.bodies, r.ids = append(r.bodies, string(body)), append(r.ids, request.Header.Get(webhooks.HeaderID))
	slow := r.slow
	r.mu.Unlock()
	if slow != nil {
		<-slow
	}
	w.Header().Set("Location", r.url+"/elsewhere")
	w.WriteHeader(int(r.status.Load()))
}

func (r *receiver) got() ([]string, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...), append([]string(nil), r.ids...)
}

func (f *fixture) endpoint(id, url string, kinds ...events.Type) {
	f.t.Helper()
	saved, err := f.tables.SaveEndpoint(f.t.Context(), webhooks.Endpoint{
		ID: id, URL: url, Events: kinds, Enabled: true, Secret: webhooks.NewSecret(), CreatedAt: start, UpdatedAt: start,
	})
	if err != nil || !saved {
		f.t.Fatal(saved, err)
	}
}

const detail = `{"id":"acme#42#balance.low","type":"balance.low","version":1,"account_id":"acme","seq":42,` +
	`"occurred_at":"2026-11-24T10:00:00Z","data":{"available":"12.5","overage_used":"0","later":true}}`

func message(t *testing.T, detail string) events.Message {
	t.Helper()
	message, err := events.Decode([]byte(detail))
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// start starts the deliveries of a message.
func (f *fixture) start(detail string) Started {
	f.t.Helper()
	started, err := f.Start(f.t.Context(), message(f.t, detail), detail)
	if err != nil {
		f.t.Fatal(err)
	}
	return started
}

// retried tries what is due.
func (f *fixture) retried() int {
	f.t.Helper()
	tried, err := f.Retry(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return tried
}

// delivery is the one delivery of an endpoint.
func (f *fixture) delivery(endpoint string) webhooks.Delivery {
	f.t.Helper()
	all, err := f.tables.Deliveries(f.t.Context(), endpoint, "", 10)
	if err != nil || len(all) != 1 {
		f.t.Fatalf("endpoint %s has the deliveries %+v, %v", endpoint, all, err)
	}
	return all[0]
}

func TestAnEventGoesToWhoWantsItOnce(t *testing.T) {
	f := newFixture(t)
	wants, all, other := newReceiver(t), newReceiver(t), newReceiver(t)
	f.endpoint("wants", wants.url, events.BalanceLow)
	f.endpoint("all", all.url)
	f.endpoint("other", other.url, events.PlanChanged)
	if got := f.start(detail); got != (Started{Deliveries: 2}) {
		t.Errorf("told: %+v", got)
	}
	if got := f.start(detail); got != (Started{}) {
		t.Errorf("told again: %+v", got)
	}
	for name, r := range map[string]*receiver{"wants": wants, "all": all} {
		bodies, ids := r.got()
		if len(bodies) != 1 || bodies[0] != detail || ids[0] != webhooks.MessageID("acme#42#balance.low") {
			t.Errorf("%s has got %q, %q", name, bodies, ids)
		}
		if d := f.delivery(name); d.State != webhooks.Delivered || d.Attempts != 1 || d.LastStatus != 200 {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if bodies, _ := other.got(); len(bodies) != 0 {
		t.Errorf("who does not want it has got %q", bodies)
	}
	f.pass(time.Hour)
	if got := f.retried(); got != 0 {
		t.Errorf("nothing is due: %d", got)
	}
}

func TestWhatFailsIsTriedAgainUntilItIsTaken(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	r.status.Store(500)
	f.endpoint("ops", r.url)
	f.start(detail)
	if d := f.delivery("ops"); d.State != webhooks.Pending || d.LastStatus != 500 || d.LastError != "the endpoint answered 500" || d.NextAttemptAt.Before(start.Add(5*time.Second)) {
		t.Errorf("after the first try: %+v", d)
	}
	f.pass(time.Second)
	if got := f.retried(); got != 0 {
		t.Errorf("before its time: %d", got)
	}
	f.pass(6 * time.Second)
	r.status.Store(307) // a redirect is not a success, and is not followed
	if got := f.retried(); got != 1 {
		t.Errorf("in its time: %d", got)
	}
	f.pass(7 * time.Minute)
	r.status.Store(204)
	if got := f.retried(); got != 1 {
		t.Errorf("in its time: %d", got)
	}
	if d := f.delivery("ops"); d.State != webhooks.Delivered || d.Attempts != 3 || !d.NextAttemptAt.IsZero() || d.LastError != "" {
		t.Errorf("in the end: %+v", d)
	}
	bodies, ids := r.got()
	for i := range bodies {
		if bodies[i] != detail || ids[i] != ids[0] {
			t.Errorf("try %d sent %q as %s", i, bodies[i], ids[i])
		}
	}
	if len(bodies) != 3 {
		t.Errorf("%d tries came", len(bodies))
	}
}

func TestWhatFailsForGoodCanBeResent(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	r.status.Store(500)
	f.endpoint("ops", r.url)
	f.start(detail)
	for range 10 {
		f.pass(30 * time.Hour)
		f.retried()
	}
	if d := f.delivery("ops"); d.State != webhooks.Failed || d.Attempts != 10 {
		t.Fatalf("in the end: %+v", d)
	}
	r.status.Store(200)
	resent, err := f.tables.ResendDelivery(t.Context(), "ops", f.delivery("ops").ID, f.Now())
	if err != nil || resent == nil || resent.State != webhooks.Pending {
		t.Fatal(resent, err)
	}
	if got := f.retried(); got != 1 {
		t.Errorf("resent: %d", got)
	}
	if d := f.delivery("ops"); d.State != webhooks.Delivered || d.Attempts != 10+1 || d.Step != 1 {
		t.Errorf("resent: %+v", d)
	}
	if none, err := f.tables.ResendDelivery(t.Context(), "ops", "none", f.Now()); none != nil || err != nil {
		t.Errorf("what is not there was resent: %+v, %v", none, err)
	}
}

func TestAnEndpointThatIsGoneIsDisabled(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	r.status.Store(410)
	f.endpoint("ops", r.url)
	f.start(detail)
	endpoint, err := f.tables.Endpoint(t.Context(), "ops")
	if err != nil || endpoint.Enabled || endpoint.DisabledReason == "" {
		t.Errorf("the endpoint is %+v, %v", endpoint, err)
	}
	if d := f.delivery("ops"); d.State != webhooks.Failed || d.LastStatus != 410 {
		t.Errorf("the delivery is %+v", d)
	}
	if _, err := f.tables.ResendDelivery(t.Context(), "ops", f.delivery("ops").ID, f.Now()); err != nil {
		t.Fatal(err)
	}
	f.retried()
	if d := f.delivery("ops"); d.State != webhooks.Failed || d.LastError != "the endpoint is disabled" {
		t.Errorf("resent to a disabled endpoint: %+v", d)
	}
	if _, err := f.tables.ResendDelivery(t.Context(), "ops", f.delivery("ops").ID, f.Now()); err != nil {
		t.Fatal(err)
	}
	if found, err := f.tables.RemoveEndpoint(t.Context(), "ops"); !found || err != nil {
		t.Fatal(found, err)
	}
	f.retried()
	if d := f.delivery("ops"); d.State != webhooks.Failed || d.LastError != "the endpoint was removed" {
		t.Errorf("resent to a removed endpoint: %+v", d)
	}
	if bodies, _ := r.got(); len(bodies) != 1 {
		t.Errorf("%d tries came", len(bodies))
	}
}

// Two sweeps at once send each delivery once.
func TestSweepsAtTheSameTimeDoNotSendTwice(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	r.status.Store(500)
	f.endpoint("ops", r.url)
	const count = 12
	for i := range count {
		f.start(fmt.Sprintf(`{"id":"acme#%d#balance.low","type":"balance.low","occurred_at":"2026-11-24T10:00:00Z","data":{}}`, i))
	}
	r.status.Store(200)
	f.pass(time.Minute)
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if _, err := f.Retry(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if bodies, _ := r.got(); len(bodies) != 2*count {
		t.Errorf("%d tries came, want %d", len(bodies), 2*count)
	}
}

// A holder that takes too long has lost its claim: what it found out is void,
// and nothing is sent again on its word.
func TestASettlementAfterTheClaimIsVoid(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint("ops", r.url)
	slow := f.Dispatcher
	slow.Send = func(ctx context.Context, e webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result {
		f.pass(lease + time.Second) // its environment was frozen
		if got, err := f.Retry(ctx); err != nil || got != 1 {
			t.Errorf("another takes over: %d, %v", got, err)
		}
		return webhooks.Result{Error: "the endpoint did not answer in time"}
	}
	if _, err := slow.Start(t.Context(), message(t, detail), detail); err != nil {
		t.Fatal(err)
	}
	if d := f.delivery("ops"); d.State != webhooks.Delivered || d.Attempts != 1 {
		t.Errorf("the delivery is %+v", d)
	}
}

// What there is no time for is left to the schedule, and nothing is lost.
func TestOneSlowEndpointLosesNothing(t *testing.T) {
	f := newFixture(t)
	slow, quick := newReceiver(t), newReceiver(t)
	slow.slow = make(chan struct{})
	f.endpoint("a-slow", slow.url)
	f.endpoint("quick", quick.url)
	ctx, cancel := context.WithTimeout(t.Context(), reserve+500*time.Millisecond)
	defer cancel()
	send := f.Send
	f.Send = func(ctx context.Context, e webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		return send(short, e, d, at)
	}
	if _, err := f.Start(ctx, message(t, detail), detail); err != nil {
		t.Fatal(err)
	}
	close(slow.slow)
	if d := f.delivery("quick"); d.State != webhooks.Delivered {
		t.Errorf("quick: %+v", d)
	}
	if d := f.delivery("a-slow"); d.State != webhooks.Pending || d.LastError != "the endpoint did not answer in time" || d.LastStatus != 0 {
		t.Errorf("slow: %+v", d)
	}
	spent, end := context.WithTimeout(t.Context(), reserve/2)
	defer end()
	f.pass(time.Minute)
	if got, err := f.Retry(spent); err != nil || got != 0 {
		t.Errorf("without time: %d, %v", got, err)
	}
	if got := f.retried(); got != 1 {
		t.Errorf("with time: %d", got)
	}
}

// A try that panics is unsettled, and the others of its message are made.
func TestAPanicStaysWithItsDelivery(t *testing.T) {
	f := newFixture(t)
	r := newReceiver(t)
	f.endpoint("broken", r.url)
	f.endpoint("ops", r.url)
	send := f.Send
	f.Send = func(ctx context.Context, e webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result {
		if e.ID == "broken" {
			panic("out of sorts")
		}
		return send(ctx, e, d, at)
	}
	if got := f.start(detail); got != (Started{Deliveries: 2, Unsettled: 1}) {
		t.Errorf("told: %+v", got)
	}
	if d := f.delivery("ops"); d.State != webhooks.Delivered {
		t.Errorf("the other one: %+v", d)
	}
	f.pass(lease + time.Second)
	if _, err := f.Retry(t.Context()); err == nil {
		t.Error("what panics again is settled")
	}
	f.Send = send
	f.pass(lease + time.Second)
	if got := f.retried(); got != 1 {
		t.Errorf("mended: %d", got)
	}
}
