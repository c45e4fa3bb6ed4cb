package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// firstCard prices what the tests debit. No other card comes into force while they run.
const firstCard = "card-1"

var firstRates = []body{
	{"node": "ai_reply", "action": "run", "label": "AI reply", "unit": "reply", "credits_per_unit": "1.5"},
	{"node": "unit", "action": "use", "label": "Unit", "unit": "unit", "credits_per_unit": "1"},
	{"node": "token", "action": "use", "label": "Token", "unit": "token", "credits_per_unit": "0.000001"},
	{"node": "third", "action": "use", "label": "Third", "unit": "third", "credits_per_unit": "0.333333"},
	{"node": "free", "action": "use", "label": "Free", "unit": "use", "credits_per_unit": "0"},
	{"node": "dated", "action": "use", "label": "Dated", "unit": "use", "credits_per_unit": "2"},
}

func firstCardBody() body { return body{"effective_at": "2020-01-01T00:00:00Z", "rates": firstRates} }

func publishFirstCard(ctx context.Context) error {
	r := request{route: httpapi.PutRateCard, path: []string{firstCard}, body: firstCardBody()}
	sent, _, err := r.build(ctx, adminKey)
	if err != nil {
		return err
	}
	response, err := transport.Do(sent)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // nothing is read from it
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("publishing the first rate card: %s", response.Status)
	}
	return nil
}

// uniqueID is an id that no other test has.
func uniqueID(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '.'
	}, strings.TrimPrefix(t.Name(), "Test"))
	return name[:min(len(name), 50)] + ":" + strings.ToLower(rand.Text()[:10])
}

func settings() body { return body{"name": "An account", "time_zone": "Europe/Berlin"} }

// openAccount makes an account and is its id.
func openAccount(t *testing.T, with body) string {
	t.Helper()
	id := uniqueID(t)
	read[accountBody](t, admin(t).call(request{route: httpapi.PutAccount, path: []string{id}, body: with}), http.StatusCreated)
	return id
}

// openFunded makes an account with a grant of so many credits.
func openFunded(t *testing.T, funds credits) string {
	t.Helper()
	id := openAccount(t, settings())
	addGrant(t, id, body{"amount": funds, "source": "promo"})
	return id
}

func addGrant(t *testing.T, account string, of body) granted {
	t.Helper()
	r := request{route: httpapi.PostGrant, path: []string{account}, key: rand.Text(), body: of}
	return read[granted](t, admin(t).call(r), http.StatusCreated)
}

// use is the body of a debit of one line.
func use(node string, quantity credits) body {
	action := "use"
	if node == "ai_reply" {
		action = "run"
	}
	return body{
		"agent": body{"id": "agent-1", "name": "Agent"}, "channel": "widget",
		"lines": []body{{"node": node, "action": action, "quantity": quantity}},
	}
}

func debit(account, key string, of body) request {
	return request{route: httpapi.PostDebit, path: []string{account}, key: key, body: of}
}

// spend debits so many credits, under a key of its own.
func spend(t *testing.T, account string, c credits) debited {
	t.Helper()
	return read[debited](t, admin(t).call(debit(account, rand.Text(), use("unit", c))), http.StatusCreated)
}

func reversal(account, of, key string, with body) request {
	return request{route: httpapi.PostReversal, path: []string{account, of}, key: key, body: with}
}

func walletOf(t *testing.T, account string) wallet {
	t.Helper()
	return read[wallet](t, admin(t).call(request{route: httpapi.GetBalance, path: []string{account}}), http.StatusOK)
}

// pages reads a listing to its end.
func pages[T any](t *testing.T, c client, r request, limit int) []T {
	t.Helper()
	query := url.Values{"limit": {fmt.Sprint(limit)}}
	for name, values := range r.query {
		query[name] = values
	}
	var all []T
	for {
		r.query = query
		got := read[page[T]](t, c.call(r), http.StatusOK)
		all = append(all, got.Data...)
		if got.NextCursor == nil {
			return all
		}
		if len(got.Data) != limit {
			t.Fatalf("a page that is not the last has %d elements, want %d", len(got.Data), limit)
		}
		query.Set("cursor", *got.NextCursor)
	}
}

// entriesOf reads the ledger of an account, and checks what holds of every ledger: it reads the same in both
// directions, seq is 1, 2, 3, ..., each balance follows from the one before, and nothing was ever below zero.
func entriesOf(t *testing.T, account string) []entry {
	t.Helper()
	listing := func(order string, limit int) []entry {
		r := request{route: httpapi.ListEntries, path: []string{account}, query: url.Values{"order": {order}}}
		return pages[entry](t, admin(t), r, limit)
	}
	entries, backward := listing("asc", 200), listing("desc", 77)
	slices.Reverse(backward)
	if mine, other := asJSON(t, entries), asJSON(t, backward); mine != other {
		t.Errorf("the entries differ by order:\n%s\n%s", mine, other)
	}
	var before entry
	for i, e := range entries {
		switch {
		case e.Seq != int64(i)+1:
			t.Fatalf("entry %d has seq %d", i+1, e.Seq)
		case e.After.Available != before.After.Available+e.Change:
			t.Errorf("entry %d changes the balance by %s, from %s to %s", e.Seq, e.Change, before.After.Available, e.After.Available)
		case e.After.Available < 0 || e.After.OverageUsed < 0 || e.Credits < 0:
			t.Errorf("entry %d goes below zero: %+v", e.Seq, e)
		case e.CreatedAt.Before(before.CreatedAt):
			t.Errorf("entry %d was created before the one before", e.Seq)
		}
		before = e
	}
	if now := walletOf(t, account); len(entries) > 0 && now.Seq != before.Seq {
		t.Errorf("the wallet's seq is %d, that of the last entry %d", now.Seq, before.Seq)
	}
	return entries
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// issueKey makes an API key. The account may be empty.
func issueKey(t *testing.T, account string, scopes ...string) apiKey {
	t.Helper()
	wanted := body{"name": t.Name(), "scopes": scopes}
	if account != "" {
		wanted["account_id"] = account
	}
	return read[apiKey](t, admin(t).call(request{route: httpapi.PostAPIKey, body: wanted}), http.StatusCreated)
}

// eventually repeats a check until it is true, and says whether it became so in time.
func eventually(t *testing.T, limit time.Duration, check func() bool) bool {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		if check() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func equalParts(t *testing.T, what string, got []part, want ...part) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
