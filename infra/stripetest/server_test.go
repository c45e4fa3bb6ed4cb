package stripetest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/stripepay"
)

func TestTheVersionIsTheSDKs(t *testing.T) {
	if stripe.APIVersion != sdk.APIVersion {
		t.Errorf("spoken is %s, and the SDK speaks %s: compare the shapes, then name it", stripe.APIVersion, sdk.APIVersion)
	}
}

func TestWhatIsNotKnownIsRefusedByName(t *testing.T) {
	b := open(t)
	customer := must(b.pay.EnsureCustomer(t.Context(), account, ""))(t)
	for _, c := range []struct {
		method, target, form string
		headers              []string
		status               int
		says                 string
	}{
		{"GET", "/v1/coupons", "", nil, 404, "GET: /v1/coupons"},
		{"DELETE", "/v1/customers/" + customer, "", nil, 404, "DELETE: /v1/customers"},
		{"POST", "/v1/customers", "nickname=x", nil, 400, "nickname"},
		{"POST", "/v1/customers", "metadata[a][b]=x", nil, 400, "metadata[a][b]"},
		{"POST", "/v1/customers", "name=a&name=b", nil, 400, "name"},
		{"POST", "/v1/customers", "name=", nil, 400, "name"},
		{"GET", "/v1/customers/" + customer + "?expand[]=nothing", "", nil, 400, "nothing"},
		{"GET", "/v1/customers/cus_none", "", nil, 404, "cus_none"},
		{"GET", "/v1/charges/" + customer, "", nil, 404, customer},
		{"GET", "/v1/invoices?limit=101", "", nil, 400, "limit"},
		{"GET", "/v1/invoices?created[lte]=1", "", nil, 400, "created[lte]"},
		{"POST", "/v1/payment_intents", "amount=1&currency=usd&customer=" + customer + "&payment_method=pm_x", nil, 400, "confirm"},
		{"POST", "/v1/payment_intents", "amount=x&currency=usd", nil, 400, "x"},
		{"POST", "/v1/checkout/sessions", "mode=setup", nil, 400, "mode"},
		{"POST", "/v1/products", "id=a", nil, 400, "name"},
		{"GET", "/v1/customers/" + customer, "", []string{"Authorization", "Bearer sk_test_other"}, 401, "Key"},
		{"GET", "/v1/customers/" + customer, "", []string{"Stripe-Version", "2020-08-27"}, 400, "2020-08-27"},
		{"POST", "/v1/customers", "{}", []string{"Content-Type", "application/json"}, 400, "application/json"},
	} {
		status, out, _ := b.call(c.method, c.target, c.form, c.headers...)
		refusal, _ := out["error"].(map[string]any)
		message, _ := refusal["message"].(string)
		if status != c.status || refusal["type"] != "invalid_request_error" || !strings.Contains(message, c.says) {
			t.Errorf("%s %s %s: %d %v, want %d and %q", c.method, c.target, c.form, status, out, c.status, c.says)
		}
	}
}

func TestIdempotencyKeysAnswerOnceForADay(t *testing.T) {
	b := open(t)
	ask := func(key, form string) (int, any, string) {
		status, out, header := b.call("POST", "/v1/customers", form, "Idempotency-Key", key)
		if status != 200 {
			return status, as[map[string]any](t, out["error"])["type"], ""
		}
		return status, out["id"], header.Get("Idempotent-Replayed")
	}
	_, first, replayed := ask("k", "name=a")
	if replayed != "" {
		t.Error("the first is no replay")
	}
	if _, second, replayed := ask("k", "name=a"); second != first || replayed != "true" {
		t.Errorf("the second is %v, %q", second, replayed)
	}
	if status, kind, _ := ask("k", "name=b"); status != 400 || kind != "idempotency_error" {
		t.Errorf("with other parameters: %d %v", status, kind)
	}
	if status, _, _ := ask("wrong", "nickname=b"); status != 400 {
		t.Errorf("a bad request: %d", status)
	}
	if status, _, _ := ask("wrong", "name=b"); status != 200 {
		t.Errorf("which leaves its key free: %d", status)
	}
	b.server.Advance(24 * time.Hour)
	if _, later, replayed := ask("k", "name=b"); later == first || replayed != "" {
		t.Error("after a day the key is free")
	}
}

func TestListsHavePages(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, true)
	for _, id := range []string{"a", "b", "c"} {
		must(b.refill(id, customer))(t)
	}
	var ids []string
	for after := ""; ; {
		page := b.object("/v1/payment_intents?customer=" + customer + "&limit=2" + after)
		for _, o := range as[[]any](t, page["data"]) {
			ids = append(ids, as[string](t, as[map[string]any](t, o)["id"]))
		}
		if page["has_more"] != true {
			break
		}
		after = "&starting_after=" + ids[len(ids)-1]
	}
	if len(ids) != 4 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 4 {
		t.Errorf("listed are %v", ids)
	}
}

