package e2e

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/jsonschema/v6"

	"drawdown/events"
	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

// hook is one delivery as an operator's server has got it.
type hook struct {
	header http.Header
	body   []byte
	answer int
}

func (h hook) message(t *testing.T) events.Message {
	t.Helper()
	var m events.Message
	if err := json.Unmarshal(h.body, &m); err != nil {
		t.Fatalf("%v: %s", err, h.body)
	}
	return m
}

// signedBy tells whether a delivery is signed with a secret, by the scheme of Standard Webhooks.
func (h hook) signedBy(t *testing.T, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret %q is none of Standard Webhooks: %v", secret, err)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", h.header.Get("webhook-id"), h.header.Get("webhook-timestamp"), h.body)
	return slices.Contains(strings.Fields(h.header.Get("webhook-signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// receiver is an operator's server, of which one account's news are kept.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	kept  map[string][]hook // by account
	fails map[string]int    // how often news of a type fail first
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{kept: map[string][]hook{}, fails: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		text, err := io.ReadAll(got.Body)
		var about struct {
			AccountID string `json:"account_id"`
			Type      string `json:"type"`
		}
		if err != nil || json.Unmarshal(text, &about) != nil {
			t.Errorf("a webhook cannot be read: %v: %s", err, text)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		answer := http.StatusOK
		if of := about.AccountID + about.Type; r.fails[of] > 0 {
			r.fails[of]--
			answer = http.StatusInternalServerError
		}
		r.kept[about.AccountID] = append(r.kept[about.AccountID], hook{got.Header, text, answer})
		w.WriteHeader(answer)
	}))
	t.Cleanup(r.Close)
	// Whoever knows the address of such a server may speak to it: it is a secret of the operator's.
	token := rand.Text()
	secrets.Note(addressToken, token)
	r.URL += "/" + token
	return r
}

func (r *receiver) fail(account string, kind events.Type, times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails[account+string(kind)] = times
}

// of are the deliveries of an account's news of a type, in the order in which they came.
func (r *receiver) of(t *testing.T, account string, kind events.Type) []hook {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.kept[account]), func(h hook) bool { return h.message(t).Type != kind })
}

func (r *receiver) await(t *testing.T, account string, kind events.Type, count int) []hook {
	t.Helper()
	var got []hook
	await(t, fmt.Sprintf("%d deliveries of %s", count, kind), func() (bool, any) {
		got = r.of(t, account, kind)
		return len(got) >= count, len(got)
	})
	return got
}

// register makes an endpoint that is removed with the test.
func register(t *testing.T, url string, kinds ...events.Type) endpointBody {
	t.Helper()
	id := strings.ToLower(rand.Text())
	wanted := body{"url": url}
	if len(kinds) > 0 {
		wanted["events"] = kinds
	}
	made := read[endpointBody](t, admin(t).call(endpointRequest(httpapi.PutEndpoint, id, wanted)), http.StatusCreated)
	t.Cleanup(func() { // the test's own context has ended
		sent, _, err := endpointRequest(httpapi.DeleteEndpoint, id, nil).build(context.Background(), adminKey)
		if err != nil {
			t.Error(err)
			return
		}
		response, err := transport.Do(sent)
		if err != nil {
			t.Error(err)
			return
		}
		_ = response.Body.Close() // nothing is read from it: the test may have removed it
	})
	return made
}

func endpointRequest(route httpapi.Route, id string, with any) request {
	r := request{route: route, path: []string{id}}
	if with != nil {
		r.body = with
	}
	return r
}

func deliveries(t *testing.T, endpoint string, is func(deliveryBody) bool) []deliveryBody {
	t.Helper()
	all := pages[deliveryBody](t, admin(t), endpointRequest(httpapi.ListDeliveries, endpoint, nil), 100)
	return slices.DeleteFunc(all, func(d deliveryBody) bool { return !is(d) })
}

// everyday lets an account do what its operator is told of, and is its buyer.
func everyday(t *testing.T) *buyer {
	t.Helper()
	onSale(t)
	b := &buyer{account: openAccount(t, settings().with("low_balance_threshold", "50"))}
	b.buysPack(t, smallPack)
	spend(t, b.account, credit)
	spend(t, b.account, 59*credit) // below the threshold of low balance
	b.setsRefill(t, refillTerms(45*credit, room))
	b.holds(t, "after a refill", 140*credit, 0)
	b.subscribes(t, basicPlan)
	read[urlBody](t, admin(t).call(checkout(b.account, rand.Text(), planWish(plusPlan))), http.StatusCreated)
	b.awaitEntries(t, "the change of plan", 1, isType(typePlanChange))
	return b
}

// everydayNews are the news that everyday brings about, once each.
var everydayNews = []events.Type{
	events.PurchaseCompleted, events.BalanceLow, events.RefillSucceeded, events.PeriodRenewed, events.PlanChanged,
}

