package stripe

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Event is something that has happened, as webhooks report it.
type Event struct {
	ID       string
	Type     string // "invoice.paid"
	ObjectID string // the object's id
	Created  time.Time
	Payload  []byte // the body of its deliveries
	// Delivered: every delivery was answered with success.
	Delivered bool
}

// outbox are the events and their deliveries. It is guarded by the server's mutex.
type outbox struct {
	all     []*Event
	queue   []*Event // to be delivered, in order
	held    []*Event // while holding, what waits for Deliver or Release
	holding bool
	times   int // how often each is delivered, in parallel
	busy    bool
	wake    chan struct{}
}

// emit records an event and queues its delivery. It is called with s.mu held,
// after the change.
func (s *Server) emit(kind string, o object) {
	created := s.now()
	e := &Event{ID: newID("evt"), Type: kind, ObjectID: text(o["id"]), Created: created}
	payload, err := json.Marshal(object{
		"id": e.ID, "object": "event", "type": kind, "api_version": APIVersion, "created": created.Unix(), "livemode": false,
		"pending_webhooks": 1, "request": object{"id": nil, "idempotency_key": nil}, "data": object{"object": o},
	})
	if err != nil {
		s.options.Log.Error("an event cannot be written", "type", kind, "error", err)
		return
	}
	e.Payload = payload
	s.outbox.all = append(s.outbox.all, e)
	if s.outbox.holding {
		s.outbox.held = append(s.outbox.held, e)
		return
	}
	s.enqueue(e)
}

func (s *Server) enqueue(events ...*Event) {
	s.outbox.queue = append(s.outbox.queue, events...)
	select {
	case s.outbox.wake <- struct{}{}:
	default: // it is already awake
	}
}

// Hold keeps back events from now on, for Deliver, Shuffle or Release.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.holding = true
}

// Release ends a Hold: the events kept back are delivered in the order in which
// they happened.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.holding = false
	s.enqueue(s.outbox.held...)
	s.outbox.held = nil
}

// Shuffle delivers the events kept back in an order that depends on the seed. A
// Hold continues.
func (s *Server) Shuffle(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := s.outbox.held
	s.outbox.held = nil
	rand.New(rand.NewPCG(seed, seed)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	s.enqueue(order...)
}

// Duplicate makes each delivery happen that many times, in parallel, from now
// on.
func (s *Server) Duplicate(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.times = max(1, times)
}

// Held returns the events that are kept back.
func (s *Server) Held() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copies(s.outbox.held)
}

// Events returns all events that have happened, in order.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copies(s.outbox.all)
}

func copies(events []*Event) []Event {
	all := make([]Event, 0, len(events))
	for _, e := range events {
		all = append(all, *e)
	}
	return all
}

// Deliver delivers events in the given order, whether kept back or delivered before, and returns when they have
// arrived.
func (s *Server) Deliver(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		e := s.takeEvent(id)
		if e == nil {
			return fmt.Errorf("stripe: no such event: %s", id)
		}
		if err := s.deliver(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// takeEvent finds an event, and removes it from those kept back.
func (s *Server) takeEvent(id string) *Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.outbox.held {
		if e.ID == id {
			s.outbox.held = append(s.outbox.held[:i:i], s.outbox.held[i+1:]...)
			return e
		}
	}
	for _, e := range s.outbox.all {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// Drain waits until nothing is left to deliver except what is kept back.
func (s *Server) Drain(ctx context.Context) error {
	const pause = 2 * time.Millisecond
	for {
		s.mu.Lock()
		idle := len(s.outbox.queue) == 0 && !s.outbox.busy
		s.mu.Unlock()
		if idle {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// deliverAll delivers the queue, one event after the other.
func (s *Server) deliverAll(ctx context.Context) {
	for {
		s.mu.Lock()
		var next *Event
		if len(s.outbox.queue) > 0 {
			next, s.outbox.queue = s.outbox.queue[0], s.outbox.queue[1:]
		}
		s.outbox.busy = next != nil
		s.mu.Unlock()
		if next == nil {
			select {
			case <-ctx.Done():
				return
			case <-s.outbox.wake:
			}
			continue
		}
		if err := s.deliver(ctx, next); err != nil && ctx.Err() == nil {
			s.options.Log.Warn("a webhook was given up", "event", next.ID, "type", next.Type, "error", err)
		}
	}
}

const (
	tries     = 8
	firstWait = 20 * time.Millisecond // doubled each time
)

// deliver sends an event until it is accepted, or the attempts are used up.
func (s *Server) deliver(ctx context.Context, e *Event) error {
	url := ""
	if s.options.WebhookURL != nil {
		url = s.options.WebhookURL()
	}
	if url == "" {
		return nil
	}
	s.mu.Lock()
	times := s.outbox.times
	s.mu.Unlock()
	results := make([]error, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { results[i] = s.sendUntilAccepted(ctx, url, e) })
	}
	all.Wait()
	err := errors.Join(results...)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Delivered = err == nil
	return err
}

func (s *Server) sendUntilAccepted(ctx context.Context, url string, e *Event) error {
	var err error
	for try := range tries {
		if err = s.send(ctx, url, e); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(firstWait << try):
		}
	}
	return err
}

func (s *Server) send(ctx context.Context, url string, e *Event) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.Payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	// Signed with the real time, because the receiver compares it with its own
	// clock.
	request.Header.Set("Stripe-Signature", Sign(e.Payload, s.options.WebhookSecret, s.options.Now()))
	response, err := s.webhooks.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read as far as needed
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxBody))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("stripe: the webhook of %s %s was answered with %s", e.Type, e.ID, response.Status)
	}
	return nil
}

// Sign returns the header Stripe-Signature of a payload sent at that time.
func Sign(payload []byte, secret string, at time.Time) string {
	time := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(time + ".")) // a hash never returns an error
	_, _ = mac.Write(payload)
	return "t=" + time + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
