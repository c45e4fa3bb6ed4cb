package stripetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/stripepay"
)

const (
	secretKey     = "sk_test_local"
	webhookSecret = "whsec_local"
)

// mockVar names stripe-mock's binary, which knows Stripe's own description of its API.
const mockVar = "STRIPE_MOCK"

var mockURL string

func TestMain(m *testing.M) {
	stop, err := startMock()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	stop()
	os.Exit(status)
}

func startMock() (stop func(), err error) {
	binary := os.Getenv(mockVar)
	if binary == "" {
		return nil, fmt.Errorf("%s names no stripe-mock: run the tests by make test, or make stripe-mock and set it", mockVar)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary, "-http-addr", "127.0.0.1:0")
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("stripe-mock does not start, make stripe-mock builds it: %w", err)
	}
	stop = func() { cancel(); _ = command.Wait() } // it was killed
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			mockURL = "http://" + strings.TrimSpace(address)
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("stripe-mock says no address that it listens on")
}

type keys struct{ secret string }

func (k *keys) Keys(context.Context) (secretKey, webhookSecret string, err error) {
	return k.secret, "", nil
}

// bench is a stand-in with the adapter in front of it. What the adapter asks of the stand-in is asked of stripe-mock too,
// so that a request of a form that Stripe does not know fails the test.
type bench struct {
	t      *testing.T
	server *stripe.Server
	pay    *stripepay.Processor
	keys   *keys
	url    string // where the adapter asks
	hook   string // where webhooks go to
	wishes int
	before func(*http.Request) // what a request waits for; nil: nothing
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, keys: &keys{secretKey}}
	server, err := stripe.New(stripe.Options{Key: secretKey, WebhookSecret: webhookSecret, WebhookURL: func() string { return b.hook }})
	check(t, err)
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(b.pass))
	t.Cleanup(proxy.Close)
	b.server, b.url = server, proxy.URL
	b.pay = stripepay.Open(stripepay.Options{Keys: b.keys, URL: b.url, Now: server.Now, Deployment: "test"})
	return b
}

// pass asks stripe-mock first, and then the stand-in.
func (b *bench) pass(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var mocked []byte
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.Header.Get("Authorization") == "Bearer "+secretKey {
		status, said, err := ask(r, mockURL, body)
		mocked = said.body
		if err != nil || status >= 400 {
			b.t.Errorf("stripe-mock refuses %s %s %s: %d %s %v", r.Method, r.URL, body, status, said.body, err)
		}
	}
	if b.before != nil {
		b.before(r)
	}
	status, said, err := ask(r, b.server.URL(), body)
	if err != nil {
		panic(http.ErrAbortHandler) // as the stand-in has broken its connection
	}
	if status == http.StatusOK {
		b.compare(r, said.body, mocked)
	}
	for name, values := range said.header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(said.body)
}

// compare fails the test where the stand-in's answer has a member that Stripe's has not, or one of another kind.
func (b *bench) compare(r *http.Request, ours, mocked []byte) {
	var mine, theirs any
	if json.Unmarshal(ours, &mine) != nil || json.Unmarshal(mocked, &theirs) != nil {
		b.t.Errorf("%s %s: an answer is no JSON", r.Method, r.URL)
		return
	}
	for _, what := range strange("", mine, theirs) {
		if optional.MatchString(what) {
			continue
		}
		b.t.Errorf("%s %s is answered in a shape that Stripe's has not: %s", r.Method, r.URL.Path, what)
	}
}

// optional are members that Stripe's description has, and stripe-mock leaves out of its answers; and an object that it does
// not expand where its id stood in the request.
var optional = regexp.MustCompile(`\.last_payment_error\.(code|decline_code|message)$|\.payment\.payment_intent$|^\.failure_reason$|\.pricing\.price_details$|^\.customer is an object`)

func strange(where string, mine, theirs any) []string {
	if mine == nil || theirs == nil {
		return nil
	}
	var found []string
	switch m := mine.(type) {
	case map[string]any:
		t, ok := theirs.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is an object, and there %v", where, theirs)}
		}
		for name, value := range m {
			other, known := t[name]
			switch {
			case name == "metadata":
			case !known:
				found = append(found, where+"."+name)
			default:
				found = append(found, strange(where+"."+name, value, other)...)
			}
		}
	case []any:
		t, ok := theirs.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is a list, and there %v", where, theirs)}
		}
		if len(m) > 0 && len(t) > 0 {
			return strange(where+"[]", m[0], t[0])
		}
	default:
		if fmt.Sprintf("%T", mine) != fmt.Sprintf("%T", theirs) {
			found = append(found, fmt.Sprintf("%s is %v, and there %v", where, mine, theirs))
		}
	}
	return found
}

type reply struct {
	header http.Header
	body   []byte
}

func ask(r *http.Request, to string, body []byte) (int, reply, error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, reply{}, err
	}
	request.Header = r.Header.Clone()
	// The transport repeats a request that a connection broke under, if that has an idempotency key; here each counts.
	request.GetBody = nil
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	response.Header.Del("Content-Length")
	return response.StatusCode, reply{response.Header, said}, err
}

func (b *bench) key() string { b.wishes++; return fmt.Sprint("wish-", b.wishes) }

func (b *bench) now() time.Time { return b.server.Now() }

// call makes a request to the stand-in by hand.
func (b *bench) call(method, target, form string, headers ...string) (int, map[string]any, http.Header) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL()+target, strings.NewReader(form))
	check(b.t, err)
	request.Header.Set("Authorization", "Bearer "+secretKey)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	check(b.t, err)
	defer func() { _ = response.Body.Close() }()
	var out map[string]any
	check(b.t, json.NewDecoder(response.Body).Decode(&out))
	return response.StatusCode, out, response.Header
}

func (b *bench) object(target string) map[string]any {
	b.t.Helper()
	status, out, _ := b.call("GET", target, "")
	if status != 200 {
		b.t.Fatalf("GET %s: %d %v", target, status, out)
	}
	return out
}

func (b *bench) invoices(customer string) []string {
	b.t.Helper()
	var ids []string
	for _, o := range as[[]any](b.t, b.object("/v1/invoices?customer=" + customer)["data"]) {
		ids = append(ids, as[string](b.t, as[map[string]any](b.t, o)["id"]))
	}
	return ids
}

func (b *bench) lastInvoice(customer string) string { return b.invoices(customer)[0] }

func (b *bench) get(url string) (int, string) {
	b.t.Helper()
	return b.page("GET", url, "")
}

func (b *bench) post(url, form string) (int, string) {
	b.t.Helper()
	return b.page("POST", url, form)
}

func (b *bench) page(method, url, form string) (int, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, url, strings.NewReader(form))
	check(b.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	check(b.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	check(b.t, err)
	return response.StatusCode, response.Header.Get("Location") + string(text)
}

func (b *bench) count(kind string) int {
	n := 0
	for _, e := range b.server.Events() {
		if e.Type == kind {
			n++
		}
	}
	return n
}

func (b *bench) hasEvent(kind string) {
	b.t.Helper()
	if b.count(kind) == 0 {
		b.t.Errorf("no event %s", kind)
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}

// as is a member of an answer, of the kind that it must have.
func as[T any](t *testing.T, value any) T {
	t.Helper()
	typed, ok := value.(T)
	if !ok {
		t.Fatalf("%v is of another kind", value)
	}
	return typed
}
