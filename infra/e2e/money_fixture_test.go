package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

// What the tests of money buy. The catalog is the same for all of them, and is put on sale by the first.
const (
	freePlan, freeYear = "money-free", "money-free-year"
	basicPlan          = "money-basic"
	plusPlan           = "money-plus"
	yearPlan, euroPlan = "money-year", "money-euro"
	bigPack, smallPack = "money-big", "money-small"
	oldPlan, oldPack   = "money-old", "money-old-pack" // not sold any more
)

// What it costs, in cents, and holds.
const (
	basicCents, plusCents = 1900, 7900
	bigCents, smallCents  = 10_000, 500
	overageCents          = 3 // a credit beyond those of the basic plan

	basicCredits, plusCredits = 100 * credit, 500 * credit
	basicRollover             = 20 * credit
	bigCredits, smallCredits  = 1000 * credit, 100 * credit
)

// What money is told with.
const (
	billPaid, billFailed, billPending, billVoid         = "paid", "failed", "pending", "void"
	phaseArmed, phaseOff, phaseFlying                   = "armed", "off", "in_flight"
	phaseBackoff, phaseAction                           = "backoff", "action_required"
	typeGrant, typeRenewal, typePlanChange, typePlanEnd = "grant", "renewal", "plan_change", "plan_end"
)

// The schedules, and other parts of the platform, by their names in the template.
const (
	renewPlans     = "RenewPlans"
	sweepRefills   = "SweepRefills"
	retryWebhooks  = "RetryWebhooks"
	purchaseQueue  = "Purchases"
	refillFunction = "refill"
)

// settleLimit bounds the wait for what follows from a payment.
const settleLimit = 30 * time.Second

func usd(cents int64) money { return money{cents, "usd"} }

func planOf(name string, price money, interval string, included credits) body {
	return body{
		"name": name, "price": price, "interval": interval, "included_credits": included, "active": true,
		"overage": body{"policy": "block", "limit": "0"},
	}
}

func packOf(name string, price money, holds credits) body {
	return body{"name": name, "price": price, "credits": holds, "validity_days": 365, "active": true}
}

var putOnSale sync.Once

// onSale puts the catalog on sale, once for all tests.
func onSale(t *testing.T) {
	t.Helper()
	putOnSale.Do(func() {
		basic := planOf("Basic", usd(basicCents), "month", basicCredits).with("rollover", basicRollover).
			with("overage", body{"policy": "bill", "limit": "60", "price_per_credit": "3"})
		for id, plan := range map[string]body{
			freePlan: planOf("Free", usd(0), "month", 50*credit), freeYear: planOf("Free for a year", usd(0), "year", 50*credit),
			basicPlan: basic, plusPlan: planOf("Plus", usd(plusCents), "month", plusCredits),
			yearPlan: planOf("A year", usd(19_000), "year", 1200*credit), euroPlan: planOf("In euro", money{plusCents, "eur"}, "month", plusCredits),
			oldPlan: planOf("Of old", usd(100), "month", credit).with("active", false),
		} {
			read[planBody](t, admin(t).call(request{route: httpapi.PutPlan, path: []string{id}, body: plan}), http.StatusCreated)
		}
		for id, pack := range map[string]body{
			bigPack: packOf("Big", usd(bigCents), bigCredits), smallPack: packOf("Small", usd(smallCents), smallCredits),
			oldPack: packOf("Of old", usd(100), credit).with("active", false),
		} {
			read[packBody](t, admin(t).call(request{route: httpapi.PutPack, path: []string{id}, body: pack}), http.StatusCreated)
		}
	})
}

// buyer is an account with what it has at the processor.
type buyer struct {
	account  string
	customer string // empty before its first checkout
}

func openBuyer(t *testing.T) *buyer {
	t.Helper()
	onSale(t)
	return &buyer{account: openAccount(t, settings())}
}

func checkout(account, key string, wish body) request {
	return request{route: httpapi.PostCheckout, path: []string{account}, key: key, body: wish}
}

func packWish(id string) body { return body{"pack_id": id, "save_card": true} }

func planWish(id string) body { return body{"plan_id": id} }

// opens opens a checkout and is the processor's session.
func (b *buyer) opens(t *testing.T, wish body) string {
	t.Helper()
	got := read[urlBody](t, admin(t).call(checkout(b.account, rand.Text(), wish)), http.StatusCreated)
	session := sessionOf(t, got.URL)
	if b.customer == "" {
		b.customer = atProcessor[struct{ Customer string }](t, "/v1/checkout/sessions/"+session, nil).Customer
	}
	return session
}

