package stripe

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	invalidRequest = "invalid_request_error"
	cardError      = "card_error"
)

// failure is an error as Stripe returns it.
type failure struct {
	status      int
	kind        string
	code        string
	declineCode string
	param       string
	message     string
	intent      object // that was declined
}

func (f *failure) Error() string { return f.kind + ": " + f.message }

func (f *failure) render() object {
	o := object{"type": f.kind, "message": f.message}
	for name, value := range map[string]string{"code": f.code, "decline_code": f.declineCode, "param": f.param} {
		if value != "" {
			o[name] = value
		}
	}
	if f.intent != nil {
		o["payment_intent"] = f.intent
	}
	return o
}

// refuse returns the failure for an invalid parameter.
func refuse(param, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, kind: invalidRequest, param: param, message: fmt.Sprintf(format, args...)}
}

func missing(kind, id string) *failure {
	return &failure{
		status: http.StatusNotFound, kind: invalidRequest, code: "resource_missing", param: "id",
		message: fmt.Sprintf("No such %s: '%s'", kind, id),
	}
}

// Fault changes what happens to the next requests to the API.
type Fault struct {
	Method string // empty: any
	Path   string // how the path begins; empty: any
	Times  int    // how many requests; 0: one
	After  bool   // the request is carried out, and its answer lost; otherwise nothing happens
	Status int    // of the answer; 0: the connection breaks
}

// Fail makes coming requests fail.
func (s *Server) Fail(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault.Times = max(1, fault.Times)
	s.faults = append(s.faults, &fault)
}

// Lag makes a list, such as /v1/invoices, lag by a duration: newer objects are not listed yet, though they are found by
// id. Stripe's own lists may lag by seconds.
func (s *Server) Lag(list string, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lags[list] = by
}

// Heal ends all faults and lags.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	clear(s.lags)
}

func (s *Server) takeFault(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 && (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Path) {
			f.Times--
			return f
		}
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	}
	kind := "api_error"
	if f.Status < http.StatusInternalServerError {
		kind = invalidRequest
	}
	writeAnswer(w, answerOf(nil, &failure{status: f.Status, kind: kind, message: "This failure was asked for."}))
}
