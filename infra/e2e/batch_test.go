package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"drawdown/events"
	"drawdown/shared/httpapi"
)

// item is a debit of a batch.
func item(account, key string, of body) body {
	return of.with("account_id", account).with("operation_id", key)
}

func batch(items ...body) request {
	return request{route: httpapi.PostBatch, body: body{"debits": items}}
}

// outcomes are the results of a batch, each decoded.
func outcomes(t *testing.T, of results) []result {
	t.Helper()
	all := make([]result, len(of.Results))
	for i, raw := range of.Results {
		if err := json.Unmarshal(raw, &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// summary says how each item of a batch went, such as "201 200r 402:insufficient-credits".
func summary(all []result) string {
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = fmt.Sprint(r.Status)
		if r.Replayed {
			words[i] += "r"
		}
		if r.Problem != nil {
			words[i] += ":" + strings.TrimPrefix(r.Problem.Type, "urn:drawdown:problem:")
		}
	}
	return strings.Join(words, " ")
}

func (r result) debited(t *testing.T) debited {
	t.Helper()
	var d debited
	if err := json.Unmarshal(r.Debit, &d); err != nil {
		t.Fatalf("%v: %s", err, r.Debit)
	}
	return d
}

func TestBatchesAnswerItemByItem(t *testing.T) {
	t.Parallel()
	one, two := openFunded(t, 10*credit), openFunded(t, 3*credit)
	suspended := openFunded(t, credit)
	r := request{route: httpapi.PutAccount, path: []string{suspended}, body: settings().with("status", "suspended")}
	read[accountBody](t, admin(t).call(r), http.StatusOK)
	before := admin(t).call(debit(one, "before", use("unit", credit)))

	sent := batch(
		item(one, "a", use("unit", 2*credit)),
		item(two, "a", use("unit", 2*credit)),
		item(one, "before", use("unit", credit)),
		item(one, "a", use("unit", 2*credit)), // the same again
		item(two, "b", use("unit", 2*credit)), // refused in the middle
		item(one, "a", use("unit", credit)),   // the same id with other content
		item(two, "c", use("unit", credit)),   // what is left suffices for this
		item(one, "b", use("no_such", credit)),
		item("no.such", "a", use("unit", credit)),
		item(suspended, "a", use("unit", credit)),
		item(one, "not an id", use("unit", 0)).with("extra", 1),
		item(one, "d", use("unit", 7*credit)),
	)
	got := outcomes(t, read[results](t, admin(t).call(sent), http.StatusOK))
	equal(t, "the results", summary(got), "201 201 200r 200r 402:insufficient-credits 422:idempotency-key-reused 201 "+
		"422:rate-not-found 404:account-not-found 403:account-suspended 422:invalid-request 201")
	equal(t, "the replay of an earlier debit", string(got[2].Debit), string(before.Body))
	equal(t, "the replay within the batch", string(got[3].Debit), string(got[0].Debit))
	equal(t, "shortfall", got[4].Problem.Shortfall, credit)
	equal(t, "the bad fields", fmt.Sprint(got[10].Problem.names()), "[extra lines[0].quantity operation_id]")
	for i, want := range map[int]debited{0: {AccountID: one, Seq: 4}, 1: {AccountID: two, Seq: 3}, 6: {AccountID: two, Seq: 4}, 11: {AccountID: one, Seq: 5}} {
		d := got[i].debited(t)
		if d.AccountID != want.AccountID || d.Seq != want.Seq {
			t.Errorf("result %d is of %s, seq %d; want %s, %d", i, d.AccountID, d.Seq, want.AccountID, want.Seq)
		}
	}
	equal(t, "entries of the first account", len(entriesOf(t, one)), 5)
	equal(t, "entries of the second account", len(entriesOf(t, two)), 4)
	equal(t, "what the first account has left", walletOf(t, one).Available, 0)
	equal(t, "what the second account has left", walletOf(t, two).Available, 0)

	// What was refused may succeed when the whole batch is sent again; what was accepted is replayed.
	addGrant(t, two, body{"amount": "2", "source": "purchase"})
	again := outcomes(t, read[results](t, admin(t).call(sent), http.StatusOK))
	equal(t, "the results", summary(again), "200r 200r 200r 200r 201 422:idempotency-key-reused 200r "+
		"422:rate-not-found 404:account-not-found 403:account-suspended 422:invalid-request 200r")
	for _, i := range []int{0, 1, 2, 3, 6, 11} {
		equal(t, fmt.Sprintf("result %d again", i), string(again[i].Debit), string(got[i].Debit))
	}
	// And each may be retried alone.
	alone := admin(t).call(debit(two, "b", use("unit", 2*credit)))
	equal(t, "the replay alone", string(alone.Body), string(again[4].Debit))
}

func TestABatchOfAHundredDebitsOfOneAccount(t *testing.T) {
	t.Parallel()
	const debits = 100
	account := openFunded(t, debits*credit)
	var items []body
	for i := range debits {
		items = append(items, item(account, fmt.Sprintf("d-%d", i), use("unit", credit)))
	}
	first := read[results](t, admin(t).call(batch(items...)), http.StatusOK)
	for i, r := range outcomes(t, first) {
		d := r.debited(t)
		if r.Status != http.StatusCreated || d.Seq != int64(i)+3 || d.OperationID != fmt.Sprintf("d-%d", i) || d.Balance.Available != credits(debits-1-i)*credit {
			t.Errorf("result %d is %d %s", i, r.Status, r.Debit)
		}
	}
	equal(t, "entries", len(entriesOf(t, account)), 2+debits)

	again := outcomes(t, read[results](t, admin(t).call(batch(items...)), http.StatusOK))
	for i, r := range outcomes(t, first) {
		if again[i].Status != http.StatusOK || !again[i].Replayed || string(again[i].Debit) != string(r.Debit) {
			t.Errorf("result %d is repeated as %d %s", i, again[i].Status, again[i].Debit)
		}
	}
	equal(t, "entries", len(entriesOf(t, account)), 2+debits)

	invalid(t, admin(t).call(batch()), "debits")
	invalid(t, admin(t).call(batch(append(items, item(account, "d-100", use("unit", credit)))...)), "debits")
	invalid(t, admin(t).call(request{route: httpapi.PostBatch, body: body{"debits": items, "atomic": true}}), "atomic")
	equal(t, "what is left", walletOf(t, account).Available, 0)
}

func TestABoundKeyDebitsItsOwnAccountOnlyInABatch(t *testing.T) {
	t.Parallel()
	mine, other := openFunded(t, 10*credit), openFunded(t, 10*credit)
	bound := client{t, issueKey(t, mine, "debit").Key}
	got := outcomes(t, read[results](t, bound.call(batch(
		item(mine, "a", use("unit", credit)), item(other, "a", use("unit", credit)), item("no.such", "a", use("unit", credit)),
		item(mine, "b", use("unit", credit)),
	)), http.StatusOK))
	equal(t, "the results", summary(got), "201 403:forbidden 403:forbidden 201")
	equal(t, "what the other account has", walletOf(t, other).Available, 10*credit)
	equal(t, "entries", len(entriesOf(t, mine)), 4)
}

// A batch is one write of the wallet, and each of its debits may cross a
// threshold: the operator is notified of every one, once, though the last debit
// crosses none.
func TestEveryThresholdThatABatchCrossesIsTold(t *testing.T) {
	t.Parallel()
	server := newReceiver(t)
	register(t, server.URL, events.BalanceLow, events.BalanceDepleted, events.OverageStarted, events.OverageLimitReached)
	account := openAccount(t, settings().with("low_balance_threshold", "5").with("overage", body{"policy": "bill", "limit": "2"}))
	addGrant(t, account, body{"amount": "10", "source": "promo"})
	var items []body
	for i, amount := range []credits{4, 2, 4, 1, 1} { // from seq 3 on
		items = append(items, item(account, fmt.Sprintf("d-%d", i), use("unit", amount*credit)))
	}
	items = append(items, item(account, "last", use("free", credit)))
	for i, r := range outcomes(t, read[results](t, admin(t).call(batch(items...)), http.StatusOK)) {
		if d := r.debited(t); r.Status != http.StatusCreated || d.Seq != int64(i)+3 {
			t.Fatalf("result %d is %d %s", i, r.Status, r.Debit)
		}
	}
	want := []string{
		events.ID(account, 4, events.BalanceLow), events.ID(account, 5, events.BalanceDepleted),
		events.ID(account, 6, events.OverageStarted), events.ID(account, 7, events.OverageLimitReached),
	}
	ids := func() []string {
		server.mu.Lock()
		defer server.mu.Unlock()
		var got []string
		for _, h := range server.kept[account] {
			got = append(got, h.message(t).ID)
		}
		slices.Sort(got)
		return got
	}
	await(t, "the webhooks", func() (bool, any) { got := ids(); return len(got) >= len(want), got })
	if got := ids(); !slices.Equal(got, want) {
		t.Errorf("the webhooks are %q, want %q", got, want)
	}
	said := map[string]bool{}
	for _, e := range platform.Events() {
		var m events.Message
		if e.Source == events.Source && json.Unmarshal(e.Detail, &m) == nil && m.AccountID == account && !events.Type(e.DetailType).Internal() {
			said[m.ID] = true
		}
	}
	if got := slices.Sorted(maps.Keys(said)); !slices.Equal(got, want) {
		t.Errorf("the bus has %q, want %q", got, want)
	}
}

// invoke calls the debit function directly, as an agent runtime with the AWS SDK does, and is the payload it answers.
func invoke(t *testing.T, payload any) string {
	t.Helper()
	text, failure := invokeFunction(t, httpapi.FunctionDebit, payload)
	if failure != "" {
		t.Fatalf("the function failed: %s: %s", failure, text)
	}
	return text
}

// invokeFunction calls a function directly. It tells the payload and, if the function failed, how. It must be called
// from the test's own goroutine.
func invokeFunction(t *testing.T, function string, payload any) (text, failure string) {
	t.Helper()
	sdk := lambda.New(lambda.Options{
		Region: region, BaseEndpoint: aws.String(platform.InvokeURL()), Credentials: aws.CredentialsProviderFunc(anyCredentials),
	})
	text, isText := payload.(string)
	if !isText {
		text = asJSON(t, payload)
	}
	name := ""
	for _, each := range platform.FunctionNames() {
		if strings.HasSuffix(each, "-"+function) {
			name = each
		}
	}
	output, err := sdk.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return string(output.Payload), aws.ToString(output.FunctionError)
}

const region = "eu-central-1"

// anyCredentials are what the services of this machine ask for: some.
func anyCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
}

func TestADirectCallIsTheSameAsHTTP(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	of := use("unit", 2*credit).with("messages", 1).with("conversation_id", "c1").with("run_id", "r1")
	viaHTTP := func(items ...body) []json.RawMessage {
		t.Helper()
		return read[results](t, admin(t).call(batch(items...)), http.StatusOK).Results
	}
	resultOf := func(text string) result {
		t.Helper()
		var r result
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return r
	}

	// Debited by HTTP, replayed by a direct call.
	first := admin(t).call(debit(account, "http", of))
	read[debited](t, first, http.StatusCreated)
	replay := invoke(t, item(account, "http", of))
	equal(t, "the replay", summary([]result{resultOf(replay)}), "200r")
	equal(t, "the replayed debit", string(resultOf(replay).Debit), string(first.Body))
	equal(t, "the result by HTTP", string(viaHTTP(item(account, "http", of))[0]), replay)

	// Debited by a direct call, replayed by HTTP.
	direct := resultOf(invoke(t, item(account, "direct", of)))
	equal(t, "a direct debit", summary([]result{direct}), "201")
	again := admin(t).call(debit(account, "direct", of))
	equal(t, "the replay by HTTP", fmt.Sprint(again.Status, again.replayed()), "200 true")
	equal(t, "the debit replayed by HTTP", string(again.Body), string(direct.Debit))

	// A whole batch, with refusals of every kind.
	items := []body{
		item(account, "http", of), item(account, "big", use("unit", 7*credit)), item(account, "http", use("unit", credit)),
		item("no.such", "a", of), item(account, "a", use("no_such", credit)), item(account, "", body{"lines": []body{}}),
	}
	var asBatch results
	if err := json.Unmarshal([]byte(invoke(t, body{"debits": items})), &asBatch); err != nil {
		t.Fatal(err)
	}
	equal(t, "the results", summary(outcomes(t, asBatch)),
		"200r 402:insufficient-credits 422:idempotency-key-reused 404:account-not-found 422:rate-not-found 422:invalid-request")
	byHTTP := viaHTTP(items...)
	for i, raw := range asBatch.Results {
		equal(t, fmt.Sprintf("result %d by HTTP", i), string(byHTTP[i]), string(raw))
		equal(t, fmt.Sprintf("result %d alone", i), invoke(t, items[i]), string(raw))
	}
	refusal := admin(t).call(debit(account, "big", use("unit", 7*credit)))
	equal(t, "the problem by HTTP", `{"status":402,"problem":`+string(refusal.Body)+"}", string(asBatch.Results[1]))

	// What cannot be read at all.
	for payload, want := range map[string]string{
		"[]": "422:invalid-request", "7": "422:invalid-request", `{"debits":[]}`: "422:invalid-request", "{}": "422:invalid-request",
		`{"debits":{}}`: "422:invalid-request", `{"a":1,"a":2}`: "400:malformed-json",
	} {
		equal(t, "the result of "+payload, summary([]result{resultOf(invoke(t, payload))}), want)
	}
	equal(t, "entries", len(entriesOf(t, account)), 4)
}
