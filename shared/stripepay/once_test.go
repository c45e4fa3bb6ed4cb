package stripepay_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"drawdown/shared/billing"
	"drawdown/shared/money"
	"drawdown/shared/stripepay"
)

// change is a request that makes or changes something at Stripe.
type change struct{ request, key string }

// recorder answers as a Stripe whose lists are empty, and notes each request that changes something.
type recorder struct {
	without string // a path that is answered as if there were nothing
	changes []change
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	path := request.URL.Path
	if request.Method != http.MethodGet {
		r.changes = append(r.changes, change{request.Method + " " + path, request.Header.Get("Idempotency-Key")})
	} else if r.without != "" && strings.HasPrefix(path, r.without) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","code":"resource_missing","message":"None"}}`)) // as below
		return
	}
	_, _ = w.Write([]byte(answerTo(request.Method, path))) // checked by the client
}

func answerTo(method, path string) string {
	const item = `{"id":"si_1","price":{"id":"price_0","recurring":{"interval":"month","interval_count":1}}}`
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	switch {
	case method == http.MethodGet && len(parts) == 1:
		return `{"object":"list","data":[],"has_more":false}`
	case parts[0] == "customers":
		return `{"id":"cus_1","object":"customer","invoice_settings":{"default_payment_method":{"id":"pm_1","type":"card"}}}`
	case parts[0] == "subscriptions":
		return `{"id":"sub_1","object":"subscription","status":"active","metadata":{"account_id":"a"},"items":{"data":[` + item + `]}}`
	case parts[0] == "prices":
		return `{"id":"price_1","object":"price","recurring":{"interval":"month","interval_count":1}}`
	case parts[0] == "invoices":
		return `{"id":"in_1","object":"invoice","status":"draft"}`
	case parts[0] == "payment_intents":
		return `{"id":"pi_1","object":"payment_intent","status":"succeeded","currency":"usd"}`
	}
	return `{"id":"x_1","object":"x","url":"https://a.example/"}`
}

// operation is a call of the adapter that changes something at Stripe.
type operation struct {
	sdk     []string // the SDK's methods that do so, each once
	request []string // their requests
	keys    []bool   // whether each carries a key of ours
	// ids are what distinguishes this call from others: a different value makes a
	// different key.
	ids     []string
	do      func(p *stripepay.Processor, t *testing.T, ids []string) error
	without string // see recorder
}

// unkeyed lists the requests without a key of ours, each with the reason why making it twice does no harm.
var unkeyed = map[string]string{
	"POST /v1/products/drawdown_plan_p":    "a name may be given again, and the same update twice is harmless",
	"POST /v1/customers/cus_1":             "a name may be given again, and the same update twice is harmless",
	"POST /v1/payment_intents/pi_1/cancel": "to cancel twice is harmless, and a remembered refusal would outlive its cause",
	"POST /v1/billing_portal/sessions":     "each visit is a page of its own, and changes nothing",
}

