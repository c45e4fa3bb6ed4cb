package httpapi_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// counter is a server of what is sold and bought, whose operations note what reached them.
type counter struct {
	*edge
	token   string
	plan    billing.Plan
	pack    billing.Pack
	wish    cashier.Wish
	terms   cashier.RefillTerms
	visit   httpapi.Visit
	history httpapi.HistoryQuery
	catalog httpapi.CatalogQuery
	bills   []billing.Bill
	page    cashier.Page
	err     error // of a checkout
}

func newCounter(t testing.TB) *counter {
	c := &counter{edge: newEdge(t), page: cashier.Page{URL: "https://pay.example.com/1"}}
	gate := access.NewAuthenticator(c.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now })
	c.server = httpapi.NewServer(gate,
		httpapi.Handle(httpapi.PutPlan, httpapi.DecodePlan, func(_ context.Context, p billing.Plan) (httpapi.Put[billing.Plan], error) {
			c.plan, p.UpdatedAt = p, now
			return httpapi.Put[billing.Plan]{Now: p, Created: true}, nil
		}, httpapi.EncodePutPlan),
		httpapi.Handle(httpapi.PutPack, httpapi.DecodePack, func(_ context.Context, p billing.Pack) (httpapi.Put[billing.Pack], error) {
			c.pack, p.UpdatedAt = p, now
			return httpapi.Put[billing.Pack]{Now: p}, nil
		}, httpapi.EncodePutPack),
		httpapi.Handle(httpapi.ListPlans, httpapi.DecodeCatalog, func(_ context.Context, q httpapi.CatalogQuery) (httpapi.Listing[billing.Plan], error) {
			c.catalog = q
			return httpapi.Listing[billing.Plan]{Limit: q.Limit}, nil
		}, httpapi.EncodePlans),
		httpapi.Handle(httpapi.PostCheckout, httpapi.DecodeCheckout, func(_ context.Context, w cashier.Wish) (cashier.Page, error) {
			c.wish = w
			return c.page, c.err
		}, httpapi.EncodeCheckout),
		httpapi.Handle(httpapi.PutRefill, httpapi.DecodeRefill, func(_ context.Context, terms cashier.RefillTerms) (httpapi.Wallet, error) {
			c.terms = terms
			return httpapi.Wallet{Wallet: &ledger.Wallet{Account: terms.Account}, At: now}, nil
		}, httpapi.EncodeRefill),
		httpapi.Handle(httpapi.PostPortal, httpapi.DecodePortal, func(_ context.Context, visit httpapi.Visit) (string, error) {
			c.visit = visit
			return "https://portal.example.com", nil
		}, httpapi.EncodePortal),
		httpapi.Handle(httpapi.CancelSubscription, httpapi.DecodeSubscriptionStep, func(_ context.Context, account string) (cashier.Subscription, error) {
			return cashier.Subscription{Account: account}, nil
		}, httpapi.EncodeSubscription),
		httpapi.Handle(httpapi.GetHistory, httpapi.DecodeHistory, func(_ context.Context, q httpapi.HistoryQuery) (httpapi.Listing[billing.Bill], error) {
			c.history = q
			return httpapi.Listing[billing.Bill]{Read: c.bills, Limit: q.Limit}, nil
		}, httpapi.EncodeHistory),
	)
	c.token = c.key("", access.Admin)
	return c
}

func (c *counter) send(route httpapi.Route, body string) answer {
	path := map[string]string{}
	for _, name := range []string{"account_id", "plan_id", "pack_id"} {
		if strings.Contains(route.Path, "{"+name+"}") {
			path[name] = map[string]string{"account_id": "acme", "plan_id": "pro", "pack_id": "p500"}[name]
		}
	}
	sent := call{route: route, path: path, token: c.token, body: body}
	if route.Keyed {
		sent.key = "k1"
	}
	return c.do(sent)
}

const (
	planJSON   = `{"name":"Pro","price":{"amount":2000,"currency":"usd"},"interval":"month","included_credits":"1000"}`
	packJSON   = `{"name":"500","price":{"amount":500,"currency":"usd"},"credits":"500"}`
	refillJSON = `{"enabled":true,"threshold":"50","pack_id":"p500","monthly_cap":{"amount":5000,"currency":"usd"},"consent":true}`
)