func TestMoneyOperatorsAreToldOfIt(t *testing.T) {
	t.Parallel()
	server := newReceiver(t)
	all := register(t, server.URL+"/all?of=it", everydayNews...)
	b := everyday(t)
	for _, kind := range everydayNews {
		got := server.await(t, b.account, kind, 1)[0]
		message := got.message(t)
		if !got.signedBy(t, all.Secret) {
			t.Errorf("%s is signed %q, and not with the endpoint's secret", message.ID, got.header.Get("webhook-signature"))
		}
		sent, err := strconv.ParseInt(got.header.Get("webhook-timestamp"), 10, 64)
		if age := time.Since(time.Unix(sent, 0)); err != nil || age < -time.Second || age > time.Minute {
			t.Errorf("%s was signed at %v, %v", message.ID, age, err)
		}
		equal(t, "the content type", got.header.Get("Content-Type"), "application/json")
		checkSchema(t, kind, got.body)
	}
	server.mu.Lock()
	ids := map[string]bool{}
	for _, got := range server.kept[b.account] {
		if id := got.header.Get("webhook-id"); ids[id] || id == "" {
			t.Errorf("%q was delivered twice, or has no id: %s", id, got.body)
		}
		ids[got.header.Get("webhook-id")] = true
	}
	server.mu.Unlock()
	equal(t, "deliveries of the account", len(ids), len(everydayNews))
	b.settled(t)
}

func TestMoneyWhatAnOperatorDidNotTakeComesAgain(t *testing.T) {
	t.Parallel()
	server := newReceiver(t)
	endpoint := register(t, server.URL, events.PurchaseCompleted)
	b := openBuyer(t)
	server.fail(b.account, events.PurchaseCompleted, 1)
	b.buysPack(t, smallPack)
	first := server.await(t, b.account, events.PurchaseCompleted, 1)[0]
	mine := func(d deliveryBody) bool { return d.EventID == first.message(t).ID }
	var pending deliveryBody
	await(t, "a delivery that waits", func() (bool, any) {
		found := deliveries(t, endpoint.ID, mine)
		if len(found) == 1 {
			pending = found[0]
		}
		return pending.Attempts == 1, found
	})
	if pending.State != "pending" || pending.LastStatus == nil || *pending.LastStatus != http.StatusInternalServerError ||
		pending.NextAttemptAt == nil || pending.NextAttemptAt.After(time.Now().Add(7*time.Second)) {
		t.Errorf("after one try that failed it is %s", asJSON(t, pending))
	}
	fire(t, retryWebhooks, 1)
	time.Sleep(time.Until(*pending.NextAttemptAt))
	await(t, "a delivery that was taken", func() (bool, any) {
		fire(t, retryWebhooks, 2)
		time.Sleep(200 * time.Millisecond)
		found := deliveries(t, endpoint.ID, mine)
		return found[0].State == "delivered", found
	})
	second := server.of(t, b.account, events.PurchaseCompleted)[1]
	equal(t, "the id at the second try", second.header.Get("webhook-id"), first.header.Get("webhook-id"))
	equal(t, "the body at the second try", string(second.body), string(first.body))

	again := request{route: httpapi.ResendDelivery, path: []string{endpoint.ID, pending.ID}}
	read[deliveryBody](t, admin(t).call(again), http.StatusAccepted)
	await(t, "a delivery that was asked for again", func() (bool, any) {
		fire(t, retryWebhooks, 1)
		time.Sleep(100 * time.Millisecond)
		got := server.of(t, b.account, events.PurchaseCompleted)
		return len(got) >= 3, len(got)
	})
	third := server.of(t, b.account, events.PurchaseCompleted)[2]
	if !third.signedBy(t, endpoint.Secret) || !bytes.Equal(third.body, first.body) || third.header.Get("webhook-id") != first.header.Get("webhook-id") {
		t.Errorf("asked for again it is %s with %v", third.body, third.header)
	}
	time.Sleep(300 * time.Millisecond)
	equal(t, "deliveries in all", len(server.of(t, b.account, events.PurchaseCompleted)), 3)
	unknown := request{route: httpapi.ResendDelivery, path: []string{endpoint.ID, "0-none"}}
	refused(t, admin(t).call(unknown), http.StatusNotFound, "delivery-not-found")
}