func operations() []operation {
	usd := func(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }
	return []operation{
		{
			sdk: []string{"V1Products.Create", "V1Products.Update"}, request: []string{"POST /v1/products", "POST /v1/products/drawdown_plan_p"}, keys: []bool{true, false},
			ids: []string{"Name", "description"}, without: "/v1/products/",
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.EnsureProduct(t.Context(), "plan", "p", ids[0], ids[1])
				return err
			},
		},
		{
			sdk: []string{"V1Prices.Create"}, request: []string{"POST /v1/prices"}, keys: []bool{true},
			ids: []string{"drawdown_plan_p", "month", "usd"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.EnsurePrice(t.Context(), ids[0], money.Money{Minor: 100, Currency: ids[2]}, billing.Interval(ids[1]))
				return err
			},
		},
		{
			sdk: []string{"V1Customers.Create", "V1Customers.Update"}, request: []string{"POST /v1/customers", "POST /v1/customers/cus_1"}, keys: []bool{true, false},
			ids: []string{"acme"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.EnsureCustomer(t.Context(), ids[0], "Ada")
				return err
			},
		},
		{
			sdk: []string{"V1CheckoutSessions.Create"}, request: []string{"POST /v1/checkout/sessions"}, keys: []bool{true},
			ids: []string{"acme", "wish"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.PackCheckout(t.Context(), billing.PackCheckout{Account: ids[0], Key: ids[1], Customer: "cus_1", Pack: billing.Pack{ID: "p", PriceID: "price_1"}})
				return err
			},
		},
		{ // the same request as above, for a plan
			request: []string{"POST /v1/checkout/sessions"}, keys: []bool{true},
			ids: []string{"acme", "other wish"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.PlanCheckout(t.Context(), billing.PlanCheckout{Account: ids[0], Key: ids[1], Customer: "cus_1", Plan: billing.Plan{ID: "p", PriceID: "price_1"}})
				return err
			},
		},
		{
			sdk: []string{"V1BillingPortalSessions.Create"}, request: []string{"POST /v1/billing_portal/sessions"}, keys: []bool{false},
			do: func(p *stripepay.Processor, t *testing.T, _ []string) error {
				_, err := p.Portal(t.Context(), "cus_1", "https://a.example/")
				return err
			},
		},
		{
			sdk: []string{"V1PaymentIntents.Cancel"}, request: []string{"POST /v1/payment_intents/pi_1/cancel"}, keys: []bool{false},
			do: func(p *stripepay.Processor, t *testing.T, _ []string) error {
				_, err := p.CancelPayment(t.Context(), "pi_1")
				return err
			},
		},
		{
			sdk: []string{"V1PaymentIntents.Create"}, request: []string{"POST /v1/payment_intents"}, keys: []bool{true},
			ids: []string{"rf_acme_1"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.ChargeRefill(t.Context(), billing.RefillCharge{Account: "acme", Customer: "cus_1", Amount: usd(100), Pack: billing.PackSale{Refill: ids[0]}})
				return err
			},
		},
		{
			sdk:     []string{"V1Invoices.Create", "V1InvoiceItems.Create", "V1Invoices.FinalizeInvoice"},
			request: []string{"POST /v1/invoices", "POST /v1/invoiceitems", "POST /v1/invoices/in_1/finalize"}, keys: []bool{true, true, true},
			ids: []string{"acme", "overage:1"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.BillOverage(t.Context(), billing.OverageCharge{Account: ids[0], Bill: ids[1], Customer: "cus_1", Amount: usd(100)})
				return err
			},
		},
		{
			sdk: []string{"V1Subscriptions.Update"}, request: []string{"POST /v1/subscriptions/sub_1"}, keys: []bool{true},
			ids: []string{"wish"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, _, err := p.ChangeSubscription(t.Context(), "sub_1", "price_1", "p", true, ids[0])
				return err
			},
		},
		{
			sdk: []string{"V1Subscriptions.Update"}, request: []string{"POST /v1/subscriptions/sub_1"}, keys: []bool{true},
			ids: []string{"wish", "end"},
			do: func(p *stripepay.Processor, t *testing.T, ids []string) error {
				_, err := p.CancelAtPeriodEnd(t.Context(), "sub_1", ids[1] == "end", ids[0])
				return err
			},
		},
	}
}

// made are the changes that an operation makes in a process of its own.
func (o operation) made(t *testing.T, deployment string, ids []string) []change {
	t.Helper()
	seen := &recorder{without: o.without}
	server := httptest.NewServer(seen)
	defer server.Close()
	pay := stripepay.Open(stripepay.Options{Keys: key("sk_test_1"), URL: server.URL, Deployment: deployment})
	if err := o.do(pay, t, ids); err != nil {
		t.Fatalf("%v: %v", o.request, err)
	}
	return seen.changes
}

// longestKey is what Stripe takes of an idempotency key, in characters.
const longestKey = 255

