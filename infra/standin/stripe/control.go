package stripe

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"time"
)

// addControl serves the methods that tests call, as JSON over HTTP. It accepts only JSON, so that no page of another
// origin can send a form to it.
func (s *Server) addControl(mux *http.ServeMux) {
	mux.HandleFunc("GET /_control/events", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, eventList(s.Events())) })
	mux.HandleFunc("GET /_control/held", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, eventList(s.Held())) })
	mux.HandleFunc("GET /_control/objects", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.overview()) })
	control(mux, "hold", func(*http.Request, struct{}) (any, error) { s.Hold(); return nil, nil })
	control(mux, "release", func(*http.Request, struct{}) (any, error) { s.Release(); return nil, nil })
	control(mux, "shuffle", func(_ *http.Request, in struct {
		Seed uint64 `json:"seed"`
	}) (any, error) {
		s.Shuffle(in.Seed)
		return nil, nil
	})
	control(mux, "deliver", func(r *http.Request, in struct {
		IDs []string `json:"ids"`
	}) (any, error) {
		return nil, s.Deliver(r.Context(), in.IDs...)
	})
	control(mux, "duplicate", func(_ *http.Request, in struct {
		Times int `json:"times"`
	}) (any, error) {
		s.Duplicate(in.Times)
		return nil, nil
	})
	control(mux, "advance", func(_ *http.Request, in struct {
		By string `json:"by"` // "720h"
	}) (any, error) {
		by, err := time.ParseDuration(in.By)
		if err != nil {
			return nil, err
		}
		s.Advance(by)
		return object{"now": s.Now()}, nil
	})
	control(mux, "fail", func(_ *http.Request, in struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Times  int    `json:"times"`
		After  bool   `json:"after"`
		Status int    `json:"status"`
	}) (any, error) {
		s.Fail(Fault{Method: in.Method, Path: in.Path, Times: in.Times, After: in.After, Status: in.Status})
		return nil, nil
	})
	control(mux, "lag", func(_ *http.Request, in struct {
		List string `json:"list"`
		By   string `json:"by"` // "10s"
	}) (any, error) {
		by, err := time.ParseDuration(in.By)
		if err != nil {
			return nil, err
		}
		s.Lag(in.List, by)
		return nil, nil
	})
	control(mux, "heal", func(*http.Request, struct{}) (any, error) { s.Heal(); return nil, nil })
	s.addPaymentControl(mux)
}

func (s *Server) addPaymentControl(mux *http.ServeMux) {
	control(mux, "pay", func(_ *http.Request, in struct {
		Session string `json:"session"`
		Card    Card   `json:"card"`
		Save    bool   `json:"save"`
	}) (any, error) {
		url, err := s.Pay(in.Session, in.Card, in.Save)
		return object{"success_url": url}, err
	})
	control(mux, "card", func(_ *http.Request, in struct {
		Customer string `json:"customer"`
		Card     Card   `json:"card"` // empty: none
	}) (any, error) {
		return nil, s.SetCard(in.Customer, in.Card)
	})
	control(mux, "settle", func(_ *http.Request, in struct {
		Payment string `json:"payment_intent"`
		Succeed bool   `json:"succeed"`
	}) (any, error) {
		return nil, s.Settle(in.Payment, in.Succeed)
	})
	control(mux, "refund", func(_ *http.Request, in struct {
		Payment string `json:"payment_intent"`
		Amount  int64  `json:"amount"` // 0: what is left
	}) (any, error) {
		id, err := s.Refund(in.Payment, in.Amount)
		return object{"refund": id}, err
	})
	control(mux, "fail_refund", func(_ *http.Request, in struct {
		Refund string `json:"refund"`
	}) (any, error) {
		return nil, s.FailRefund(in.Refund)
	})
	control(mux, "dispute", func(_ *http.Request, in struct {
		Payment string `json:"payment_intent"`
		Amount  int64  `json:"amount"` // 0: all of it
		Inquiry bool   `json:"inquiry"`
	}) (any, error) {
		id, err := s.OpenDispute(in.Payment, in.Amount, in.Inquiry)
		return object{"dispute": id}, err
	})
	control(mux, "close", func(_ *http.Request, in struct {
		Dispute string `json:"dispute"`
		Won     bool   `json:"won"`
	}) (any, error) {
		return nil, s.CloseDispute(in.Dispute, in.Won)
	})
}

// control adds POST /_control/<name>. It refuses a request with 400 and the
// reason.
func control[T any](mux *http.ServeMux, name string, do func(r *http.Request, in T) (any, error)) {
	mux.HandleFunc("POST /_control/"+name, func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			http.Error(w, "send JSON, with its Content-Type", http.StatusUnsupportedMediaType)
			return
		}
		var in T
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			http.Error(w, fmt.Sprintf("the body cannot be read: %v", err), http.StatusBadRequest)
			return
		}
		out, err := do(r, in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if out == nil {
			out = object{}
		}
		writeJSON(w, out)
	})
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the caller is gone
}

func eventList(events []Event) []object {
	all := make([]object, 0, len(events))
	for _, e := range events {
		all = append(all, object{"id": e.ID, "type": e.Type, "object": e.ObjectID, "created": e.Created, "delivered": e.Delivered})
	}
	return all
}

// overview returns all payments, checkouts and subscriptions, the newest first.
func (s *Server) overview() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	payments, checkouts, subscriptions := []object{}, []object{}, []object{}
	for _, p := range s.intents.newest() {
		payments = append(payments, s.renderIntent(p))
	}
	for _, c := range s.sessions.newest() {
		checkouts = append(checkouts, s.renderSession(c))
	}
	for _, sub := range s.subscriptions.newest() {
		subscriptions = append(subscriptions, s.renderSubscription(sub))
	}
	return object{"payments": payments, "checkouts": checkouts, "subscriptions": subscriptions, "now": s.now()}
}