// inbox is a webhook that notes what comes.
type inbox struct {
	mu     sync.Mutex
	ids    []string
	types  []string
	refuse int // so many deliveries yet
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	notice, err := stripepay.Verify(body, r.Header.Get("Stripe-Signature"), []string{"whsec_old", webhookSecret}, time.Now())
	event, sdkErr := sdk.ConstructEvent(body, r.Header.Get("Stripe-Signature"), webhookSecret)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse > 0 {
		i.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if err != nil || sdkErr != nil || event.ID != notice.ID || notice.ObjectType == "" || notice.LiveMode || notice.APIVersion != stripe.APIVersion || notice.Created.Unix() != event.Created {
		notice.Type = "refused"
	}
	i.ids, i.types = append(i.ids, notice.ID), append(i.types, notice.Type)
}

func (i *inbox) take() (ids, kinds []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	ids, kinds = i.ids, i.types
	i.ids, i.types = nil, nil
	return ids, kinds
}

func openInbox(t *testing.T) (*bench, *inbox) {
	b, in := open(t), &inbox{}
	hook := httptest.NewServer(in)
	t.Cleanup(hook.Close)
	b.hook = hook.URL
	return b, in
}

func (b *bench) drain() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	check(b.t, b.server.Drain(ctx))
}

func TestEventsComeInOrderAndAreTriedAgain(t *testing.T) {
	b, in := openInbox(t)
	in.refuse = 3
	b.buy(stripe.CardWorks, true)
	b.drain()
	want := []string{
		"customer.created", "customer.updated", "product.created", "price.created", "payment_intent.created", "payment_method.attached",
		"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
	}
	if _, kinds := in.take(); !slices.Equal(kinds, want) {
		t.Errorf("come are %v, want %v", kinds, want)
	}
	for _, e := range b.server.Events() {
		if !e.Delivered {
			t.Errorf("%s was not delivered", e.Type)
		}
	}
}

func TestEventsAreHeldDoubledAndShuffled(t *testing.T) {
	b, in := openInbox(t)
	b.server.Hold()
	sub := b.subscribe(stripe.CardWorks)
	held := b.server.Held()
	if ids, _ := in.take(); len(ids) != 0 || len(held) < 8 {
		t.Fatalf("%d have come, %d are held", len(ids), len(held))
	}
	b.server.Duplicate(3)
	check(t, b.server.Deliver(t.Context(), held[2].ID, held[0].ID))
	ids, _ := in.take()
	if want := slices.Concat(slices.Repeat([]string{held[2].ID}, 3), slices.Repeat([]string{held[0].ID}, 3)); !slices.Equal(ids, want) {
		t.Errorf("come are %v, want %v", ids, want)
	}
	b.server.Duplicate(1)
	rest := b.server.Held()
	b.server.Shuffle(7)
	b.drain()
	ids, _ = in.take()
	var order []string
	for _, e := range rest {
		order = append(order, e.ID)
	}
	if slices.Equal(ids, order) || !slices.Equal(slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(order))) || len(b.server.Held()) != 0 {
		t.Errorf("shuffled are %d of %d", len(ids), len(order))
	}
	check(t, b.server.Deliver(t.Context(), held[0].ID)) // once more
	must(b.pay.CancelAtPeriodEnd(t.Context(), sub.ID, true, "k"))(t)
	b.server.Release()
	b.drain()
	if ids, kinds := in.take(); len(ids) != 2 || ids[0] != held[0].ID || kinds[1] != "customer.subscription.updated" {
		t.Errorf("come are %v", kinds)
	}
	if err := b.server.Deliver(t.Context(), "evt_none"); err == nil {
		t.Error("an event that is not was delivered")
	}
}