// Every request that changes something carries a key that follows from our own ids: the same in every process that makes it,
// and another for whatever else. The SDK gives a random one to what has none, which is why to have a key is not enough.
func TestEveryChangeHasAKeyThatFollowsFromOurIDs(t *testing.T) {
	owner := map[string]string{} // of each key: what it stands for
	unused, checked := maps.Clone(unkeyed), 0
	for _, o := range operations() {
		first, again := o.made(t, "live", o.ids), o.made(t, "live", o.ids)
		if requests := requestsOf(first); !slices.Equal(requests, o.request) || !slices.Equal(requestsOf(again), o.request) {
			t.Errorf("requests %q, want %q", requests, o.request)
			continue
		}
		for i, request := range o.request {
			checked++
			reason, listed := unkeyed[request]
			delete(unused, request)
			switch follows := first[i].key == again[i].key && first[i].key != ""; {
			case follows != o.keys[i], follows == listed:
				t.Errorf("%s has a key of ours: %t (%s, then %s); the reason for none: %q", request, follows, first[i].key, again[i].key, reason)
			case !follows:
				continue
			}
			if len(first[i].key) > longestKey {
				t.Errorf("%s has a key of %d characters", request, len(first[i].key))
			}
			what := request + " " + strings.Join(o.ids, " ")
			if other, taken := owner[first[i].key]; taken {
				t.Errorf("%q and %q have the key %s", what, other, first[i].key)
			}
			owner[first[i].key] = what
		}
		o.checkOthers(t, first)
	}
	if len(unused) != 0 {
		t.Errorf("requests that are listed as without a key, and not made: %v", unused)
	}
	if t.Logf("%d requests that change something", checked); checked < 15 {
		t.Errorf("only %d requests were looked at", checked)
	}
}

// checkOthers checks that each of the ids, and the deployment, counts: with another, the keys are others.
func (o operation) checkOthers(t *testing.T, first []change) {
	t.Helper()
	apart := func(what string, other []change) {
		t.Helper()
		for i := range first {
			if !o.keys[i] {
				continue
			}
			if other[i].key == first[i].key {
				t.Errorf("%s: with another %s the key is the same: %s", o.request[i], what, first[i].key)
			}
			if len(other[i].key) > longestKey {
				t.Errorf("%s: with another %s the key has %d characters", o.request[i], what, len(other[i].key))
			}
		}
	}
	apart("deployment", o.made(t, "test", o.ids))
	for i, id := range o.ids {
		var long [][]change
		for _, end := range []string{"", "a", "b"} {
			ids := slices.Clone(o.ids)
			if ids[i] = id + "2"; end != "" {
				ids[i] = strings.Repeat("x", 300) + end
			}
			made := o.made(t, "live", ids)
			apart("id "+id, made)
			if end != "" && id != "end" {
				long = append(long, made)
			}
		}
		for at := range first {
			if len(long) == 2 && o.keys[at] && long[0][at].key == long[1][at].key {
				t.Errorf("%s: two long ids that end differently have the key %s", o.request[at], long[0][at].key)
			}
		}
	}
}

func requestsOf(changes []change) []string {
	all := make([]string, 0, len(changes))
	for _, c := range changes {
		all = append(all, c.request)
	}
	return all
}

// The list above is complete: whatever the package calls of the SDK reads, or is on it, as often as it is called.
func TestEveryChangeIsListed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source: %v", err)
	}
	var called []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`\.(V[0-9]\w+)\.(\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			if call[2] != "Retrieve" && call[2] != "List" {
				called = append(called, call[1]+"."+call[2])
			}
		}
	}
	var listed []string
	for _, o := range operations() {
		listed = append(listed, o.sdk...)
	}
	slices.Sort(called)
	slices.Sort(listed)
	if !slices.Equal(called, listed) {
		t.Errorf("the package calls\n%q\nand listed are\n%q", called, listed)
	}
}