func sessionOf(t *testing.T, address string) string {
	t.Helper()
	session, ok := strings.CutPrefix(address, processor.URL()+"/pay/")
	if !ok {
		t.Fatalf("%q is no page to pay at", address)
	}
	return session
}

// pays opens a checkout and pays it with a card that is saved. It is the session, whose payment may still be under way.
func (b *buyer) pays(t *testing.T, wish body, card stripe.Card) string {
	t.Helper()
	session := b.opens(t, wish)
	if _, err := processor.Pay(session, card, true); err != nil {
		t.Fatal(err)
	}
	return session
}

// buysPack buys a pack, waits for its credits and is the payment.
func (b *buyer) buysPack(t *testing.T, id string) string {
	t.Helper()
	payment := paymentOf(t, b.pays(t, packWish(id), stripe.CardWorks))
	b.awaitEntries(t, "the pack's grant", 1, func(e moneyEntry) bool { return e.Grant != nil && e.Grant.PaymentID == payment })
	return payment
}

// subscribes buys a plan and waits for its first period.
func (b *buyer) subscribes(t *testing.T, plan string) {
	t.Helper()
	b.pays(t, planWish(plan), stripe.CardWorks)
	b.awaitEntries(t, "the first period", 1, isType(typeRenewal))
	b.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "active" && s.Plan != nil && s.Plan.ID == plan })
}

// takesFree begins a free plan.
func (b *buyer) takesFree(t *testing.T, plan string) {
	t.Helper()
	got := read[urlBody](t, admin(t).call(checkout(b.account, rand.Text(), planWish(plan))), http.StatusCreated)
	if strings.HasPrefix(got.URL, processor.URL()) {
		t.Fatalf("a free plan is to be paid at %s", got.URL)
	}
}

func (b *buyer) step(t *testing.T, route httpapi.Route) subscriptionBody {
	t.Helper()
	return read[subscriptionBody](t, admin(t).call(request{route: route, path: []string{b.account}}), http.StatusOK)
}

func (b *buyer) subscription(t *testing.T) subscriptionBody {
	t.Helper()
	return b.step(t, httpapi.GetSubscription)
}

func (b *buyer) awaitSubscription(t *testing.T, done func(subscriptionBody) bool) subscriptionBody {
	t.Helper()
	var s subscriptionBody
	await(t, "the subscription", func() (bool, any) { s = b.subscription(t); return done(s), s })
	return s
}

func (b *buyer) refill(t *testing.T) refillBody {
	t.Helper()
	return read[refillBody](t, admin(t).call(request{route: httpapi.GetRefill, path: []string{b.account}}), http.StatusOK)
}

func (b *buyer) awaitRefill(t *testing.T, state string) refillBody {
	t.Helper()
	var r refillBody
	await(t, "the refill to be "+state, func() (bool, any) { r = b.refill(t); return r.State == state, r })
	return r
}

// refillTerms are those of refills by the small pack.
func refillTerms(threshold credits, cents int64) body {
	return body{"enabled": true, "threshold": threshold, "pack_id": smallPack, "monthly_cap": usd(cents), "consent": true}
}

func (b *buyer) setsRefill(t *testing.T, terms body) refillBody {
	t.Helper()
	return read[refillBody](t, admin(t).call(request{route: httpapi.PutRefill, path: []string{b.account}, body: terms}), http.StatusOK)
}

func (b *buyer) history(t *testing.T) []billBody {
	t.Helper()
	return pages[billBody](t, admin(t), request{route: httpapi.GetHistory, path: []string{b.account}}, 50)
}

// bill is the only line of a kind in the history; nil if there is none.
func (b *buyer) bill(t *testing.T, kind string) *billBody {
	t.Helper()
	var found *billBody
	for _, line := range b.history(t) {
		if line.Kind == kind {
			if found != nil {
				t.Errorf("the billing history of %s has two lines of %s: %+v and %+v", b.account, kind, *found, line)
			}
			found = &line
		}
	}
	return found
}

func (b *buyer) awaitBill(t *testing.T, kind, state string) billBody {
	t.Helper()
	var found *billBody
	await(t, "a line "+kind+" that is "+state, func() (bool, any) {
		found = b.bill(t, kind)
		return found != nil && found.State == state, b.history(t)
	})
	return *found
}

func (b *buyer) entries(t *testing.T) []moneyEntry {
	t.Helper()
	listing := request{route: httpapi.ListEntries, path: []string{b.account}, query: url.Values{"order": {"asc"}}}
	return pages[moneyEntry](t, admin(t), listing, 200)
}

func which(entries []moneyEntry, is func(moneyEntry) bool) []moneyEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(e moneyEntry) bool { return !is(e) })
}

func isType(kinds ...string) func(moneyEntry) bool {
	return func(e moneyEntry) bool { return slices.Contains(kinds, e.Type) }
}