func TestAnUpgradeCostsTheDifferenceForTheRest(t *testing.T) {
	for _, c := range []struct{ before, after, passed, of, want int64 }{
		{1000, 3000, 0, 30, 2000}, {1000, 3000, 15, 30, 1000}, {999, 3000, 10, 30, 2000 - 666}, {0, 100, 29, 30, 3},
	} {
		b := open(t)
		ctx := t.Context()
		customer := must(b.pay.EnsureCustomer(ctx, account, ""))(t)
		first := b.plan("first", c.before, "month")
		_, session, _ := b.call("POST", "/v1/checkout/sessions", "mode=subscription&customer="+customer+"&success_url=http://x&line_items[0][price]="+first+"&line_items[0][quantity]=1")
		must(b.server.Pay(as[string](t, session["id"]), stripe.CardWorks, false))(t)
		sub := must(b.pay.SubscriptionsOf(ctx, customer))(t)[0]
		b.server.Advance(sub.PeriodEnd.Sub(sub.PeriodStart) * time.Duration(c.passed) / time.Duration(c.of))
		_, invoice, err := b.pay.ChangeSubscription(ctx, sub.ID, b.plan("second", c.after, "month"), "second", true, "k")
		check(t, err)
		if inv := must(b.pay.Invoice(ctx, invoice))(t); inv.Total.Minor < c.want-1 || inv.Total.Minor > c.want { // some seconds may have passed
			t.Errorf("%+v: %s", c, inv.Total)
		}
	}
}

func TestPeriodsKeepTheirDay(t *testing.T) {
	at := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	server, err := stripe.New(stripe.Options{Key: secretKey, Now: func() time.Time { return at }})
	check(t, err)
	t.Cleanup(server.Close)
	b := &bench{t: t, server: server, keys: &keys{secretKey}}
	b.pay = stripepay.Open(stripepay.Options{Keys: b.keys, URL: server.URL(), Now: server.Now})
	sub := b.subscribe(stripe.CardWorks)
	for _, end := range []string{"2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"} {
		if got := must(b.pay.Subscription(t.Context(), sub.ID))(t); got.PeriodEnd.Format(time.DateOnly) != end {
			t.Errorf("the period ends %s, want %s", got.PeriodEnd, end)
		}
		server.Advance(must(b.pay.Subscription(t.Context(), sub.ID))(t).PeriodEnd.Sub(server.Now()))
	}
}

func TestThePayPage(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	customer := must(b.pay.EnsureCustomer(ctx, account, ""))(t)
	price := must(b.pay.EnsurePrice(ctx, must(b.pay.EnsureProduct(ctx, "pack", "p", "Small <pack>", ""))(t), usd(1250), ""))(t)
	_, session, _ := b.call("POST", "/v1/checkout/sessions", "mode=payment&customer="+customer+"&success_url=http://a.example/%3Fs={CHECKOUT_SESSION_ID}&cancel_url=http://a.example/no&saved_payment_method_options[payment_method_save]=enabled&line_items[0][price]="+price+"&line_items[0][quantity]=1")
	url, id := as[string](t, session["url"]), as[string](t, session["id"])
	has := func(status int, text string, want int, parts ...string) {
		t.Helper()
		for _, part := range append(parts, "no money moves") {
			if status != want || !contains(text, part) {
				t.Errorf("%d, want %d, with %q in %s", status, want, part, text)
			}
		}
	}
	status, text := b.get(url)
	has(status, text, 200, "Small &lt;pack&gt;", "12.50 USD", `href="http://a.example/no"`, "Save this card")
	status, text = b.post(url, "card=declined")
	has(status, text, 402, "Your card was declined.", `role="alert"`)
	status, text = b.post(url, "card=nothing")
	has(status, text, 402, "no such card")
	status, text = b.post(url, "card=authentication&save=yes")
	has(status, text, 200, "to be confirmed", `name="save"`)
	status, text = b.post(url, "card=authentication&confirm=no")
	has(status, text, 402, "was not confirmed")
	if status, text = b.post(url, "card=authentication&confirm=yes&save=yes"); status != 303 || text != "http://a.example/?s="+id {
		t.Errorf("paid: %d %s", status, text)
	}
	status, text = b.post(url, "card=works")
	has(status, text, 404, "not open")
	if saved := as[[]any](t, b.object("/v1/payment_methods?customer=" + customer)["data"]); len(saved) != 1 {
		t.Errorf("%d cards are saved", len(saved))
	}
	if b.count("payment_intent.payment_failed") != 1 || b.count("payment_intent.succeeded") != 1 || b.count("payment_intent.created") != 1 {
		t.Errorf("the events are %v", b.server.Events())
	}
}

func TestACheckoutExpires(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	customer := must(b.pay.EnsureCustomer(ctx, account, ""))(t)
	price := must(b.pay.EnsurePrice(ctx, must(b.pay.EnsureProduct(ctx, "pack", "p", "P", ""))(t), usd(100), ""))(t)
	_, session, _ := b.call("POST", "/v1/checkout/sessions", "mode=payment&customer="+customer+"&success_url=http://x&line_items[0][price]="+price+"&line_items[0][quantity]=1")
	b.server.Advance(24 * time.Hour)
	b.hasEvent("checkout.session.expired")
	if _, err := b.server.Pay(as[string](t, session["id"]), stripe.CardWorks, false); err == nil {
		t.Error("an expired checkout was paid")
	}
}

