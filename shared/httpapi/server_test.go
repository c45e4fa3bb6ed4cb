package httpapi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/session"
	"drawdown/shared/telemetry"
)

var now = time.Date(2026, 11, 23, 9, 30, 0, 125_000_000, time.UTC)

// keyring is a store of keys that fails where it is told to.
type keyring struct {
	keys map[string]*access.Key
	err  error
}

func (k *keyring) Key(_ context.Context, id string) (*access.Key, error) { return k.keys[id], k.err }

// edge is a server whose operations only note what reached them.
type edge struct {
	t       testing.TB
	ring    *keyring
	server  *httpapi.Server
	debit   httpapi.Command     // the last one
	items   []httpapi.BatchItem // of the last batch
	outcome commit.Outcome      // what a debit or a grant ends with
	onDebit func(httpapi.Command)
}

func newEdge(t testing.TB) *edge {
	e := &edge{t: t, ring: &keyring{keys: map[string]*access.Key{}}}
	entry := madeDebit()
	e.outcome = commit.Outcome{Entry: &entry}
	run := func(_ context.Context, command httpapi.Command) (commit.Outcome, error) {
		e.debit = command
		if e.onDebit != nil {
			e.onDebit(command)
		}
		return e.outcome, e.outcome.Err
	}
	gate := access.NewAuthenticator(e.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now })
	e.server = httpapi.NewServer(gate,
		httpapi.Handle(httpapi.PostDebit, httpapi.DecodeDebit, run, httpapi.EncodeDebit),
		httpapi.Handle(httpapi.PostGrant, httpapi.DecodeGrant, run, httpapi.EncodeGrant),
		httpapi.Handle(httpapi.PostReversal, httpapi.DecodeReversal, run, httpapi.EncodeReversal),
		httpapi.Handle(httpapi.PutAccount, httpapi.DecodeAccount,
			func(context.Context, httpapi.Command) (httpapi.Account, error) { return httpapi.Account{}, nil }, httpapi.EncodeAccount),
		httpapi.Handle(httpapi.PostBatch, httpapi.DecodeBatch,
			func(_ context.Context, items []httpapi.BatchItem) ([]commit.Outcome, error) {
				e.items = items
				outcomes := make([]commit.Outcome, len(items))
				for i, item := range items {
					outcomes[i] = commit.Outcome{Entry: &entry, Err: item.Err}
				}
				return outcomes, nil
			}, httpapi.EncodeBatch),
		httpapi.Handle(httpapi.CurrentRates, httpapi.DecodeNothing,
			func(context.Context, struct{}) (rating.Card, error) { return aCard(), nil }, httpapi.EncodeRateCard),
		httpapi.Handle(httpapi.GetHealth, httpapi.DecodeNothing,
			func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }, httpapi.EncodeHealth),
		httpapi.Handle(httpapi.DeleteAPIKey, httpapi.DecodeKeyID,
			func(_ context.Context, id string) (string, error) { return id, nil }, httpapi.EncodeRevoked),
		httpapi.Handle(httpapi.GetOpenAPI, httpapi.DecodeNothing,
			func(context.Context, struct{}) (string, error) { return httpapi.Document(), nil }, httpapi.EncodeDocument),
	)
	return e
}

// key makes a key and gives its token.
func (e *edge) key(account string, scopes ...access.Scope) string {
	key, token := access.NewKey("test", scopes, account, now)
	e.ring.keys[key.ID] = &key
	return token
}

func aCard() rating.Card {
	return rating.Card{Version: "2026-11", EffectiveAt: now, PublishedAt: now, Rates: []rating.Rate{
		{Item: rating.Item{Node: "ai_reply", Action: "run"}, Label: "AI reply", Unit: "reply", PerUnit: 1_500_000},
	}}
}

func madeDebit() ledger.Entry {
	return ledger.Entry{
		Account: "acme", Operation: "op-1", Seq: 2, CreatedAt: now, Credits: 3 * credit.Credit,
		Change: -3 * credit.Credit, After: ledger.Balance{Available: 997 * credit.Credit},
		Detail: &ledger.Charge{
			Agent: ledger.Agent{ID: "agt", Name: "Agent"}, Channel: "widget", Conversation: "c1", Messages: 1, Run: "r1",
			OccurredAt: now, Day: "2026-11-23", RateCard: "2026-11",
			Lines: []rating.Priced{{
				Line:    rating.Line{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: 2 * credit.Credit},
				PerUnit: 1_500_000, Credits: 3 * credit.Credit,
			}},
			Drawn: []ledger.Draw{{Part: ledger.Part{GrantID: "g1", Credits: 3 * credit.Credit}}},
		},
	}
}

