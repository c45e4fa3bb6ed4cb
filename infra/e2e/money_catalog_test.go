package e2e

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

func plan(id string, with body) request {
	return request{route: httpapi.PutPlan, path: []string{id}, body: with}
}

func pack(id string, with body) request {
	return request{route: httpapi.PutPack, path: []string{id}, body: with}
}

func TestMoneyCatalogNamesEveryFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	id := uniqueID(t)
	good := planOf("A plan", usd(100), "month", credit)
	invalid(t, admin(t).call(plan(id, body{})), "included_credits", "interval", "name", "price")
	invalid(t, admin(t).call(plan(id, body{
		"name": strings.Repeat("n", 300), "price": body{"amount": -1, "currency": "USD"}, "interval": "week", "included_credits": "-1",
		"rollover": "0.1234567", "overage": body{"policy": "maybe", "limit": "x", "price_per_credit": -1, "more": 1}, "active": "yes", "extra": 1,
	})), "active", "extra", "included_credits", "interval", "name", "overage.limit", "overage.more", "overage.policy",
		"overage.price_per_credit", "price.amount", "price.currency", "rollover")
	invalid(t, admin(t).call(plan(id, good.with("overage", body{"policy": "bill", "limit": "10"}))), "overage.price_per_credit")
	dear := body{"policy": "bill", "limit": "1000000000", "price_per_credit": "1000"} // more than one invoice may be
	invalid(t, admin(t).call(plan(id, good.with("overage", dear))), "overage.limit")
	invalid(t, admin(t).call(plan("not an id", good)), "plan_id")

	invalid(t, admin(t).call(pack(id, body{})), "credits", "name", "price")
	invalid(t, admin(t).call(pack(id, body{
		"name": "", "price": body{"amount": 0, "currency": "usd"}, "credits": "0", "validity_days": -1, "active": 1, "extra": 1,
	})), "active", "credits", "extra", "name", "price.amount", "validity_days")
	for _, r := range []request{
		{route: httpapi.GetPlan, path: []string{id}}, {route: httpapi.GetPack, path: []string{id}},
	} {
		equal(t, "the status of what was refused", admin(t).call(r).Status, http.StatusNotFound)
	}
	refused(t, admin(t).call(plan(id, nil).sending("{")), http.StatusBadRequest, "malformed-json")
}

func TestMoneyCatalogIsReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	onSale(t)
	id := uniqueID(t)
	reader := client{t, issueKey(t, "", "read").Key}
	whole := planOf("A plan", usd(1234), "year", 7*credit).with("description", "Of all").with("rollover", "1.5").
		with("overage", body{"policy": "bill", "limit": "12.5", "price_per_credit": "0.25"})
	made := read[planBody](t, admin(t).call(plan(id, whole)), http.StatusCreated)
	if made.ID != id || made.Description != "Of all" || made.Price != usd(1234) || made.Interval != "year" || made.IncludedCredits != 7*credit ||
		made.Rollover != amount("1.5") || made.Overage.Policy != "bill" || made.Overage.Limit != amount("12.5") ||
		made.Overage.PricePerCredit != amount("0.25") || !made.Active {
		t.Errorf("the plan is %s", asJSON(t, made))
	}
	equal(t, "the same again", asJSON(t, read[planBody](t, admin(t).call(plan(id, whole)), http.StatusOK)), asJSON(t, made))
	shown := read[planBody](t, reader.call(request{route: httpapi.GetPlan, path: []string{id}}), http.StatusOK)
	equal(t, "the plan as it is shown", asJSON(t, shown), asJSON(t, made))
	bare := read[planBody](t, admin(t).call(plan(id, planOf("Another", usd(99), "month", credit))), http.StatusOK)
	if bare.Description != "" || bare.Rollover != 0 || bare.Overage.Policy != "block" || bare.Price != usd(99) {
		t.Errorf("what was left out is kept: %s", asJSON(t, bare))
	}
	sold := packOf("A pack", usd(321), 9*credit)
	first := read[packBody](t, admin(t).call(pack(id, sold)), http.StatusCreated)
	if first.ID != id || first.Price != usd(321) || first.Credits != 9*credit || first.ValidityDays != 365 || !first.Active {
		t.Errorf("the pack is %s", asJSON(t, first))
	}
	equal(t, "the same again", asJSON(t, read[packBody](t, admin(t).call(pack(id, sold)), http.StatusOK)), asJSON(t, first))
	equal(t, "the pack as it is shown", asJSON(t, read[packBody](t, reader.call(request{route: httpapi.GetPack, path: []string{id}}), http.StatusOK)), asJSON(t, first))

	// What is not sold any more only the operator sees in the lists.
	for _, who := range []struct {
		client
		seesAll bool
	}{{admin(t), true}, {reader, false}} {
		plans := ids(pages[planBody](t, who.client, request{route: httpapi.ListPlans}, 2), func(p planBody) string { return p.ID })
		packs := ids(pages[packBody](t, who.client, request{route: httpapi.ListPacks}, 2), func(p packBody) string { return p.ID })
		for _, list := range [][]string{plans, packs} {
			equal(t, "the list has what is sold", slices.Contains(list, id), true)
		}
		equal(t, "the list has the plan that is not sold", slices.Contains(plans, oldPlan), who.seesAll)
		equal(t, "the list has the pack that is not sold", slices.Contains(packs, oldPack), who.seesAll)
	}
	refused(t, reader.call(request{route: httpapi.GetPlan, path: []string{"no-such-plan"}}), http.StatusNotFound, "plan-not-found")
	refused(t, reader.call(request{route: httpapi.GetPack, path: []string{"no-such-pack"}}), http.StatusNotFound, "pack-not-found")
}

func ids[T any](all []T, id func(T) string) []string {
	listed := make([]string, len(all))
	for i, one := range all {
		listed[i] = id(one)
	}
	return listed
}

func TestMoneyCheckoutsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	b.subscribes(t, basicPlan)
	seq := walletOf(t, b.account).Seq
	wishes := func(wish body) answer { return admin(t).call(checkout(b.account, rand.Text(), wish)) }
	for _, c := range []struct {
		wish   body
		status int
		slug   string
	}{
		{planWish("no-such-plan"), http.StatusNotFound, "plan-not-found"},
		{packWish("no-such-pack"), http.StatusNotFound, "pack-not-found"},
		{planWish(oldPlan), http.StatusConflict, "not-offered"},
		{packWish(oldPack), http.StatusConflict, "not-offered"},
		{planWish(basicPlan), http.StatusConflict, "plan-already-active"},
		{planWish(yearPlan), http.StatusConflict, "plan-change-not-possible"},
		{planWish(euroPlan), http.StatusConflict, "plan-change-not-possible"},
		{planWish(freePlan), http.StatusConflict, "plan-change-not-possible"},
	} {
		refused(t, wishes(c.wish), c.status, c.slug)
	}
	invalid(t, wishes(body{}), "plan_id")
	invalid(t, wishes(body{"plan_id": plusPlan, "pack_id": bigPack}), "plan_id")
	invalid(t, wishes(body{"plan_id": plusPlan, "save_card": true, "return_url": "javascript:alert(1)", "more": 1}), "more", "return_url", "save_card")
	invalid(t, wishes(body{"pack_id": "not an id"}), "pack_id")
	refused(t, admin(t).call(checkout(b.account, "", packWish(bigPack))), http.StatusBadRequest, "idempotency-key-missing")
	refused(t, admin(t).call(checkout("no.such.account", "k", packWish(bigPack))), http.StatusNotFound, "account-not-found")
	other := openBuyer(t)
	for _, step := range []httpapi.Route{httpapi.CancelSubscription, httpapi.ResumeSubscription} {
		refused(t, admin(t).call(request{route: step, path: []string{other.account}}), http.StatusConflict, "no-subscription")
	}
	equal(t, "the subscription of who has none", other.subscription(t).Status, "none")
	equal(t, "the seq after refusals", walletOf(t, b.account).Seq, seq)
	equal(t, "invoices after refusals", len(b.invoices(t)), 1)
}

