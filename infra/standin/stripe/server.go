// Package stripe is a small Stripe: a server in memory with the part of Stripe's API that the platform uses, the pages
// that a buyer sees, and webhooks. No money moves.
//
// It is written from Stripe's documentation, in the shape of one API version, and shares no code with the adapter that
// it is used to test. It refuses by name what it does not support: an endpoint, a parameter, a value. Nothing is
// ignored.
//
// Its clock can be moved forward (Advance), its webhooks held back, duplicated and reordered (Hold, Deliver, Duplicate,
// Shuffle), its answers made to fail or get lost (Fail), its lists made to lag (Lag). Tests use these methods; other
// programs use JSON under /_control/.
package stripe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// APIVersion is the version of the API served here. A request that names another is refused.
const APIVersion = "2026-03-25.dahlia"

// Options are the settings of a server.
type Options struct {
	Addr          string        // to listen on; empty: any free port of 127.0.0.1
	WebhookURL    func() string // where events are sent; nil or an empty answer: nowhere
	WebhookSecret string        // that they are signed with
	Key           string        // that requests must have
	Now           func() time.Time
	Behind        time.Duration // how far the server's clock is behind at first, so that Advance can create a history
	Log           *slog.Logger  // nil: silent
}

// Server is the stand-in. Its methods may be called at any time.
type Server struct {
	options  Options
	url      string
	http     *http.Server
	webhooks *http.Client
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu     sync.Mutex
	clock  clock
	faults []*Fault
	lags   map[string]time.Duration // by the list's path
	first  map[string]firstAnswer   // by idempotency key

	products      table[product]
	prices        table[price]
	customers     table[customer]
	methods       table[method]
	sessions      table[session]
	portals       table[portal]
	intents       table[intent]
	charges       table[charge]
	refunds       table[refund]
	disputes      table[dispute]
	invoices      table[invoice]
	payments      table[invoicePayment]
	subscriptions table[subscription]

	outbox outbox
}

// New starts a server.
func New(options Options) (*Server, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", options.Addr)
	if err != nil {
		return nil, fmt.Errorf("stripe: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		options: options, url: "http://" + listener.Addr().String(), stop: stop,
		webhooks: &http.Client{Timeout: 30 * time.Second},
		first:    map[string]firstAnswer{}, lags: map[string]time.Duration{}, clock: clock{real: options.Now, ahead: -options.Behind},
	}
	s.outbox = outbox{wake: make(chan struct{}, 1), times: 1}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	s.done.Go(func() { _ = s.http.Serve(listener) }) // Close ends it
	s.done.Go(func() { s.deliverAll(ctx) })
	s.done.Go(func() { s.tick(ctx) })
	return s, nil
}

// URL returns the server's root, without a trailing slash.
func (s *Server) URL() string { return s.url }

// Close stops the server and its deliveries.
func (s *Server) Close() {
	s.stop()
	_ = s.http.Close() // nobody to report it to
	s.done.Wait()
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range endpoints() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serveAPI(w, r, handle) })
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.serveAPI(w, r, func(*Server, *call) (object, error) {
			return nil, &failure{status: http.StatusNotFound, kind: invalidRequest,
				message: fmt.Sprintf("Unrecognized request URL (%s: %s).", r.Method, r.URL.Path)}
		})
	})
	s.addPages(mux)
	s.addControl(mux)
	return mux
}

// endpoint answers a request to the API. It is called with s.mu held, and changes nothing if it fails, except for what
// a declined card leaves.
type endpoint func(s *Server, c *call) (object, error)

func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"POST /v1/products":                    (*Server).createProduct,
		"GET /v1/products/{id}":                retrieve("product"),
		"POST /v1/products/{id}":               (*Server).updateProduct,
		"POST /v1/prices":                      (*Server).createPrice,
		"GET /v1/prices":                       (*Server).listPrices,
		"GET /v1/prices/{id}":                  retrieve("price"),
		"POST /v1/customers":                   (*Server).createCustomer,
		"GET /v1/customers/{id}":               retrieve("customer"),
		"POST /v1/customers/{id}":              (*Server).updateCustomer,
		"GET /v1/payment_methods":              (*Server).listMethods,
		"POST /v1/checkout/sessions":           (*Server).createSession,
		"GET /v1/checkout/sessions/{id}":       retrieve("checkout.session"),
		"POST /v1/billing_portal/sessions":     (*Server).createPortal,
		"POST /v1/payment_intents":             (*Server).createIntent,
		"GET /v1/payment_intents":              (*Server).listIntents,
		"GET /v1/payment_intents/{id}":         retrieve("payment_intent"),
		"POST /v1/payment_intents/{id}/cancel": (*Server).cancelIntent,
		"GET /v1/charges/{id}":                 retrieve("charge"),
		"POST /v1/refunds":                     (*Server).createRefund,
		"GET /v1/refunds/{id}":                 retrieve("refund"),
		"GET /v1/disputes":                     (*Server).listDisputes,
		"GET /v1/disputes/{id}":                retrieve("dispute"),
		"POST /v1/invoices":                    (*Server).createInvoice,
		"GET /v1/invoices":                     (*Server).listInvoices,
		"GET /v1/invoices/{id}":                retrieve("invoice"),
		"POST /v1/invoices/{id}/finalize":      (*Server).finalizeInvoice,
		"POST /v1/invoices/{id}/pay":           (*Server).payInvoice,
		"POST /v1/invoiceitems":                (*Server).createInvoiceItem,
		"GET /v1/invoice_payments":             (*Server).listInvoicePayments,
		"GET /v1/subscriptions":                (*Server).listSubscriptions,
		"GET /v1/subscriptions/{id}":           retrieve("subscription"),
		"POST /v1/subscriptions/{id}":          (*Server).updateSubscription,
		"DELETE /v1/subscriptions/{id}":        (*Server).cancelSubscription,
	}
}