const debitJSON = `{"agent":{"id":"agt"},"channel":"widget","lines":[{"node":"ai_reply","action":"run","quantity":"2"}]}`

// call is one request to an edge.
type call struct {
	route  httpapi.Route
	path   map[string]string
	query  map[string]string
	token  string
	key    string
	body   string
	base64 bool
}

// event is the request as API Gateway sends it in payload format 2.0.
func (c call) event(t testing.TB) []byte {
	t.Helper()
	path := c.route.Path
	for name, value := range c.path {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	headers := map[string]string{"content-type": "application/json", "host": "api.example.com", "x-forwarded-for": "203.0.113.7"}
	if c.token != "" {
		headers["authorization"] = "Bearer " + c.token
	}
	if c.key != "" {
		headers["idempotency-key"] = c.key
	}
	event := map[string]any{
		"version": "2.0", "routeKey": c.route.Key(), "rawPath": path, "rawQueryString": "", "headers": headers,
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "a1b2c3", "domainName": "api.example.com", "domainPrefix": "api",
			"http": map[string]any{
				"method": c.route.Method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "test",
			},
			"requestId": "JKJaXmPLvHcESHA=", "routeKey": c.route.Key(), "stage": "$default",
			"time": "23/Nov/2026:09:30:00 +0000", "timeEpoch": now.UnixMilli(),
		},
		"isBase64Encoded": c.base64,
	}
	if len(c.path) > 0 {
		event["pathParameters"] = c.path
	}
	if len(c.query) > 0 {
		event["queryStringParameters"] = c.query
	}
	if c.body != "" {
		event["body"] = c.body
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// answer is what API Gateway is told to answer.
type answer struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// problem is an answer's problem, "" where it is none.
func (a answer) problem(t testing.TB) httpapi.Problem {
	t.Helper()
	var problem httpapi.Problem
	if a.Headers["Content-Type"] != "application/problem+json" {
		return problem
	}
	if err := json.Unmarshal([]byte(a.Body), &problem); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	return problem
}

// slug is the end of the answer's problem type, "" where it is no problem.
func (a answer) slug(t testing.TB) string {
	t.Helper()
	return strings.TrimPrefix(a.problem(t).Type, "urn:drawdown:problem:")
}

// do sends a call, and holds the answer against the document.
func (e *edge) do(c call) answer {
	e.t.Helper()
	got := e.invoke(c.event(e.t))
	operation := operations(e.t)[c.route.Key()]
	if operation == nil {
		return got
	}
	if err := described(operation, got); err != nil {
		e.t.Errorf("%s answers %d with what the document does not have: %v", c.route.Key(), got.Status, err)
	}
	return got
}

func (e *edge) invoke(payload []byte) answer {
	e.t.Helper()
	out, err := e.server.Invoke(telemetry.Begin(e.t.Context()), payload)
	if err != nil {
		e.t.Fatal(err)
	}
	var got answer
	if err := json.Unmarshal(out, &got); err != nil {
		e.t.Fatalf("%s: %v", out, err)
	}
	return got
}

func TestChecksAreMadeInTheirOrder(t *testing.T) {
	e := newEdge(t)
	stranger := e.key("other", access.Debit)
	reader := e.key("", access.Read)
	runtime := e.key("", access.Debit)
	// The first call is wrong in every way. Each next one mends what was refused.
	c := call{route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, body: strings.Repeat("{", 256<<10+1)}
	for _, step := range []struct {
		mend   func()
		status int
		slug   string
	}{
		{func() {}, 401, "unauthenticated"},
		{func() { c.token = reader + "x" }, 401, "unauthenticated"},
		{func() { c.token = reader }, 403, "forbidden"},
		{func() { c.token = stranger }, 403, "forbidden"},
		{func() { c.token = runtime }, 400, "idempotency-key-missing"},
		{func() { c.key = "two words" }, 422, "invalid-request"},
		{func() { c.key = "op-1" }, 413, "payload-too-large"},
		{func() { c.body = c.body[1:] }, 400, "malformed-json"},
		{func() { c.body = `{"lines":[],"when":1}` }, 422, "invalid-request"},
		{func() { c.body = debitJSON }, 201, ""},
	} {
		step.mend()
		got := e.do(c)
		if got.Status != step.status || got.slug(t) != step.slug {
			t.Fatalf("got %d %s, want %d %s", got.Status, got.Body, step.status, step.slug)
		}
	}
	if e.debit.Account != "acme" || e.debit.Operation != "op-1" {
		t.Errorf("the debit is for %q under %q", e.debit.Account, e.debit.Operation)
	}
}

func TestEveryBadFieldIsNamed(t *testing.T) {
	e := newEdge(t)
	got := e.do(call{
		route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, token: e.key("", access.Debit), key: "k",
		body: `{"agent":{"nick":"x"},"channel":"Web","messages":-1,"lines":[{"node":"a","action":"b","quantity":0}],"when":1}`,
	})
	want := []string{"agent.id", "agent.nick", "channel", "lines[0].quantity", "messages", "when"}
	named := map[string]string{}
	for _, param := range got.problem(t).InvalidParams {
		named[param.Name] = param.Reason
	}
	for _, name := range want {
		if named[name] == "" {
			t.Errorf("%s is not named in %s", name, got.Body)
		}
	}
	if len(named) != len(want) {
		t.Errorf("got %v, want %v", named, want)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	e := newEdge(t)
	debit := call{route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, key: "op-1", body: debitJSON}
	if got := e.do(debit); got.Headers["WWW-Authenticate"] != "Bearer" {
		t.Errorf("401 has the headers %v", got.Headers)
	}
	debit.token = e.key("", access.Debit)
	if got := e.do(debit); got.Status != 201 || got.Headers["Idempotent-Replayed"] != "" || got.Headers["Content-Type"] != "application/json" {
		t.Errorf("a first answer is %d with the headers %v", got.Status, got.Headers)
	}
	e.outcome.Replayed = true
	if got := e.do(debit); got.Status != 200 || got.Headers["Idempotent-Replayed"] != "true" {
		t.Errorf("a replay is %d with the headers %v", got.Status, got.Headers)
	}
	e.outcome = commit.Outcome{Err: fault.New(fault.Contended, "busy")}
	if got := e.do(debit); got.Status != 503 || got.Headers["Retry-After"] != "1" || got.Headers["Cache-Control"] != "no-store" {
		t.Errorf("contention is %d with the headers %v", got.Status, got.Headers)
	}
	revoke := call{route: httpapi.DeleteAPIKey, path: map[string]string{"key_id": "k1"}, token: e.key("", access.Admin)}
	if got := e.do(revoke); got.Status != 204 || got.Body != "" || got.Headers["Content-Type"] != "" {
		t.Errorf("204 is %+v", got)
	}
	if got := e.do(call{route: httpapi.GetOpenAPI}); got.Body != httpapi.Document() || got.Headers["Content-Type"] != "application/yaml" {
		t.Errorf("the document is answered as %s, with %d bytes", got.Headers["Content-Type"], len(got.Body))
	}
}

func TestRefusalSaysWhatIsMissing(t *testing.T) {
	e := newEdge(t)
	e.outcome = commit.Outcome{Err: fault.New(fault.InsufficientCredits, "more").
		With("required", "15").With("available", "2.5").With("shortfall", "12.5")}
	got := e.do(call{
		route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, token: e.key("", access.Debit), key: "k", body: debitJSON,
	})
	want := map[string]string{"required": "15", "available": "2.5", "shortfall": "12.5"}
	if got.Status != 402 || !maps.Equal(got.problem(t).Extra, want) {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestUnknownRouteIsOurMistake(t *testing.T) {
	e := newEdge(t)
	got := e.do(call{route: httpapi.Route{Method: "GET", Path: "/v1/nothing"}, token: e.key("", access.Admin)})
	if got.Status != 500 || got.slug(t) != "internal" || strings.Contains(got.Body, "nothing") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestPanicAndFailureKeepTheirText(t *testing.T) {
	const secret = "drawdown-prod-Wallets"
	e := newEdge(t)
	debit := call{
		route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, token: e.key("", access.Debit), key: "k", body: debitJSON,
	}
	e.onDebit = func(httpapi.Command) { panic(secret) }
	if got := e.do(debit); got.Status != 500 || got.slug(t) != "internal" || strings.Contains(got.Body, secret) {
		t.Errorf("a panic is answered with %d %s", got.Status, got.Body)
	}
	e.onDebit = nil
	e.outcome = commit.Outcome{Err: errors.New(secret)}
	if got := e.do(debit); got.Status != 500 || got.slug(t) != "internal" || strings.Contains(got.Body, secret) {
		t.Errorf("a failure is answered with %d %s", got.Status, got.Body)
	}
	e.ring.err = errors.New(secret)
	debit.token = e.key("", access.Debit)
	if got := e.do(debit); got.Status != 500 || strings.Contains(got.Body, secret) {
		t.Errorf("a gate that fails is answered with %d %s", got.Status, got.Body)
	}
}

func TestIdempotencyKey(t *testing.T) {
	e := newEdge(t)
	token := e.key("", access.Debit)
	long := strings.Repeat("k", 128)
	for header, want := range map[string]string{
		`op-1`:              `op-1`,
		`"op-1"`:            `op-1`,
		` "op-1" `:          `op-1`,
		`"a\"b\\c"`:         `a"b\c`,
		`"a\\"`:             `a\`,
		`a"b`:               `a"b`,
		`"`:                 `"`,
		`SYS#debit#1`:       `SYS#debit#1`,
		`50%`:               `50%`,
		long:                long,
		`"` + long + `"`:    long,
		``:                  "idempotency-key-missing",
		`  `:                "idempotency-key-missing",
		`""`:                "invalid-request",
		`two words`:         "invalid-request",
		`"two words"`:       "invalid-request",
		"na\u00efve":        "invalid-request",
		long + "k":          "invalid-request",
		`"` + long + `k"`:   "invalid-request",
		"tab\tin the midst": "invalid-request",
	} {
		e.debit = httpapi.Command{}
		got := e.do(call{route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, token: token, key: header, body: debitJSON})
		if got.Status == 201 {
			if e.debit.Operation.String() != want || e.debit.Operation.System() {
				t.Errorf("%q is read as %q, want %q", header, e.debit.Operation, want)
			}
			continue
		}
		if got.slug(t) != want {
			t.Errorf("%q is answered with %s, want %s", header, got.slug(t), want)
		}
		if want == "invalid-request" && got.problem(t).InvalidParams[0].Name != "Idempotency-Key" {
			t.Errorf("%q: the header is not named in %s", header, got.Body)
		}
	}
}

func TestAuthorizationHeader(t *testing.T) {
	e := newEdge(t)
	token := e.key("", access.Read)
	for header, want := range map[string]int{
		"Bearer " + token:   200,
		"bearer " + token:   200,
		"Bearer  " + token:  200,
		token:               401,
		"Basic " + token:    401,
		"Bearer":            401,
		"Bearer " + "dk_a_": 401,
	} {
		payload := call{route: httpapi.CurrentRates, token: "placeholder"}.event(t)
		payload = []byte(strings.Replace(string(payload), "Bearer placeholder", header, 1))
		if got := e.invoke(payload); got.Status != want {
			t.Errorf("%q is answered with %d, want %d", header, got.Status, want)
		}
	}
}

func TestBase64Body(t *testing.T) {
	e := newEdge(t)
	c := call{
		route: httpapi.PostDebit, path: map[string]string{"account_id": "acme"}, token: e.key("", access.Debit), key: "k",
		body: base64.StdEncoding.EncodeToString([]byte(debitJSON)), base64: true,
	}
	if got := e.do(c); got.Status != 201 {
		t.Errorf("a base64 body is answered with %d %s", got.Status, got.Body)
	}
	c.body = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 256<<10)))
	if got := e.do(c); got.slug(t) != "malformed-json" {
		t.Errorf("the limit is on what was sent, not on its encoding: %d %s", got.Status, got.Body)
	}
	c.body = "%%%"
	if got := e.do(c); got.slug(t) != "malformed-json" {
		t.Errorf("what cannot be decoded is answered with %d %s", got.Status, got.Body)
	}
}

func TestBoundKeys(t *testing.T) {
	e := newEdge(t)
	runtime := e.key("acme", access.Debit)
	reader := e.key("acme", access.Read)
	bound := e.key("acme", access.Admin) // cannot be made by the API, and still must not reach all accounts
	on := func(account string) map[string]string { return map[string]string{"account_id": account} }
	for _, c := range []struct {
		name string
		call call
		want int
	}{
		{"its own account", call{route: httpapi.PostDebit, path: on("acme"), token: runtime, key: "k", body: debitJSON}, 201},
		{"another account", call{route: httpapi.PostDebit, path: on("globex"), token: runtime, key: "k", body: debitJSON}, 403},
		{"a route about no account", call{route: httpapi.CurrentRates, token: reader}, 200},
		{"another scope", call{route: httpapi.CurrentRates, token: runtime}, 403},
		{"an operator's route", call{route: httpapi.PutAccount, path: on("acme"), token: runtime, body: `{}`}, 403},
		{"an operator's route about all accounts", call{route: httpapi.DeleteAPIKey, path: map[string]string{"key_id": "k1"}, token: bound}, 403},
		{"no key where none is needed", call{route: httpapi.GetHealth}, 200},
	} {
		if got := e.do(c.call); got.Status != c.want {
			t.Errorf("%s: got %d %s, want %d", c.name, got.Status, got.Body, c.want)
		}
	}
}

func TestBatchItemsFailAlone(t *testing.T) {
	e := newEdge(t)
	item := func(account, id string) string {
		return `{"account_id":"` + account + `","operation_id":"` + id + `",` + debitJSON[1:]
	}
	got := e.do(call{route: httpapi.PostBatch, token: e.key("acme", access.Debit), body: `{"debits":[` +
		strings.Join([]string{item("acme", "op-1"), item("globex", "op-1"), item("acme", "two words"), `{"account_id":"acme"}`, `7`}, ",") + `]}`})
	var body struct {
		Results []struct {
			Status  int             `json:"status"`
			Debit   any             `json:"debit"`
			Problem httpapi.Problem `json:"problem"`
		} `json:"results"`
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || got.Status != 200 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	want := []int{201, 403, 422, 422, 422}
	if len(body.Results) != len(want) {
		t.Fatalf("got %s", got.Body)
	}
	for i, result := range body.Results {
		if result.Status != want[i] || (result.Debit == nil) == (result.Status == 201) {
			t.Errorf("item %d: got %+v, want %d", i, result, want[i])
		}
	}
	if params := body.Results[2].Problem.InvalidParams; len(params) != 1 || params[0].Name != "operation_id" {
		t.Errorf("item 2: its fields are named from the item on; got %+v", params)
	}
	for _, bad := range []string{`{}`, `{"debits":[]}`, `{"debits":{}}`, `{"debits":[{}],"more":1}`, `[]`} {
		if got := e.do(call{route: httpapi.PostBatch, token: e.key("", access.Debit), body: bad}); got.Status != 422 {
			t.Errorf("%s is answered with %d", bad, got.Status)
		}
	}
}

func TestDirectInvocationGivesTheResultsOfABatch(t *testing.T) {
	item := `{"account_id":"acme","operation_id":"op-1",` + debitJSON[1:]
	entry := madeDebit()
	for payload, want := range map[string]string{
		item:                        `{"status":201,"debit":{`,
		`{"debits":[` + item + `]}`: `{"results":[{"status":201,"debit":{`,
	} {
		direct, err := httpapi.DecodeDirect([]byte(payload))
		if err != nil || len(direct.Items) != 1 || direct.Items[0].Err != nil || direct.Items[0].Account != "acme" {
			t.Fatalf("%s is read as %+v, %v", payload, direct, err)
		}
		text, err := httpapi.EncodeDirect(direct, []commit.Outcome{{Entry: &entry}})
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s is answered with %s, %v", payload, text, err)
		}
	}
	_, err := httpapi.DecodeDirect([]byte(`{"debits":`))
	text, encodeErr := httpapi.EncodeDirectProblem(err)
	if encodeErr != nil || !strings.HasPrefix(string(text), `{"status":400,"problem":{`) {
		t.Errorf("a cut payload is answered with %s, %v", text, encodeErr)
	}
}

func TestEventThatIsNone(t *testing.T) {
	if _, err := newEdge(t).server.Invoke(t.Context(), []byte(`{"routeKey":7}`)); err == nil {
		t.Error("an event that is not API Gateway's was answered")
	}
}

// vault has one key of sessions.
type vault struct{ key session.Key }

func (v vault) Current(context.Context) (session.Key, error) { return v.key, nil }

func (v vault) Find(_ context.Context, id string) (*session.Key, error) {
	if id != v.key.ID {
		return nil, nil
	}
	return &v.key, nil
}

// A session is let in as a key is: it reads its account, and nothing else.
func TestASessionIsLetInForItsAccount(t *testing.T) {
	e := newEdge(t)
	clock := func() time.Time { return now }
	sessions := session.New(vault{session.Key{ID: "k", Secret: []byte(strings.Repeat("s", session.MinSecret))}}, clock)
	token, err := sessions.Sign(t.Context(), access.Session{Account: "acme", IssuedAt: now, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	ok := func(context.Context, string) (string, error) { return "", nil }
	done := func(string) httpapi.Response { return httpapi.NoContent() }
	e.server = httpapi.NewServer(access.NewAuthenticator(e.ring, sessions, access.Key{ID: "operator"}, clock),
		httpapi.Handle(httpapi.GetBalance, httpapi.DecodeAccountID, ok, done),
		httpapi.Handle(httpapi.GetAccount, httpapi.DecodeAccountID, ok, done),
		httpapi.Handle(httpapi.GetDebit, httpapi.DecodeAccountID, ok, done),
		httpapi.Handle(httpapi.CurrentRates, func(*httpapi.Request) (string, error) { return "", nil }, ok, done),
	)
	for _, c := range []struct {
		name    string
		route   httpapi.Route
		account string
		token   string
		status  int
	}{
		{"its own balance", httpapi.GetBalance, "acme", token, 204},
		{"the prices", httpapi.CurrentRates, "", token, 204},
		{"another account's balance", httpapi.GetBalance, "other", token, 403},
		{"what is the operator's", httpapi.GetAccount, "acme", token, 403},
		{"what is a runtime's", httpapi.GetDebit, "acme", token, 403},
		{"a broken token", httpapi.GetBalance, "acme", token[:len(token)-3], 401},
		{"a token of nobody's", httpapi.GetBalance, "acme", "a.b.c", 401},
	} {
		path := map[string]string{}
		if c.account != "" {
			path["account_id"] = c.account
		}
		got := e.invoke(call{route: c.route, path: path, token: c.token}.event(t))
		if got.Status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, got.Status, got.Body, c.status)
		}
	}
}

func TestASessionIsAskedForWithOrWithoutABody(t *testing.T) {
	e := newEdge(t)
	var asked httpapi.NewSession
	e.server = httpapi.NewServer(access.NewAuthenticator(e.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now }),
		httpapi.Handle(httpapi.PostSession, httpapi.DecodeSession, func(_ context.Context, wanted httpapi.NewSession) (httpapi.IssuedSession, error) {
			asked = wanted
			return httpapi.IssuedSession{Token: "a.b.c", Origin: wanted.Origin, ExpiresAt: now}, nil
		}, httpapi.EncodeSession))
	admin := e.key("", access.Admin)
	for _, c := range []struct {
		body   string
		status int
		ttl    time.Duration
		back   string
	}{
		{"", 201, time.Hour, ""},
		{"{}", 201, time.Hour, ""},
		{`{"ttl_seconds":60,"return_url":"https://app.example.com/a?b=c"}`, 201, time.Minute, "https://app.example.com/a?b=c"},
		{`{"ttl_seconds":59}`, 422, 0, ""},
		{`{"ttl_seconds":3601}`, 422, 0, ""},
		{`{"return_url":"javascript:alert(1)"}`, 422, 0, ""},
		{`{"return_url":"/account"}`, 422, 0, ""},
		{`{"return_url":"https://user:pw@example.com"}`, 422, 0, ""},
		{`{"account_id":"acme"}`, 422, 0, ""},
		{`[]`, 422, 0, ""},
		{`{`, 400, 0, ""},
	} {
		asked = httpapi.NewSession{}
		got := e.do(call{route: httpapi.PostSession, path: map[string]string{"account_id": "acme"}, token: admin, body: c.body})
		if got.Status != c.status || asked.TTL != c.ttl || asked.ReturnURL != c.back {
			t.Errorf("%q: %d %s, asked for %+v", c.body, got.Status, got.Body, asked)
		}
		if c.status == 201 && !strings.Contains(got.Body, asked.Origin+"/usage#a.b.c") {
			t.Errorf("%q: the link is not the page's: %s", c.body, got.Body)
		}
	}
}
