package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

func TestAccountsAreReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	id := uniqueID(t)
	put := func(with body, status int) accountBody {
		t.Helper()
		return read[accountBody](t, admin(t).call(request{route: httpapi.PutAccount, path: []string{id}, body: with}), status)
	}
	get := func() accountBody {
		t.Helper()
		return read[accountBody](t, admin(t).call(request{route: httpapi.GetAccount, path: []string{id}}), http.StatusOK)
	}
	whole := body{
		"name": "Käse & Söhne", "time_zone": "America/New_York", "status": "active",
		"overage": body{"policy": "bill", "limit": "12.5"}, "low_balance_threshold": "0.000001",
	}
	made := put(whole, http.StatusCreated)
	equal(t, "the account", asJSON(t, get()), asJSON(t, made))
	if made.ID != id || made.Name != "Käse & Söhne" || made.TimeZone != "America/New_York" || made.Status != "active" ||
		made.Overage == nil || made.Overage.Policy != "bill" || made.Overage.Limit != amount("12.5") || made.LowBalance != 1 {
		t.Errorf("the account is %+v", made)
	}
	for range 3 {
		equal(t, "the same content again", asJSON(t, put(whole, http.StatusOK)), asJSON(t, made))
	}
	equal(t, "entries", len(entriesOf(t, id)), 1)

	// What is left out is back at its default.
	bare := put(settings(), http.StatusOK)
	if bare.Name != "An account" || bare.Status != "active" || bare.Overage != nil || bare.LowBalance != 0 || !bare.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("the account is %+v", bare)
	}
	equal(t, "the same content with the default", asJSON(t, put(settings().with("status", "active"), http.StatusOK)), asJSON(t, bare))
	entries := entriesOf(t, id)
	equal(t, "entries", len(entries), 2)
	equal(t, "the type of an entry", entries[1].Type, "settings")
	equal(t, "the balance of an account without a grant", walletOf(t, id).Available, 0)
}

func TestAccountsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	mine := map[string]accountBody{}
	for i := range 5 {
		id := openAccount(t, settings().with("name", fmt.Sprintf("Account %d", i)))
		mine[id] = read[accountBody](t, admin(t).call(request{route: httpapi.GetAccount, path: []string{id}}), http.StatusOK)
	}
	for _, limit := range []int{1, 3, 200} {
		listed := pages[accountBody](t, admin(t), request{route: httpapi.ListAccounts}, limit)
		found := 0
		for i, a := range listed {
			if i > 0 && strings.Compare(listed[i-1].ID, a.ID) >= 0 {
				t.Errorf("%s is listed before %s", listed[i-1].ID, a.ID)
			}
			if want, ok := mine[a.ID]; ok {
				found++
				equal(t, "an account in the list", asJSON(t, a), asJSON(t, want))
			}
		}
		equal(t, fmt.Sprintf("accounts found with pages of %d", limit), found, len(mine))
	}
	invalid(t, admin(t).call(request{route: httpapi.ListAccounts, query: map[string][]string{"limit": {"0"}, "cursor": {"?"}, "order": {"asc"}}}), "cursor", "limit", "order")
}

func TestGrantsAreAnsweredWithTheirTerms(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	from, until := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond), time.Now().Add(2*time.Hour).UTC().Truncate(time.Millisecond)
	r := request{route: httpapi.PostGrant, path: []string{account}, key: "g", body: body{
		"amount": "9223372036854.775807", "source": "purchase", "priority": 0, "effective_at": from, "expires_at": until, "reason": "opening",
	}}
	first := admin(t).call(r)
	g := read[granted](t, first, http.StatusCreated)
	if g.Amount != 1<<63-1 || g.Remaining != g.Amount || g.Source != "purchase" || g.Priority != 0 || !g.EffectiveAt.Equal(from) ||
		g.ExpiresAt == nil || !g.ExpiresAt.Equal(until) || g.Reason != "opening" || g.OperationID != "g" || g.AccountID != account || g.Seq != 2 {
		t.Errorf("the grant is answered %s", first)
	}
	again := admin(t).call(r)
	if again.Status != http.StatusOK || !again.replayed() || string(again.Body) != string(first.Body) {
		t.Errorf("the grant was repeated as %s", again)
	}
	r.key, r.body = "one-more", body{"amount": "0.000001", "source": "promo"}
	refused(t, admin(t).call(r), http.StatusConflict, "balance-too-large")
	entries := entriesOf(t, account)
	equal(t, "entries", len(entries), 2)
	equal(t, "the change by a future grant", entries[1].Change, 0)
}

func TestOpenGrantsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 50
	account := openAccount(t, settings())
	for range most {
		addGrant(t, account, body{"amount": "1", "source": "promo"})
	}
	r := request{route: httpapi.PostGrant, path: []string{account}, key: "one-more", body: body{"amount": "1", "source": "promo"}}
	refused(t, admin(t).call(r), http.StatusConflict, "too-many-grants")
	d := spend(t, account, most*credit)
	equal(t, "grants drawn from", len(d.Drawn), most)
	read[granted](t, admin(t).call(r), http.StatusCreated)
	entriesOf(t, account)
}

func TestRateCardsNeverChange(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 100*credit)
	put := func(version string, with body) answer {
		return admin(t).call(request{route: httpapi.PutRateCard, path: []string{version}, body: with})
	}
	get := func(version string) rateCard {
		t.Helper()
		return read[rateCard](t, admin(t).call(request{route: httpapi.GetRateCard, path: []string{version}}), http.StatusOK)
	}
	first := get(firstCard)
	equal(t, "the same content again", asJSON(t, read[rateCard](t, put(firstCard, firstCardBody()), http.StatusOK)), asJSON(t, first))
	refused(t, put(firstCard, body{"effective_at": "2020-01-01T00:00:00Z", "rates": firstRates[1:]}), http.StatusConflict, "rate-card-published")
	refused(t, put(firstCard, body{"effective_at": "2020-01-02T00:00:00Z", "rates": firstRates}), http.StatusConflict, "rate-card-published")
	equal(t, "the first card", asJSON(t, get(firstCard)), asJSON(t, first))

	// A card starts at least two minutes ahead, and prices what happens from then on. Debits may be dated five minutes
	// ahead, so this can be seen at once.
	invalid(t, put("card-early", body{"effective_at": time.Now().Add(110 * time.Second), "rates": firstRates}), "effective_at")
	effective := time.Now().Add(4 * time.Minute).UTC().Truncate(time.Millisecond)
	rates := slices.Clone(firstRates)
	last := len(rates) - 1
	rates[last] = rates[last].with("credits_per_unit", "3")
	second := read[rateCard](t, put("card-2", body{"effective_at": effective, "rates": rates}), http.StatusCreated)
	if second.Version != "card-2" || !second.EffectiveAt.Equal(effective) || len(second.Rates) != len(rates) || second.PublishedAt.Before(first.PublishedAt) {
		t.Errorf("the second card is %+v", second)
	}
	equal(t, "the second card again", asJSON(t, read[rateCard](t, put("card-2", body{"effective_at": effective, "rates": rates}), http.StatusOK)), asJSON(t, second))
	equal(t, "the second card", asJSON(t, get("card-2")), asJSON(t, second))
	equal(t, "the card in force", read[rateCard](t, admin(t).call(request{route: httpapi.CurrentRates}), http.StatusOK).Version, firstCard)

	for i, at := range []struct {
		occurred time.Time
		card     string
		credits  credits
	}{
		{effective.Add(-time.Millisecond), firstCard, 2 * credit},
		{effective, "card-2", 3 * credit},
		{effective.Add(20 * time.Second), "card-2", 3 * credit},
		{time.Now().Add(-34 * 24 * time.Hour), firstCard, 2 * credit},
	} {
		of := use("dated", credit).with("occurred_at", at.occurred)
		// A process that has read the cards before they changed may keep them for a minute, but only for the debits of
		// that minute: a later one makes it read again.
		d := read[debited](t, admin(t).call(debit(account, fmt.Sprint("dated-", i), of)), http.StatusCreated)
		if d.RateCard != at.card || d.Credits != at.credits || !d.OccurredAt.Equal(at.occurred.Truncate(time.Millisecond)) {
			t.Errorf("at %v the debit is %+v, want %s by %s", at.occurred, d, at.credits, at.card)
		}
		lines := body{"lines": of["lines"], "occurred_at": at.occurred}
		q := read[quoted](t, admin(t).call(request{route: httpapi.PostQuote, path: []string{account}, body: lines}), http.StatusOK)
		if q.RateCard != at.card || q.Credits != at.credits {
			t.Errorf("at %v the quote is %+v, want %s by %s", at.occurred, q, at.credits, at.card)
		}
	}
	listed := pages[rateCard](t, admin(t), request{route: httpapi.ListRateCards}, 1)
	equal(t, "the listed cards", asJSON(t, listed), asJSON(t, []rateCard{first, second}))

	invalid(t, put("card-3", body{"rates": []body{}}), "effective_at", "rates")
	invalid(t, put("card 3", body{"effective_at": effective, "rates": rates}), "version")
	invalid(t, put("card-3", body{"effective_at": "soon", "name": "n", "rates": []body{
		rates[0], {"node": "A", "action": "", "label": "", "unit": "", "credits_per_unit": "-1", "price": 1}, rates[0],
	}}), "effective_at", "name", "rates[1].node", "rates[1].action", "rates[1].label", "rates[1].unit", "rates[1].credits_per_unit", "rates[1].price", "rates[2]")
}