func TestThePortalAndTheInvoice(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardWorks)
	portal := must(b.pay.Portal(ctx, sub.Customer, "http://a.example/back"))(t)
	status, text := b.get(portal)
	for _, part := range []string{"of Ada", "Visa that works", "Plan pro", "30.00 USD each month", `href="http://a.example/back"`, b.lastInvoice(sub.Customer)} {
		if status != 200 || !contains(text, part) {
			t.Errorf("%d without %q: %s", status, part, text)
		}
	}
	if status, to := b.post(portal+"/card", "card=declined_later"); status != 303 || !contains(portal, path.Base(to)) {
		t.Errorf("another card: %d %s", status, to)
	}
	b.server.Advance(sub.PeriodEnd.Sub(b.now()) + 2*time.Hour)
	late := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(t)
	if status, text := b.get(late.HostedURL); status != 200 || !contains(text, "It is open.") || !contains(text, "30.00 USD") {
		t.Errorf("the open invoice: %d %s", status, text)
	}
	if status, text := b.post(late.HostedURL, "card=declined"); status != 402 || !contains(text, "declined") {
		t.Errorf("a declined card: %d %s", status, text)
	}
	if status, _ := b.post(late.HostedURL, "card=works"); status != 303 {
		t.Errorf("paid: %d", status)
	}
	if _, text := b.get(late.HostedURL); !contains(text, "It is paid.") {
		t.Errorf("the paid invoice: %s", text)
	}
}

func TestControlOverHTTP(t *testing.T) {
	b, in := openInbox(t)
	say := func(name, body string, want int) map[string]any {
		t.Helper()
		response, err := http.Post(b.server.URL()+"/_control/"+name, "application/json", strings.NewReader(body)) //nolint:noctx // a test's
		check(t, err)
		defer func() { _ = response.Body.Close() }()
		text := must(io.ReadAll(response.Body))(t)
		if response.StatusCode != want {
			t.Fatalf("%s %s: %d %s", name, body, response.StatusCode, text)
		}
		var out map[string]any
		_ = json.Unmarshal(text, &out) // a refusal is no JSON
		return out
	}
	say("hold", "{}", 200)
	customer, bought := b.buy(stripe.CardAsync, false)
	say("settle", `{"payment_intent":"`+bought.ID+`","succeed":true}`, 200)
	say("settle", `{"payment_intent":"`+bought.ID+`","succeed":true}`, 400)
	refund := as[string](t, say("refund", `{"payment_intent":"`+bought.ID+`","amount":100}`, 200)["refund"])
	say("fail_refund", `{"refund":"`+refund+`"}`, 200)
	say("fail_refund", `{"refund":"`+refund+`"}`, 400)
	dispute := as[string](t, say("dispute", `{"payment_intent":"`+bought.ID+`"}`, 200)["dispute"])
	say("close", `{"dispute":"`+dispute+`","won":false}`, 200)
	say("card", `{"customer":"`+customer+`","card":"works"}`, 200)
	say("fail", `{"path":"/v1/","status":500}`, 200)
	say("heal", `{}`, 200)
	say("lag", `{"list":"/v1/payment_intents","by":"1h"}`, 200)
	if seen := as[[]any](t, b.object("/v1/payment_intents?customer=" + customer)["data"]); len(seen) != 0 {
		t.Errorf("a list that lags has %v", seen)
	}
	say("lag", `{"list":"/v1/payment_intents","by":"soon"}`, 400)
	say("heal", `{}`, 200)
	if seen := as[[]any](t, b.object("/v1/payment_intents?customer=" + customer)["data"]); len(seen) != 1 {
		t.Errorf("a list that does not lag has %v", seen)
	}
	say("advance", `{"by":"1h"}`, 200)
	say("advance", `{"by":"soon"}`, 400)
	say("duplicate", `{"times":2}`, 200)
	say("deliver", `{"ids":["`+b.server.Held()[0].ID+`"]}`, 200)
	say("shuffle", `{"seed":3}`, 200)
	say("release", `{"much":true}`, 400)
	say("release", `{}`, 200)
	b.drain()
	if ids, _ := in.take(); len(ids) != 2*len(b.server.Events()) {
		t.Errorf("%d deliveries of %d events", len(ids), len(b.server.Events()))
	}
	response, err := http.Post(b.server.URL()+"/_control/hold", "text/plain", strings.NewReader("{}")) //nolint:noctx // a test's
	check(t, err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("what a page could send: %d", response.StatusCode)
	}
	for _, name := range []string{"events", "held", "objects"} {
		if status, text := b.get(b.server.URL() + "/_control/" + name); status != 200 || !json.Valid([]byte(text)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
}