// awaitEntries waits for at least so many entries, and fails on more.
func (b *buyer) awaitEntries(t *testing.T, what string, count int, is func(moneyEntry) bool) []moneyEntry {
	t.Helper()
	var found []moneyEntry
	await(t, what, func() (bool, any) { found = which(b.entries(t), is); return len(found) >= count, found })
	if len(found) != count {
		t.Errorf("%s: %d entries of %s, want %d: %+v", what, len(found), b.account, count, found)
	}
	return found
}

// holds asserts what the account has and owes, once it has come so far.
func (b *buyer) holds(t *testing.T, what string, available, owed credits) {
	t.Helper()
	await(t, fmt.Sprintf("%s: %s available and %s owed", what, available, owed), func() (bool, any) {
		now := walletOf(t, b.account)
		return now.Available == available && now.Owed == owed, now
	})
}

// await waits until a check is passed, and else fails the test with what was seen last.
func await(t *testing.T, what string, check func() (bool, any)) {
	t.Helper()
	var seen any
	if !eventually(t, settleLimit, func() (done bool) { done, seen = check(); return done }) {
		t.Fatalf("after %v there is not: %s. Seen last: %s", settleLimit, what, asJSON(t, seen))
	}
}

// atProcessor asks the stand-in's API.
func atProcessor[T any](t *testing.T, path string, query url.Values) T {
	t.Helper()
	text := callProcessor(t, http.MethodGet, path+"?"+query.Encode(), "")
	var found T
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatalf("%s: %s: %v", path, text, err)
	}
	return found
}

// tellProcessor changes something at the stand-in, as the operator does there.
func tellProcessor(t *testing.T, path string, form url.Values) {
	t.Helper()
	callProcessor(t, http.MethodPost, path, form.Encode())
}

func callProcessor(t *testing.T, method, path, form string) []byte {
	t.Helper()
	sent, err := http.NewRequestWithContext(t.Context(), method, processor.URL()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	sent.Header.Set("Authorization", "Bearer "+processorKey)
	if form != "" {
		sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := transport.Do(sent)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or the test fails
	text := readAll(t, response)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s", method, path, response.Status, text)
	}
	return text
}

func paymentOf(t *testing.T, session string) string {
	t.Helper()
	of := atProcessor[struct {
		PaymentIntent string `json:"payment_intent"`
	}](t, "/v1/checkout/sessions/"+session, nil)
	return of.PaymentIntent
}

type listOf[T any] struct{ Data []T }

type intentBody struct {
	ID       string
	Amount   int64
	Status   string
	Metadata map[string]string
}

// charges are the payments that refills of the account have made, whatever became of them.
func (b *buyer) charges(t *testing.T) []intentBody {
	t.Helper()
	all := atProcessor[listOf[intentBody]](t, intentsPath, url.Values{"customer": {b.customer}, "limit": {"100"}})
	return slices.DeleteFunc(all.Data, func(i intentBody) bool { return i.Metadata["refill_id"] == "" })
}

type invoiceBody struct {
	ID            string
	Status        string
	Total         int64
	Subscription  string
	BillingReason string `json:"billing_reason"`
	Metadata      map[string]string
}

func (b *buyer) invoices(t *testing.T) []invoiceBody {
	t.Helper()
	return atProcessor[listOf[invoiceBody]](t, "/v1/invoices", url.Values{"customer": {b.customer}, "limit": {"100"}}).Data
}

// newsOf are the events of the processor that are about one of these objects, in the order in which they happened.
func newsOf(events []stripe.Event, objects ...string) []stripe.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e stripe.Event) bool {
		return !slices.ContainsFunc(objects, func(id string) bool { return bytes.Contains(e.Payload, []byte(`"`+id+`"`)) })
	})
}

// fire runs a schedule now, so many times at once.
func fire(t *testing.T, rule string, times int) {
	t.Helper()
	for range times {
		if err := platform.Fire(rule); err != nil {
			t.Fatal(err)
		}
	}
}

// drained waits until the processor has told all its news.
func drained(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), settleLimit)
	defer cancel()
	if err := processor.Drain(ctx); err != nil {
		t.Fatalf("the processor's news are not told: %v", err)
	}
}

// inParallel runs parts of a test beside each other and waits for all of them.
func inParallel(t *testing.T, name string, parts map[string]func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		for part, run := range parts {
			t.Run(part, func(t *testing.T) {
				t.Parallel()
				run(t)
			})
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// settled asserts that an account's proof is clean once usage has caught up.
func (b *buyer) settled(t *testing.T) {
	t.Helper()
	entriesOf(t, b.account)
	awaitUsage(t, b.account)
	checkAudit(t, b.account)
}
