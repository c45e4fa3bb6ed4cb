package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// callLimit bounds one call; the gateway gives up after 30 s.
const callLimit = 40 * time.Second

var transport = &http.Client{
	Timeout:   callLimit,
	Transport: noticing{&http.Transport{MaxIdleConns: 128, MaxIdleConnsPerHost: 128}},
}

// client calls the platform with a key, and reports to a test every answer that breaks the contract.
type client struct {
	t   *testing.T
	key string // empty: none is sent
}

func admin(t *testing.T) client { return client{t, adminKey} }

// request is one call of a route.
type request struct {
	route  httpapi.Route
	path   []string // the values of the path's parameters, in their order
	query  url.Values
	key    string // the Idempotency-Key header as sent; empty: none
	body   any    // raw if it is a string; nil: none
	header http.Header
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   []byte
	route  httpapi.Route
}

// replayed says whether the answer is marked as the first one again.
func (a answer) replayed() bool { return a.Header.Get("Idempotent-Replayed") == "true" }

// failed says whether the platform, rather than the request, is to blame.
func (a answer) failed() bool { return a.Status == 0 || a.Status >= http.StatusInternalServerError }

func (a answer) String() string { return fmt.Sprintf("%s: %d %s", a.route.Key(), a.Status, a.Body) }

// call sends a request once. It must be called from the test's own goroutine.
func (c client) call(r request) answer {
	c.t.Helper()
	a, err := c.try(c.t.Context(), r)
	if err != nil {
		c.t.Fatalf("%s: %v", r.route.Key(), err)
	}
	return a
}

// try sends a request once. It fails if there is no answer at all.
func (c client) try(ctx context.Context, r request) (answer, error) {
	c.t.Helper()
	sent, body, err := r.build(ctx, c.key)
	if err != nil {
		return answer{}, err
	}
	response, err := transport.Do(sent)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or the call has failed
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{response.StatusCode, response.Header, received, r.route}
	if a.Status/100 == 2 {
		answered.add(r.route.Key())
	}
	if err := contract.check(r.route, sent, body, a); err != nil {
		c.t.Errorf("the OpenAPI document does not allow this: %v\n%s", err, a)
	}
	return a, nil
}

// insist sends a request, as a good caller does, until the platform has not failed, and says how often it had.
func (c client) insist(ctx context.Context, r request) (a answer, failures int, err error) {
	c.t.Helper()
	for {
		a, err = c.try(ctx, r)
		if err == nil && !a.failed() {
			return a, failures, nil
		}
		failures++
		select {
		case <-ctx.Done():
			return a, failures, fmt.Errorf("still no answer after %d tries, the last: %s: %w", failures, a, ctx.Err())
		case <-time.After(5*time.Millisecond + rand.N(20*time.Millisecond)):
		}
	}
}

func (r request) build(ctx context.Context, key string) (*http.Request, []byte, error) {
	var body []byte
	switch given := r.body.(type) {
	case nil:
	case string:
		body = []byte(given)
	default:
		var err error
		if body, err = json.Marshal(given); err != nil {
			return nil, nil, err
		}
	}
	target := platform.URL() + r.url()
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	sent, err := http.NewRequestWithContext(ctx, r.route.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		sent.Header.Set("Authorization", "Bearer "+key)
	}
	if r.key != "" {
		sent.Header.Set("Idempotency-Key", r.key)
	}
	for name, values := range r.header {
		sent.Header[name] = values
	}
	return sent, body, nil
}

// url is the route's path with the parameters' values in their places.
func (r request) url() string {
	values := slices.Clone(r.path)
	segments := strings.Split(r.route.Path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = url.PathEscape(values[0])
			values = values[1:]
		}
	}
	return strings.Join(segments, "/")
}

// read is the answer's body, if the status is the one that is wanted.
func read[T any](t *testing.T, a answer, status int) T {
	t.Helper()
	var body T
	if a.Status != status {
		t.Fatalf("want status %d, got %s", status, a)
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	return body
}

// refused is the problem that an answer tells, if it is the one that is wanted.
func refused(t *testing.T, a answer, status int, slug string) problem {
	t.Helper()
	told := read[problem](t, a, status)
	if told.Type != "urn:drawdown:problem:"+slug || told.Status != status || told.Title == "" || told.Detail == "" {
		t.Fatalf("want the problem %s with status %d, got %s", slug, status, a)
	}
	if kind := a.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the content type of a problem is %q", kind)
	}
	return told
}

// invalid asserts that a request is refused for just these parameters.
func invalid(t *testing.T, a answer, names ...string) {
	t.Helper()
	told := refused(t, a, http.StatusUnprocessableEntity, "invalid-request")
	got := told.names()
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("the invalid parameters are %q, want %q", got, names)
	}
	for _, p := range told.InvalidParams {
		if p.Reason == "" {
			t.Errorf("no reason is given for %q", p.Name)
		}
	}
}