func TestPlansAreRead(t *testing.T) {
	c := newCounter(t)
	if got := c.send(httpapi.PutPlan, planJSON); got.Status != 201 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	least := billing.Plan{
		ID: "pro", Name: "Pro", Price: money.Money{Minor: 2000, Currency: "usd"}, Interval: billing.Monthly,
		IncludedCredits: 1000 * credit.Credit, Overage: ledger.Overage{Policy: ledger.Block}, Active: true,
	}
	if c.plan != least {
		t.Errorf("the least is read as %+v", c.plan)
	}
	full := least
	full.Description, full.Rollover, full.Active, full.OveragePrice = "For teams", 500_000, false, 1_500_000
	full.Overage = ledger.Overage{Policy: ledger.Bill, Limit: 500 * credit.Credit}
	c.send(httpapi.PutPlan, planJSON[:len(planJSON)-1]+
		`,"description":"For teams","rollover":"0.5","active":false,"overage":{"policy":"bill","limit":500,"price_per_credit":"1.5"}}`)
	if c.plan != full {
		t.Errorf("all is read as %+v", c.plan)
	}
	want := billing.Pack{ID: "p500", Name: "500", Price: money.Money{Minor: 500, Currency: "usd"}, Credits: 500 * credit.Credit, Active: true}
	if got := c.send(httpapi.PutPack, packJSON); got.Status != 200 || c.pack != want {
		t.Errorf("%d %s: %+v", got.Status, got.Body, c.pack)
	}
}

// Every bad field of what is sold and bought is named.
func TestBadFieldsOfBuyingAreNamed(t *testing.T) {
	c := newCounter(t)
	plan := func(more string) string { return planJSON[:len(planJSON)-1] + "," + more + "}" }
	for _, x := range []struct {
		route httpapi.Route
		body  string
		names []string
	}{
		{httpapi.PutPlan, `{}`, []string{"included_credits", "interval", "name", "price"}},
		{httpapi.PutPlan, `{"name":"","price":{},"interval":"week","included_credits":-1}`,
			[]string{"included_credits", "interval", "name", "price.amount", "price.currency"}},
		{httpapi.PutPlan, `{"name":"a","price":{"amount":100000000,"currency":"USD","cents":1},"interval":"year","included_credits":1}`,
			[]string{"price.amount", "price.cents", "price.currency"}},
		{httpapi.PutPlan, `{"name":"a","price":{"amount":1.5,"currency":"usd"},"interval":"year","included_credits":1}`, []string{"price.amount"}},
		{httpapi.PutPlan, plan(`"overage":{"policy":"bill"},"rollover":"x","active":"yes","trial":1`),
			[]string{"active", "overage.limit", "overage.price_per_credit", "rollover", "trial"}},
		{httpapi.PutPlan, plan(`"overage":{"policy":"bill","limit":"100000000","price_per_credit":"1"}`), []string{"overage.limit"}},
		{httpapi.PutPlan, plan(`"overage":{"policy":"bill","limit":"1","price_per_credit":"1000001"}`), []string{"overage.price_per_credit"}},
		{httpapi.PutPlan, plan(`"description":"` + strings.Repeat("d", 501) + `"`), []string{"description"}},
		{httpapi.PutPack, `{"name":"a","price":{"amount":0,"currency":"usd"},"credits":0,"validity_days":3651}`,
			[]string{"credits", "price.amount", "validity_days"}},
		{httpapi.PostCheckout, `{}`, []string{"plan_id"}},
		{httpapi.PostCheckout, `{"plan_id":"a","pack_id":"b"}`, []string{"plan_id"}},
		{httpapi.PostCheckout, `{"plan_id":"a b","save_card":1,"return_url":"ftp://example.com"}`, []string{"plan_id", "return_url", "save_card"}},
		{httpapi.PostCheckout, `{"plan_id":"a","save_card":true,"return_url":"javascript:alert(1)"}`, []string{"return_url", "save_card"}},
		{httpapi.PutRefill, `{}`, []string{"enabled"}},
		{httpapi.PutRefill, `{"enabled":true}`, []string{"consent", "monthly_cap", "pack_id", "threshold"}},
		{httpapi.PutRefill, `{"enabled":true,"consent":false,"threshold":0,"pack_id":"","monthly_cap":{"amount":0,"currency":"us"}}`,
			[]string{"consent", "monthly_cap.amount", "monthly_cap.currency", "pack_id", "threshold"}},
		{httpapi.PutRefill, `{"enabled":false,"threshold":"x"}`, []string{"threshold"}},
		{httpapi.PostPortal, `{"return_url":"/account","page":1}`, []string{"page", "return_url"}},
		{httpapi.CancelSubscription, `{"now":true}`, []string{"now"}},
	} {
		got := c.send(x.route, x.body)
		var names []string
		for _, param := range got.problem(t).InvalidParams {
			names = append(names, param.Name)
		}
		slices.Sort(names)
		if got.Status != 422 || !slices.Equal(names, x.names) {
			t.Errorf("%s %s: %d names %v, want %v", x.route.Key(), x.body, got.Status, names, x.names)
		}
	}
}