func TestMoneyACheckoutIsOpenedOnceForItsKey(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	const sent = 8
	got := make([]answer, sent)
	var running sync.WaitGroup
	for i := range got {
		running.Go(func() {
			var err error
			if got[i], _, err = admin(t).insist(t.Context(), checkout(b.account, "k", packWish(bigPack))); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	first := got[0]
	for _, a := range append(got, admin(t).call(checkout(b.account, "k", packWish(bigPack)))) {
		if a.Status != http.StatusCreated && !(a.Status == http.StatusOK && a.replayed()) || string(a.Body) != string(first.Body) {
			t.Errorf("one key is answered %s and %s", first, a)
		}
	}
	for _, wish := range []body{packWish(smallPack), {"pack_id": bigPack}, packWish(bigPack).with("return_url", "https://example.com/")} {
		refused(t, admin(t).call(checkout(b.account, "k", wish)), http.StatusUnprocessableEntity, "idempotency-key-reused")
	}
	second := read[urlBody](t, admin(t).call(checkout(b.account, "another", packWish(bigPack))), http.StatusCreated)
	opened := read[urlBody](t, first, first.Status)
	if opened == second {
		t.Errorf("two keys lead to one page: %s", second.URL)
	}
	session := sessionOf(t, opened.URL)
	must(t, pay(session))
	b.holds(t, "once it is paid", bigCredits, 0)
	after := admin(t).call(checkout(b.account, "k", packWish(bigPack)))
	equal(t, "the answer once it is paid", string(after.Body), string(first.Body))
	if pay(session) == nil {
		t.Error("one page was paid twice")
	}
	b.settled(t)
}

func pay(session string) error {
	_, err := processor.Pay(session, stripe.CardWorks, true)
	return err
}

func TestMoneyAnUpgradeThatIsDeclinedLeavesAllAsItWas(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	b.subscribes(t, basicPlan)
	spend(t, b.account, 40*credit)
	for _, card := range []stripe.Card{stripe.CardDeclinedLater, stripe.CardAuthentication} {
		must(t, processor.SetCard(b.customer, card))
		drained(t)
		seq, stands := walletOf(t, b.account).Seq, asJSON(t, b.subscription(t))
		for range 2 {
			refused(t, admin(t).call(checkout(b.account, "upgrade", planWish(plusPlan))), http.StatusPaymentRequired, "payment-declined")
		}
		drained(t)
		equal(t, "the seq after a refusal", walletOf(t, b.account).Seq, seq)
		equal(t, "the subscription after a refusal", asJSON(t, b.subscription(t)), stands)
		equal(t, "invoices", len(b.invoices(t)), 1)
	}
	must(t, processor.SetCard(b.customer, stripe.CardWorks))
	read[urlBody](t, admin(t).call(checkout(b.account, "upgrade", planWish(plusPlan))), http.StatusCreated)
	if again := admin(t).call(checkout(b.account, "upgrade", planWish(plusPlan))); again.Status != http.StatusOK || !again.replayed() {
		t.Errorf("the same again is %s", again)
	}
	changes := b.awaitEntries(t, "the change of plan", 1, isType(typePlanChange))
	equal(t, "invoices", len(b.invoices(t)), 2)
	if c := changes[0]; c.Plan.PlanID != plusPlan || c.Plan.PreviousPlanID != basicPlan || c.Credits > plusCredits-basicCredits {
		t.Errorf("the change is %s", asJSON(t, c))
	}
	b.holds(t, "after the change", 60*credit+changes[0].Credits, 0)
	b.settled(t)
}

func TestMoneyOfTwoPlansThatWerePaidForTheNewerStands(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	first, second := b.opens(t, planWish(basicPlan)), b.opens(t, planWish(plusPlan))
	must(t, pay(first))
	b.awaitSubscription(t, func(s subscriptionBody) bool { return s.Plan != nil && s.Plan.ID == basicPlan })
	must(t, pay(second))
	type running struct {
		CancelAtPeriodEnd bool `json:"cancel_at_period_end"`
	}
	await(t, "one of two that is not renewed", func() (bool, any) {
		all := atProcessor[listOf[running]](t, "/v1/subscriptions", url.Values{"customer": {b.customer}}).Data
		ending := slices.DeleteFunc(slices.Clone(all), func(s running) bool { return !s.CancelAtPeriodEnd })
		return len(all) == 2 && len(ending) == 1, all
	})
	// Two of the same second are told apart by their ids.
	stands := b.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "active" && !s.CancelAtPeriodEnd })
	want := map[string]credits{basicPlan: basicCredits, plusPlan: plusCredits}[stands.Plan.ID]
	b.holds(t, "of the plan that stands", want, 0)
	b.settled(t)
}

func TestMoneyPeopleBuyForTheirAccountOnly(t *testing.T) {
	t.Parallel()
	b, other := openBuyer(t), openBuyer(t)
	for name, person := range map[string]client{
		"a session": {t, openSession(t, b.account, body{}).Token}, "a key": {t, issueKey(t, b.account, "purchase", "read").Key},
	} {
		buys := func(account string) []request {
			return []request{
				checkout(account, rand.Text(), packWish(smallPack)),
				{route: httpapi.PostPortal, path: []string{account}, body: body{"return_url": "https://example.com/"}},
				{route: httpapi.PutRefill, path: []string{account}, body: refillTerms(credit, room)},
				{route: httpapi.GetRefill, path: []string{account}},
				{route: httpapi.GetSubscription, path: []string{account}},
				{route: httpapi.GetHistory, path: []string{account}},
			}
		}
		for _, r := range buys(b.account) {
			if a := person.call(r); a.Status/100 != 2 {
				t.Errorf("%s for its account: %s", name, a)
			}
		}
		for _, step := range []httpapi.Route{httpapi.CancelSubscription, httpapi.ResumeSubscription} {
			refused(t, person.call(request{route: step, path: []string{b.account}}), http.StatusConflict, "no-subscription")
			refused(t, person.call(request{route: step, path: []string{other.account}}), http.StatusForbidden, "forbidden")
		}
		for _, r := range buys(other.account) {
			refused(t, person.call(r), http.StatusForbidden, "forbidden")
		}
		for _, r := range []request{plan("mine", planOf("Mine", usd(0), "month", credit)), pack("mine", packOf("Mine", usd(1), credit))} {
			refused(t, person.call(r), http.StatusForbidden, "forbidden")
		}
		for _, list := range []httpapi.Route{httpapi.ListPlans, httpapi.ListPacks} {
			equal(t, "the status of "+list.Key(), person.call(request{route: list}).Status, http.StatusOK)
		}
	}
	watcher := client{t, issueKey(t, b.account, "read").Key}
	refused(t, watcher.call(checkout(b.account, "watch", packWish(smallPack))), http.StatusForbidden, "forbidden")
	refused(t, watcher.call(request{route: httpapi.PutRefill, path: []string{b.account}, body: body{"enabled": false}}), http.StatusForbidden, "forbidden")
	equal(t, "entries of the other account", len(other.entries(t)), 1)

	// The page to help oneself is the processor's, and the one to pay at is of the account alone.
	portal := read[urlBody](t, admin(t).call(request{route: httpapi.PostPortal, path: []string{b.account}}), http.StatusCreated)
	if !strings.HasPrefix(portal.URL, processor.URL()+"/portal/") {
		t.Errorf("the portal is %q", portal.URL)
	}
	session := b.opens(t, packWish(smallPack))
	other.opens(t, packWish(smallPack))
	if b.customer == other.customer {
		t.Errorf("two accounts are one customer %s", b.customer)
	}
	must(t, pay(session))
	b.holds(t, "of the pack", smallCredits, 0)
	other.holds(t, "of another's pack", 0, 0)
}
