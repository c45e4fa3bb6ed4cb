// Package gateway serves an HTTP API of Amazon API Gateway whose routes are Lambda proxy integrations with payload
// format 2.0.
//
// Where the documentation is silent it does what has been observed of the service: the path is decoded before a route
// is sought (so that %2F separates segments), rawPath is the decoded path and rawQueryString the one as sent, and a
// body is passed as text only for text/* and the JSON, XML and JavaScript types of application, without their
// suffixed relatives and without forms.
package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"drawdown/infra/emulator/function"
)

const (
	// BodyLimit bounds the body of a request, in bytes.
	BodyLimit = 10 << 20
	// TimeoutLimit is the longest that an integration may take, and the default.
	TimeoutLimit = 30 * time.Second
)

// Integration is the target of a route.
type Integration struct {
	Invoke  func(function.Invocation) function.Result
	Timeout time.Duration
}

// API is an HTTP API with its $default stage.
type API struct {
	ID             string
	AccountID      string
	StageVariables map[string]string
	routes         []route
}

// Route adds a route by its key, "GET /path/{name}" or "$default".
func (a *API) Route(key string, to Integration) error {
	r, err := parseRoute(key)
	if err != nil {
		return err
	}
	r.integration = to
	a.routes = append(a.routes, r)
	return nil
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := newRequestID()
	w.Header().Set("apigw-requestid", requestID)
	match, ok := findRoute(a.routes, r.Method, r.URL.Path)
	if !ok {
		answer(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, BodyLimit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		answer(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	} else if err != nil {
		answer(w, http.StatusBadRequest, "Bad Request")
		return
	}
	traceID := r.Header.Get("X-Amzn-Trace-Id")
	if traceID == "" {
		traceID = function.NewTraceID()
	}
	payload := a.event(r, body, match, requestID, traceID)
	if len(payload) > function.PayloadLimit {
		answer(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	result, ok := call(match.route.integration, function.Invocation{Payload: payload, TraceID: traceID})
	switch {
	case !ok:
		answer(w, http.StatusServiceUnavailable, "Service Unavailable")
	case result.FunctionError != "":
		answer(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		respond(w, result.Payload)
	}
}

// call invokes the function and waits up to the integration's timeout. The function is not notified of a timeout: it
// runs to its end, as in Lambda.
func call(to Integration, in function.Invocation) (function.Result, bool) {
	results := make(chan function.Result, 1)
	go func() { results <- to.Invoke(in) }()
	timer := time.NewTimer(to.Timeout)
	defer timer.Stop()
	select {
	case result := <-results:
		return result, true
	case <-timer.C:
		return function.Result{}, false
	}
}

// answer writes one of the gateway's own answers.
func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`) // the caller may be gone
}

func newRequestID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.TrimRight(base64.URLEncoding.EncodeToString(b[:]), "=") + "="
}