func TestCheckoutsAreRead(t *testing.T) {
	c := newCounter(t)
	if got := c.send(httpapi.PostCheckout, `{"pack_id":"p500","save_card":true}`); got.Status != 201 || got.Body != `{"url":"https://pay.example.com/1"}` {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	want := cashier.Wish{
		Account: "acme", Key: "k1", Pack: "p500", SaveCard: true,
		SuccessURL: "https://api.example.com/usage?checkout=success", CancelURL: "https://api.example.com/usage?checkout=canceled",
	}
	if c.wish != want {
		t.Errorf("read as %+v", c.wish)
	}
	c.page.Replayed = true
	got := c.send(httpapi.PostCheckout, `{"plan_id":"pro","return_url":"http://localhost:3000/back"}`)
	if got.Status != 200 || got.Headers["Idempotent-Replayed"] != "true" || c.wish.Plan != "pro" ||
		c.wish.SuccessURL != "http://localhost:3000/back" || c.wish.CancelURL != c.wish.SuccessURL || c.wish.ReturnURL != c.wish.SuccessURL {
		t.Errorf("%d %v: %+v", got.Status, got.Headers, c.wish)
	}
}

// Whatever keeps a person from buying is a problem that the document has.
func TestRefusalsOfCheckouts(t *testing.T) {
	c := newCounter(t)
	for code, status := range map[fault.Code]int{
		fault.PlanNotFound: 404, fault.PackNotFound: 404, fault.AccountNotFound: 404, fault.NotOffered: 409, fault.PlanAlreadyActive: 409,
		fault.PlanChangeNotPossible: 409, fault.PaymentDeclined: 402, fault.PaymentsUnavailable: 503, fault.Contended: 503, fault.IdempotencyKeyReused: 422,
	} {
		c.err = fault.New(code, "Why.")
		if got := c.send(httpapi.PostCheckout, `{"plan_id":"pro"}`); got.Status != status || got.slug(t) != string(code) {
			t.Errorf("%s: %d %s", code, got.Status, got.Body)
		}
	}
}

func TestRefillTermsAreRead(t *testing.T) {
	c := newCounter(t)
	want := cashier.RefillTerms{
		Account: "acme", Enabled: true, Threshold: 50 * credit.Credit, Pack: "p500", Cap: money.Money{Minor: 5000, Currency: "usd"},
	}
	if got := c.send(httpapi.PutRefill, refillJSON); got.Status != 200 || c.terms != want {
		t.Errorf("%d %s: %+v", got.Status, got.Body, c.terms)
	}
	if got := c.send(httpapi.PutRefill, `{"enabled":false}`); got.Status != 200 || c.terms != (cashier.RefillTerms{Account: "acme"}) {
		t.Errorf("%d %s: %+v", got.Status, got.Body, c.terms)
	}
}

func TestTheWayBackFromThePortal(t *testing.T) {
	c := newCounter(t)
	for body, want := range map[string]string{
		``: "https://api.example.com/usage", `{}`: "https://api.example.com/usage", `{"return_url":"https://app.example.com/a"}`: "https://app.example.com/a",
	} {
		if got := c.send(httpapi.PostPortal, body); got.Status != 201 || c.visit != (httpapi.Visit{Account: "acme", ReturnURL: want}) {
			t.Errorf("%s: %d %s, %+v", body, got.Status, got.Body, c.visit)
		}
	}
}

// Buying takes the scope for it, and an operator alone sees what is not sold.
func TestWhoMayBuy(t *testing.T) {
	c := newCounter(t)
	for _, x := range []struct {
		token  string
		status int
	}{
		{c.key("acme", access.Read), 403}, {c.key("other", access.Purchase), 403}, {c.key("acme", access.Purchase), 201},
	} {
		c.token = x.token
		if got := c.send(httpapi.PostCheckout, `{"plan_id":"pro"}`); got.Status != x.status {
			t.Errorf("%d %s, want %d", got.Status, got.Body, x.status)
		}
		if got := c.send(httpapi.PutPlan, planJSON); got.Status != 403 {
			t.Errorf("a plan is changed: %d", got.Status)
		}
	}
	for token, all := range map[string]bool{c.key("acme", access.Read): false, c.key("", access.Read): false, c.key("", access.Admin): true} {
		c.token = token
		if got := c.send(httpapi.ListPlans, ""); got.Status != 200 || c.catalog.All != all {
			t.Errorf("%d: all=%v, want %v", got.Status, c.catalog.All, all)
		}
	}
}

func TestTheHistoryGoesOnWhereItsPageEnded(t *testing.T) {
	c := newCounter(t)
	for i := range 3 {
		c.bills = append(c.bills, billing.Bill{
			Account: "acme", ID: fmt.Sprintf("overage:change:in#%d x", i), At: now.Add(-time.Duration(i) * time.Millisecond), Kind: billing.OverageBill,
			State: billing.BillOpen, Amount: money.Money{Minor: 5, Currency: "usd"},
		})
	}
	ask := func(query map[string]string) answer {
		return c.do(call{route: httpapi.GetHistory, path: map[string]string{"account_id": "acme"}, query: query, token: c.token})
	}
	var page struct {
		Data []map[string]any `json:"data"`
		Next string           `json:"next_cursor"`
	}
	got := ask(map[string]string{"limit": "2"})
	if err := json.Unmarshal([]byte(got.Body), &page); err != nil || len(page.Data) != 2 || page.Next == "" {
		t.Fatalf("%s, %v", got.Body, err)
	}
	ask(map[string]string{"limit": "2", "cursor": page.Next})
	want := httpapi.HistoryQuery{Account: "acme", Limit: 2, After: billing.BillPlace{At: c.bills[1].At, ID: c.bills[1].ID}}
	if !reflect.DeepEqual(c.history, want) {
		t.Errorf("the second page is asked for as %+v, want %+v", c.history, want)
	}
	for _, cursor := range []string{"x", "MTo0MQ", "MToyMDI2LTExLTI0VDA5OjUzOjM1WiA"} { // no text, "41", a time without an id
		if got := ask(map[string]string{"cursor": cursor}); got.Status != 422 || got.problem(t).InvalidParams[0].Name != "cursor" {
			t.Errorf("%s: %d %s", cursor, got.Status, got.Body)
		}
	}
}

// Whatever a subscription or a refill may be is described, and says why it stands still.
func TestAnswersAboutMoneyAreAsDescribed(t *testing.T) {
	fits := func(route httpapi.Route, response httpapi.Response) string {
		t.Helper()
		body, err := json.Marshal(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := answer{Status: response.Status, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body)}
		if err := described(operations(t)[route.Key()], got); err != nil {
			t.Errorf("%s: %v", route.Key(), err)
		}
		return string(body)
	}
	usd := money.Money{Minor: 2000, Currency: "usd"}
	plan := billing.Plan{ID: "pro", Name: "Pro", Price: usd, Interval: billing.Yearly, Overage: ledger.Overage{Policy: ledger.Bill, Limit: 1}, UpdatedAt: now}
	fits(httpapi.GetPlan, httpapi.EncodePlan(plan))
	fits(httpapi.ListPlans, httpapi.EncodePlans(httpapi.Listing[billing.Plan]{Read: []billing.Plan{plan}, Limit: 5}))
	pack := billing.Pack{ID: "p", Name: "P", Price: usd, Credits: 5, ValidityDays: 3, UpdatedAt: now}
	fits(httpapi.GetPack, httpapi.EncodePack(pack))
	fits(httpapi.ListPacks, httpapi.EncodePacks(httpapi.Listing[billing.Pack]{Read: []billing.Pack{pack}, Limit: 5}))

	standing := &billing.Standing{Subscription: billing.Subscription{
		ID: "sub_1", Account: "acme", Status: billing.SubscriptionPastDue, PeriodStart: now, PeriodEnd: now, CancelAtPeriodEnd: true,
	}, PayURL: "https://pay.example.com"}
	ended := &billing.Standing{Subscription: billing.Subscription{Status: billing.SubscriptionEnded}}
	for _, s := range []cashier.Subscription{
		{Account: "acme"}, {Account: "acme", Standing: ended},
		{Account: "acme", Standing: standing, Plan: &plan, NextPlan: "basic", RenewsAt: now, Included: 5, OverageUsed: 7, OveragePrice: money.Money{Currency: "usd"}},
	} {
		fits(httpapi.GetSubscription, httpapi.EncodeSubscription(s))
	}
	fits(httpapi.GetHistory, httpapi.EncodeHistory(httpapi.Listing[billing.Bill]{Limit: 5, Read: []billing.Bill{
		{ID: "pi_1", At: now, Kind: billing.RefundBill, State: billing.BillDisputed, Amount: usd, Credits: 5, Description: "d", ReceiptURL: "https://r.example.com", Reason: "r"},
		{ID: "pi_1", At: now, Kind: billing.PurchaseBill, State: billing.BillPaid, Amount: usd},
	}}))

	month := now.Format("2006-01")
	for _, c := range []struct {
		state *ledger.RefillState
		want  []string
	}{
		{nil, []string{`"state":"off"`, `"enabled":false`, `"monthly_cap":null`}},
		{&ledger.RefillState{Phase: ledger.RefillArmed, Month: month, Spent: 7}, []string{`"enabled":true`, `"spent_this_month":{"amount":7,`, `"reason":null`}},
		{&ledger.RefillState{Phase: ledger.RefillArmed, Month: "2026-10", Spent: 7}, []string{`"spent_this_month":{"amount":0,`}},
		{&ledger.RefillState{Phase: ledger.RefillInFlight, Off: true}, []string{`"state":"in_flight"`, `"enabled":false`}},
		{&ledger.RefillState{Phase: ledger.RefillBackoff, Until: now, Failures: 1, Reason: "Your card was declined."},
			[]string{`"reason":"declined"`, "The card was declined: Your card was declined. The payment is retried", `"retry_at":"2026-11-23T09:30:00.125Z"`}},
		{&ledger.RefillState{Phase: ledger.RefillBackoff, Until: now, Reason: ledger.ReasonMonthlyCap}, []string{`"reason":"monthly_cap"`, "raise the limit"}},
		{&ledger.RefillState{Phase: ledger.RefillBackoff, Until: now, Reason: "canceled"}, []string{`"reason":"failed"`}},
		{&ledger.RefillState{Phase: ledger.RefillActionRequired, Failures: 4, Reason: ledger.ReasonDeclined}, []string{`"reason":"declined"`, "Save another card"}},
		{&ledger.RefillState{Phase: ledger.RefillActionRequired, Reason: "The bank wants more."}, []string{`"reason":"authentication_required"`}},
		{&ledger.RefillState{Phase: ledger.RefillActionRequired, Reason: "no_card"}, []string{`"reason":"no_card"`}},
		{&ledger.RefillState{Phase: ledger.RefillActionRequired, Reason: ledger.ReasonNoPack}, []string{`"reason":"pack_unavailable"`}},
	} {
		if c.state != nil {
			c.state.Pack, c.state.Threshold, c.state.Cap = "p500", credit.Credit, usd
		}
		w := httpapi.Wallet{Wallet: &ledger.Wallet{Account: "acme", Settings: ledger.Settings{Zone: "UTC"}, Refill: c.state}, At: now}
		body := fits(httpapi.GetRefill, httpapi.EncodeRefill(w))
		for _, part := range c.want {
			if !strings.Contains(body, part) {
				t.Errorf("%+v: %s is not in %s", c.state, part, body)
			}
		}
	}
}