// maxBody bounds a request, in bytes.
const maxBody = 1 << 20

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, handle endpoint) {
	w.Header().Set("Request-Id", newID("req"))
	w.Header().Set("Stripe-Version", APIVersion)
	body, form, err := s.read(w, r)
	if err != nil {
		writeAnswer(w, answerOf(nil, err))
		return
	}
	fault := s.takeFault(r)
	if fault != nil && !fault.After {
		fault.answer(w)
		return
	}
	reply, replayed := s.run(r, body, form, handle)
	if fault != nil {
		fault.answer(w)
		return
	}
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	writeAnswer(w, reply)
}

// read checks what every request must have, and reads its parameters.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, *form, error) {
	key, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer {
		key, _, _ = r.BasicAuth()
	}
	if key == "" || key != s.options.Key {
		return nil, nil, &failure{status: http.StatusUnauthorized, kind: invalidRequest, message: "Invalid API Key provided."}
	}
	if version := r.Header.Get("Stripe-Version"); version != "" && version != APIVersion {
		return nil, nil, refuse("Stripe-Version", "Invalid Stripe API version: %s; only %s is spoken here.", version, APIVersion)
	}
	text := []byte(r.URL.RawQuery)
	if r.Method == http.MethodPost {
		if r.URL.RawQuery != "" {
			return nil, nil, refuse("", "Parameters of a POST belong into its body.")
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			return nil, nil, refuse("", "The request cannot be read: %v.", err)
		}
		text = b.Bytes()
		if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); len(text) > 0 && kind != "application/x-www-form-urlencoded" {
			return nil, nil, refuse("", "Requests are form-encoded, and not %s.", kind)
		}
	}
	form, err := parseForm(string(text))
	return text, form, err
}

// firstAnswer is the first answer for an idempotency key.
type firstAnswer struct {
	request string // method, path and body
	reply   answer
	at      time.Time
}

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

// run runs a request once for its idempotency key. As at Stripe, an answer is kept once the request was carried out,
// including a declined card and a payment's state that does not allow it; a request that is refused as invalid leaves
// the key free.
func (s *Server) run(r *http.Request, body []byte, form *form, handle endpoint) (reply answer, replayed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost {
		key = ""
	}
	request := r.Method + " " + r.URL.Path + "\n" + string(body)
	if key != "" {
		const longest = 255
		if len(key) > longest {
			return answerOf(nil, refuse("", "Idempotency keys have at most %d characters.", longest)), false
		}
		known, ok := s.first[key]
		switch {
		case !ok || s.now().Sub(known.at) >= keyLife:
		case known.request != request:
			return answerOf(nil, &failure{status: http.StatusBadRequest, kind: "idempotency_error", message: fmt.Sprintf(
				"Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.", key)}), false
		default:
			return known.reply, true
		}
	}
	result, err := handle(s, &call{id: r.PathValue("id"), form: form, key: key})
	if err == nil {
		err = s.expandAll(result, form)
	}
	reply = answerOf(result, err)
	var refused *failure
	carriedOut := err == nil || errors.As(err, &refused) && (refused.status == http.StatusPaymentRequired || refused.intent != nil)
	if key != "" && carriedOut {
		s.first[key] = firstAnswer{request, reply, s.now()}
	}
	return reply, false
}

// call is a request to an endpoint.
type call struct {
	id   string // in the path
	form *form
	key  string
}

// object is a JSON object.
type object = map[string]any

type answer struct {
	status int
	body   []byte
}

func answerOf(result object, err error) answer {
	status := http.StatusOK
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			f = &failure{status: http.StatusInternalServerError, kind: "api_error", message: err.Error()}
		}
		status, result = f.status, object{"error": f.render()}
	}
	body, err := json.Marshal(result)
	if err != nil {
		return answer{http.StatusInternalServerError, []byte(`{"error":{"type":"api_error"}}`)}
	}
	return answer{status, body}
}

func writeAnswer(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller is gone
}

// newID returns a new object's id, hard to guess because it gives access to
// pages.
func newID(prefix string) string {
	const length = 24
	return prefix + "_" + rand.Text()[:length]
}
