package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// revoked is how long a key may still be let in after its revocation, as is promised: however long any process
// remembers it in fact.
const revoked = 30 * time.Second

func TestEveryRouteButThePublicOnesWantsAKeyWithItsScope(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	keys := map[httpapi.Access]apiKey{}
	for _, scope := range []httpapi.Access{httpapi.Debit, httpapi.Read, httpapi.Purchase} {
		keys[scope] = issueKey(t, "", string(scope))
	}
	garbage := []string{
		"dk_e2e_" + strings.Repeat("0", 52), adminKey + "x", strings.ToUpper(adminKey), "dk_unknown_" + strings.Repeat("x", 40),
		"dk__" + strings.Repeat("x", 40), "no key", strings.Repeat("k", 2000),
		keys[httpapi.Debit].Key[:len(keys[httpapi.Debit].Key)-1],
	}
	if n := len(httpapi.Routes()); n < leastRoutes {
		t.Fatalf("there are %d routes", n)
	}
	for _, route := range httpapi.Routes() {
		if route.Access == httpapi.Public {
			want := http.StatusOK
			switch route {
			case httpapi.StripeWebhook:
				want = http.StatusBadRequest // for want of a signature, which is its key
			case httpapi.GetPageAsset:
				want = http.StatusNotFound
			}
			equal(t, "the status of "+route.Key(), client{t, ""}.call(request{route: route, path: []string{"none.js"}}).Status, want)
			continue
		}
		// Nothing else is right with these requests: the key is looked at first.
		r := request{route: route, path: []string{account, "op"}, body: "{"}
		unknown := append([]string{""}, garbage...)
		if route != httpapi.PostDebit {
			unknown = []string{"", garbage[0]}
		}
		for _, key := range unknown {
			a := client{t, key}.call(r)
			refused(t, a, http.StatusUnauthorized, "unauthenticated")
			equal(t, "WWW-Authenticate", a.Header.Get("WWW-Authenticate"), "Bearer")
		}
		for scope, key := range keys {
			if scope != route.Access {
				refused(t, client{t, key.Key}.call(r), http.StatusForbidden, "forbidden")
			}
		}
	}
	basic := request{route: httpapi.GetBalance, path: []string{account}, header: http.Header{"Authorization": {"Basic " + adminKey}}}
	refused(t, client{t, ""}.call(basic), http.StatusUnauthorized, "unauthenticated")

	read[debited](t, client{t, keys[httpapi.Debit].Key}.call(debit(account, "k", use("token", credit))), http.StatusCreated)
	read[wallet](t, client{t, keys[httpapi.Read].Key}.call(request{route: httpapi.GetBalance, path: []string{account}}), http.StatusOK)
	read[rateCard](t, client{t, keys[httpapi.Read].Key}.call(request{route: httpapi.CurrentRates}), http.StatusOK)
}

func TestAKeySeesAndChangesItsOwnAccountOnly(t *testing.T) {
	t.Parallel()
	mine, other := openFunded(t, 10*credit), openFunded(t, 10*credit)
	key := issueKey(t, mine, "debit", "read")
	equal(t, "the key's account", key.AccountID, mine)
	bound := client{t, key.Key}
	of := read[debited](t, bound.call(debit(mine, "d", use("unit", credit))), http.StatusCreated)
	read[wallet](t, bound.call(request{route: httpapi.GetBalance, path: []string{mine}}), http.StatusOK)
	read[rateCard](t, bound.call(request{route: httpapi.CurrentRates}), http.StatusOK)
	spend(t, other, credit)

	for _, id := range []string{other, "no.such.account", "not an id"} {
		for _, r := range []request{
			debit(id, "d", use("unit", credit)),
			debit(id, "", nil), // the account is looked at before the Idempotency-Key and the body
			{route: httpapi.GetDebit, path: []string{id, of.OperationID}},
			reversal(id, of.OperationID, "r", body{"reason": "r"}),
			{route: httpapi.PostQuote, path: []string{id}, body: body{"lines": use("unit", credit)["lines"]}},
			{route: httpapi.GetBalance, path: []string{id}},
			{route: httpapi.ListEntries, path: []string{id}},
			{route: httpapi.GetUsage, path: []string{id}},
			{route: httpapi.GetAudit, path: []string{id}},
			{route: httpapi.GetAccount, path: []string{id}},
		} {
			refused(t, bound.call(r), http.StatusForbidden, "forbidden")
		}
	}
	equal(t, "what the other account has", walletOf(t, other).Available, 9*credit)
	equal(t, "entries of the other account", len(entriesOf(t, other)), 3)
}

