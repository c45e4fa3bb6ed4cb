// Package eventbustest gives tests an event bus: the one request of EventBridge
// that it needs, answered from memory.
package eventbustest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"drawdown/shared/eventbus"
)

// Said is a message as the bus received it.
type Said struct {
	Bus        string `json:"EventBusName"`
	Source     string `json:"Source"`
	DetailType string `json:"DetailType"`
	Detail     string `json:"Detail"`
}

// Bus is a bus and the messages published on it.
type Bus struct {
	*eventbus.Bus

	mu       sync.Mutex
	said     []Said
	requests int
	refuse   func(Said) bool
	down     bool
}

// New is a silent bus that ends with the test.
func New(t testing.TB) *Bus {
	b := &Bus{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.Bus = eventbus.Open(aws.Config{
		Region:  "local",
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, server.URL, "drawdown")
	return b
}

// Said lists the messages published so far, in order.
func (b *Bus) Said() []Said {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Said(nil), b.said...)
}

// Requests is how many requests came so far.
func (b *Bus) Requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

// Refuse makes the bus reject the messages that it reports true for; nil accepts
// all.
func (b *Bus) Refuse(refuse func(Said) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = refuse
}

// Break makes the bus fail as a whole, or work again.
func (b *Bus) Break(down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = down
}

// ServeHTTP implements http.Handler.
func (b *Bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	type result struct {
		EventID   string `json:"EventId,omitempty"`
		ErrorCode string `json:"ErrorCode,omitempty"`
	}
	var input struct{ Entries []Said }
	var answer struct {
		FailedEntryCount int
		Entries          []result
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutEvents") {
		http.Error(w, `{"__type":"ValidationException"}`, http.StatusBadRequest)
		return
	}
	if b.down {
		w.Header().Set("X-Amzn-ErrorType", "InternalException")
		http.Error(w, `{"__type":"InternalException"}`, http.StatusInternalServerError)
		return
	}
	for _, entry := range input.Entries {
		if b.refuse != nil && b.refuse(entry) {
			answer.FailedEntryCount++
			answer.Entries = append(answer.Entries, result{ErrorCode: "ThrottlingException"})
			continue
		}
		b.said = append(b.said, entry)
		answer.Entries = append(answer.Entries, result{EventID: "e"})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer) // to a caller that has gone
}