func TestMoneyEndpointsAreKeptRotatedAndRemoved(t *testing.T) {
	t.Parallel()
	server := newReceiver(t)
	made := register(t, server.URL, events.PurchaseCompleted)
	call := func(route httpapi.Route, with any) answer {
		return admin(t).call(endpointRequest(route, made.ID, with))
	}
	shown := read[endpointBody](t, call(httpapi.GetEndpoint, nil), http.StatusOK)
	if shown.Secret != "" || shown.URL != server.URL || !shown.Enabled || !slices.Equal(*shown.Events, []string{"purchase.completed"}) {
		t.Errorf("the endpoint is %s", asJSON(t, shown))
	}
	same := body{"url": server.URL, "events": []events.Type{events.PurchaseCompleted}}
	equal(t, "the same again", asJSON(t, read[endpointBody](t, call(httpapi.PutEndpoint, same), http.StatusOK)), asJSON(t, shown))
	listed := pages[endpointBody](t, admin(t), request{route: httpapi.ListEndpoints}, 2)
	if !slices.ContainsFunc(listed, func(e endpointBody) bool { return asJSON(t, e) == asJSON(t, shown) }) {
		t.Errorf("the list lacks the endpoint: %s", asJSON(t, listed))
	}
	invalid(t, call(httpapi.PutEndpoint, body{"url": "http://example.com/", "events": []string{"no.such"}, "enabled": 1, "more": 2}), "enabled", "events[0]", "more", "url")
	invalid(t, call(httpapi.PutEndpoint, body{}), "url")

	rotated := read[endpointBody](t, call(httpapi.RotateEndpoint, nil), http.StatusOK)
	if rotated.Secret == made.Secret || rotated.PreviousUntil == nil || rotated.PreviousUntil.Before(time.Now().Add(23*time.Hour)) {
		t.Errorf("rotated it is %s", asJSON(t, rotated))
	}
	b := openBuyer(t)
	b.buysPack(t, smallPack)
	got := server.await(t, b.account, events.PurchaseCompleted, 1)[0]
	if !got.signedBy(t, made.Secret) || !got.signedBy(t, rotated.Secret) {
		t.Errorf("after the rotation it is signed %q, and not with both secrets", got.header.Get("webhook-signature"))
	}

	equal(t, "the status of a removal", call(httpapi.DeleteEndpoint, nil).Status, http.StatusNoContent)
	for _, route := range []httpapi.Route{httpapi.GetEndpoint, httpapi.DeleteEndpoint, httpapi.RotateEndpoint} {
		refused(t, call(route, nil), http.StatusNotFound, "webhook-endpoint-not-found")
	}
	b.buysPack(t, smallPack)
	time.Sleep(500 * time.Millisecond)
	equal(t, "deliveries after the removal", len(server.of(t, b.account, events.PurchaseCompleted)), 1)
}

// saidFor are the alerts of entries by what is said on the bus for them.
var saidFor = map[string]events.Type{
	"low_balance": events.BalanceLow, "depleted": events.BalanceDepleted, "overage_started": events.OverageStarted,
	"overage_limit": events.OverageLimitReached, "purchase_completed": events.PurchaseCompleted, "plan_changed": events.PlanChanged,
	"period_renewed": events.PeriodRenewed, "refill_succeeded": events.RefillSucceeded, "refill_failed": events.RefillFailed,
}

func TestMoneyIsSaidOnTheBusOnceForWhatItLeaves(t *testing.T) {
	t.Parallel()
	b := everyday(t)
	must(t, processor.SetCard(b.customer, stripe.CardDeclinedLater))
	rest := walletOf(t, b.account).Available
	spend(t, b.account, rest-credit)
	b.awaitRefill(t, phaseBackoff)
	spend(t, b.account, credit)
	want := map[string]bool{}
	for _, e := range b.entries(t) {
		for _, alert := range e.Alerts {
			kind, known := saidFor[alert]
			if !known {
				t.Fatalf("saidFor lacks the alert %q", alert)
			}
			want[events.ID(b.account, e.Seq, kind)] = true
		}
	}
	for _, kind := range append(slices.Clone(everydayNews), events.RefillFailed, events.BalanceDepleted) {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(id string) bool { return strings.HasSuffix(id, "#"+string(kind)) }) {
			t.Errorf("no entry has brought about %s: %v", kind, want)
		}
	}
	said := map[string]string{}
	await(t, "all of it on the bus", func() (bool, any) {
		for _, e := range platform.Events() {
			var m events.Message
			if e.Source != events.Source || events.Type(e.DetailType).Internal() || json.Unmarshal(e.Detail, &m) != nil || m.AccountID != b.account {
				continue
			}
			if before, twice := said[m.ID]; twice && before != string(e.Detail) {
				t.Errorf("%s was said in two ways:\n%s\n%s", m.ID, before, e.Detail)
			}
			said[m.ID] = string(e.Detail)
		}
		return len(said) >= len(want), said
	})
	for id, text := range said {
		if !want[id] {
			t.Errorf("this was said, and no entry has brought it about: %s", text)
		}
		_, kind, _ := strings.Cut(strings.TrimPrefix(id, b.account+"#"), "#")
		checkSchema(t, events.Type(kind), []byte(text))
	}
	equal(t, "messages", len(said), len(want))
	b.settled(t)
}

// checkSchema sees that a message is as its schema says.
func checkSchema(t *testing.T, kind events.Type, text []byte) {
	t.Helper()
	schema, err := events.Schema(kind)
	must(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	must(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	must(t, compiler.AddResource("schema.json", document))
	compiled, err := compiler.Compile("schema.json")
	must(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	must(t, err)
	if err := compiled.Validate(value); err != nil {
		t.Errorf("the schema of %s does not allow %s: %v", kind, text, err)
	}
}