func TestARevokedKeyIsRefused(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	key := issueKey(t, "", "debit", "read")
	holder := client{t, key.Key}
	look := request{route: httpapi.GetBalance, path: []string{account}}
	attempt := debit(account, "d", use("token", credit))
	read[wallet](t, holder.call(look), http.StatusOK)
	read[debited](t, holder.call(attempt), http.StatusCreated)

	revoke := request{route: httpapi.DeleteAPIKey, path: []string{key.ID}}
	equal(t, "the status of a revocation", admin(t).call(revoke).Status, http.StatusNoContent)
	since := time.Now()
	equal(t, "the status of a second revocation", admin(t).call(revoke).Status, http.StatusNoContent)
	if !eventually(t, revoked, func() bool { return holder.call(look).Status == http.StatusUnauthorized }) {
		t.Fatal("the key is let in though it was revoked long ago")
	}
	// By then no process of any function may know it any more, replays included.
	time.Sleep(time.Until(since.Add(revoked)))
	var calls sync.WaitGroup
	got := make([]answer, 24)
	for i := range got {
		calls.Go(func() {
			r := look
			if i%2 == 0 {
				r = attempt
			}
			var err error
			if got[i], err = holder.try(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	for _, a := range got {
		refused(t, a, http.StatusUnauthorized, "unauthenticated")
	}
	refused(t, admin(t).call(request{route: httpapi.DeleteAPIKey, path: []string{"nosuchkey"}}), http.StatusNotFound, "api-key-not-found")
}

func TestAPIKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	account := openAccount(t, settings())
	first, second := issueKey(t, account, "read"), issueKey(t, "", "admin", "debit")
	if !strings.HasPrefix(first.Key, "dk_"+first.ID+"_") || first.Key == second.Key || first.ID == second.ID {
		t.Errorf("the keys are %+v and %+v", first, second)
	}
	r := request{route: httpapi.ListAPIKeys}
	raw := admin(t).call(r)
	for _, key := range []apiKey{first, second} {
		if secret := key.Key[len("dk_"+key.ID+"_"):]; strings.Contains(string(raw.Body), secret) {
			t.Error("the list shows a key's secret")
		}
	}
	find := func(id string) apiKey {
		all := pages[apiKey](t, admin(t), r, 3)
		i := slices.IndexFunc(all, func(k apiKey) bool { return k.ID == id })
		if i < 0 {
			t.Fatalf("the key %s is not in the list", id)
		}
		return all[i]
	}
	listed := find(first.ID)
	if listed.Key != "" || listed.Name != t.Name() || !slices.Equal(listed.Scopes, []string{"read"}) || listed.AccountID != account || listed.RevokedAt != nil {
		t.Errorf("the key is listed as %+v", listed)
	}
	admin(t).call(request{route: httpapi.DeleteAPIKey, path: []string{first.ID}})
	if find(first.ID).RevokedAt == nil {
		t.Error("the list does not say that the key was revoked")
	}

	add := func(with body) answer { return admin(t).call(request{route: httpapi.PostAPIKey, body: with}) }
	invalid(t, add(body{"name": "", "scopes": []string{}, "extra": 1}), "extra", "name", "scopes")
	invalid(t, add(body{"name": "n", "scopes": []string{"read", "read", "root"}}), "scopes[1]", "scopes[2]")
	invalid(t, add(body{"name": "n", "scopes": []string{"admin"}, "account_id": account}), "account_id")
	refused(t, add(body{"name": "n", "scopes": []string{"read"}, "account_id": "no.such"}), http.StatusNotFound, "account-not-found")
}
