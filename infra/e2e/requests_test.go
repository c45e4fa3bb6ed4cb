package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

func TestRequestsAreCheckedInOrder(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	refused(t, admin(t).call(debit(account, "", nil).sending("{")), http.StatusBadRequest, "idempotency-key-missing")
	refused(t, admin(t).call(debit("not an id", "k", nil).sending("{")), http.StatusBadRequest, "malformed-json")
	for _, text := range []string{"", "{", "nothing", `{"a":1}}`, `{"lines":[1,]}`, `{"channel":"a","channel":"b"}`} {
		refused(t, admin(t).call(debit(account, "k", nil).sending(text)), http.StatusBadRequest, "malformed-json")
	}
	for _, text := range []string{"[]", "null", "1", `"text"`} {
		refused(t, admin(t).call(debit(account, "k", nil).sending(text)), http.StatusUnprocessableEntity, "invalid-request")
	}
	// Good JSON and bad fields are refused before anything is looked up.
	invalid(t, admin(t).call(debit("no.such.account", "k", use("unit", credit).with("channel", 1))), "channel")
	refused(t, admin(t).call(debit("no.such.account", "k", use("unit", credit))), http.StatusNotFound, "account-not-found")
	invalid(t, admin(t).call(debit("not an id", "k", use("unit", credit))), "account_id")
	equal(t, "entries", len(entriesOf(t, account)), 2)
}

// sending is the request with a raw body.
func (r request) sending(raw string) request {
	r.body = raw
	return r
}

func TestEveryBadFieldIsNamed(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	invalid(t, admin(t).call(debit(account, "k", body{})), "agent", "channel", "lines")
	invalid(t, admin(t).call(debit(account, "k", body{
		"agent": body{"id": "two words", "name": strings.Repeat("n", 129), "age": 3}, "channel": "Widget",
		"conversation_id": strings.Repeat("c", 65), "messages": -1, "run_id": "", "occurred_at": "yesterday",
		"lines": []any{
			body{"node": "ai-reply", "action": "", "quantity": "0"},
			body{"node": "n", "action": "a", "quantity": "0.0000001", "price": "1"},
			body{"node": "n", "action": "a", "quantity": 1.5},
			body{"node": "n", "action": "a", "quantity": "1000000001"},
			body{"node": 1, "quantity": "one"}, 7,
		},
		"line": []body{},
	})), "agent.id", "agent.name", "agent.age", "channel", "conversation_id", "messages", "run_id", "occurred_at", "line",
		"lines[0].node", "lines[0].action", "lines[0].quantity", "lines[1].quantity", "lines[1].price", "lines[2].quantity",
		"lines[3].quantity", "lines[4].node", "lines[4].action", "lines[4].quantity", "lines[5]")
	invalid(t, admin(t).call(debit(account, "k", use("unit", credit).with("lines", make([]body, 51)))), "lines")
	invalid(t, admin(t).call(debit(account, "k", use("unit", credit).with("channel", "carrier_pigeon"))), "channel")

	now := time.Now()
	// A development stage, which runs here, takes debits of the last 90 days.
	for _, at := range []time.Time{now.Add(6 * time.Minute), now.Add(-91 * 24 * time.Hour)} {
		invalid(t, admin(t).call(debit(account, "k", use("unit", credit).with("occurred_at", at))), "occurred_at")
	}
	grants := func(with body) answer {
		return admin(t).call(request{route: httpapi.PostGrant, path: []string{account}, key: "k", body: with})
	}
	invalid(t, grants(body{"amount": "-1", "source": "plan", "priority": 1001, "effective_at": 5, "expires_at": "x", "reason": 1, "id": "g"}),
		"amount", "source", "priority", "effective_at", "expires_at", "reason", "id")
	invalid(t, grants(body{"amount": "1", "source": "promo", "expires_at": now.Add(-time.Second)}), "expires_at")
	invalid(t, grants(body{"amount": "1", "source": "promo", "effective_at": now.Add(time.Hour), "expires_at": now.Add(time.Hour)}), "expires_at")

	puts := func(with body) answer {
		return admin(t).call(request{route: httpapi.PutAccount, path: []string{account}, body: with})
	}
	invalid(t, puts(body{}), "name", "time_zone")
	invalid(t, puts(body{"name": "", "time_zone": 1, "status": "closed", "overage": body{"policy": "bill"}, "low_balance_threshold": "-1", "id": account}),
		"name", "time_zone", "status", "overage.limit", "low_balance_threshold", "id")
	invalid(t, puts(settings().with("time_zone", "Mars/Olympus")), "time_zone")

	for query, names := range map[string][]string{
		"limit=0": {"limit"}, "limit=201&cursor=%21&order=up&page=2": {"limit", "cursor", "order", "page"}, "limit=ten": {"limit"},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		invalid(t, admin(t).call(request{route: httpapi.ListEntries, path: []string{account}, query: values}), names...)
	}
	equal(t, "entries", len(entriesOf(t, account)), 2)
}

func TestLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	text := asJSON(t, use("token", credit))
	sized := func(size int) string { return text + strings.Repeat(" ", size-len(text)) }
	const limit = 256 << 10
	read[debited](t, admin(t).call(debit(account, "fits", nil).sending(sized(limit))), http.StatusCreated)
	refused(t, admin(t).call(debit(account, "large", nil).sending(sized(limit+1))), http.StatusRequestEntityTooLarge, "payload-too-large")
	refused(t, admin(t).call(debit(account, "", nil).sending(sized(limit+1))), http.StatusBadRequest, "idempotency-key-missing")
	refused(t, client{t, ""}.call(debit(account, "large", nil).sending(sized(limit+1))), http.StatusUnauthorized, "unauthenticated")
}

func TestUnknownThings(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	none := []string{"no.such.account"}
	for _, r := range []request{
		{route: httpapi.GetAccount, path: none}, {route: httpapi.GetBalance, path: none}, {route: httpapi.ListEntries, path: none},
		{route: httpapi.GetUsage, path: none}, {route: httpapi.GetAudit, path: none},
		{route: httpapi.PostGrant, path: none, key: "k", body: body{"amount": "1", "source": "promo"}},
		{route: httpapi.PostQuote, path: none, body: body{"lines": use("unit", credit)["lines"]}},
		debit(none[0], "k", use("unit", credit)),
	} {
		refused(t, admin(t).call(r), http.StatusNotFound, "account-not-found")
	}
	refused(t, admin(t).call(request{route: httpapi.GetDebit, path: []string{account, "none"}}), http.StatusNotFound, "debit-not-found")
	refused(t, admin(t).call(request{route: httpapi.GetRateCard, path: []string{"none"}}), http.StatusNotFound, "rate-card-not-found")

	unpriced := refused(t, admin(t).call(debit(account, "k", use("unit", credit).with("lines", []body{
		{"node": "unit", "action": "use", "quantity": 1}, {"node": "unit", "action": "no_such", "quantity": 1}, {"node": "no_such", "action": "use", "quantity": 1},
	}))), http.StatusUnprocessableEntity, "rate-not-found")
	equal(t, "the lines without a rate", fmt.Sprint(unpriced.names()), "[lines[1] lines[2]]")
	equal(t, "entries", len(entriesOf(t, account)), 2)

	for _, unknown := range []httpapi.Route{
		{Method: "GET", Path: "/v1/nothing"}, {Method: "GET", Path: "/"}, {Method: "PATCH", Path: "/v1/rate-card"},
	} {
		a := admin(t).call(request{route: unknown})
		if a.Status != http.StatusNotFound || string(a.Body) != `{"message":"Not Found"}` {
			t.Errorf("the gateway answers %s", a)
		}
	}
}

func TestAKeyIsBoundToItsRequest(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	sent := use("unit", credit)
	first := admin(t).call(debit(account, "k", sent))
	read[debited](t, first, http.StatusCreated)
	for name, other := range map[string]body{
		"quantity":    use("unit", credit+1),
		"node":        use("ai_reply", credit),
		"agent":       sent.with("agent", body{"id": "agent-2", "name": "Agent"}),
		"channel":     sent.with("channel", "api"),
		"messages":    sent.with("messages", 1),
		"occurred_at": sent.with("occurred_at", time.Now()),
	} {
		a := admin(t).call(debit(account, "k", other))
		t.Logf("another %s: %d", name, a.Status)
		refused(t, a, http.StatusUnprocessableEntity, "idempotency-key-reused")
	}
	// A key is the account's, whatever it was used for first.
	grants := request{route: httpapi.PostGrant, path: []string{account}, key: "k", body: body{"amount": "1", "source": "promo"}}
	refused(t, admin(t).call(grants), http.StatusUnprocessableEntity, "idempotency-key-reused")
	refused(t, admin(t).call(reversal(account, "k", "k", body{"reason": "r"})), http.StatusUnprocessableEntity, "idempotency-key-reused")

	// The same request in other words is the same request.
	again := admin(t).call(debit(account, `"k"`, nil).sending(
		`{"lines": [{"quantity": 1, "action": "use", "node": "unit"}], "occurred_at": null, "channel": "widget", "agent": {"name": "Agent", "id": "agent-1"}}`))
	if again.Status != http.StatusOK || !again.replayed() || string(again.Body) != string(first.Body) {
		t.Errorf("the first answer %s was repeated as %s", first, again)
	}
	// In another account the same key is another one.
	read[debited](t, admin(t).call(debit(openFunded(t, credit), "k", sent)), http.StatusCreated)
	equal(t, "entries", len(entriesOf(t, account)), 3)
}

func TestReplaysComeBeforeEveryCheckOfStatusTimeAndCredit(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 2*credit)
	status := func(status string) {
		t.Helper()
		r := request{route: httpapi.PutAccount, path: []string{account}, body: settings().with("status", status)}
		equal(t, "the status", read[accountBody](t, admin(t).call(r), http.StatusOK).Status, status)
	}
	first := admin(t).call(debit(account, "first", use("unit", 2*credit)))
	read[debited](t, first, http.StatusCreated)
	status("suspended")
	refused(t, admin(t).call(debit(account, "second", use("unit", credit))), http.StatusForbidden, "account-suspended")
	again := admin(t).call(debit(account, "first", use("unit", 2*credit)))
	if again.Status != http.StatusOK || !again.replayed() || string(again.Body) != string(first.Body) {
		t.Errorf("the first answer %s was repeated as %s", first, again)
	}
	addGrant(t, account, body{"amount": "1", "source": "purchase"}) // who is suspended can still pay
	status("active")
	read[debited](t, admin(t).call(debit(account, "second", use("unit", credit))), http.StatusCreated)
	entriesOf(t, account)
}

func TestIdempotencyKeysOfAllKinds(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 100*credit)
	var visible strings.Builder
	for c := '!'; c <= '~'; c++ {
		visible.WriteRune(c)
	}
	keys := map[string]string{ // the header's value and the id that it means
		"#": "#", "%": "%", "a#b": "a#b", "a%b": "a%b", "a%23b": "a%23b", "a%25b": "a%25b", "100%": "100%",
		`"quoted"`: "quoted", `"with \"quotes\" and \\"`: "", `"say \"hi\""`: "", `"say\"hi\\"`: `say"hi\`, `say"hi`: `say"hi`, `"`: `"`,
		"?x=1&y=2;z": "?x=1&y=2;z", "+": "+", "a+b": "a+b", "{operation_id}": "{operation_id}", "~": "~", "..a": "..a",
		"SYS#settings#1": "SYS#settings#1", "SYS%23settings%231": "SYS%23settings%231", "SYS#grant#2": "SYS#grant#2",
		strings.Repeat("k", 128): strings.Repeat("k", 128), strings.Repeat("%", 128): strings.Repeat("%", 128),
		strings.ReplaceAll(visible.String(), "/", ""): strings.ReplaceAll(visible.String(), "/", ""),
	}
	debits := 0
	for header, id := range keys {
		if id == "" { // a space is not a visible character
			invalid(t, admin(t).call(debit(account, header, use("unit", credit))), "Idempotency-Key")
			continue
		}
		if a := admin(t).call(request{route: httpapi.GetDebit, path: []string{account, id}}); a.Status != http.StatusNotFound {
			t.Errorf("before the debit %q there is %s", id, a)
		}
		debits++
		d := read[debited](t, admin(t).call(debit(account, header, use("unit", credit))), http.StatusCreated)
		equal(t, "the operation id", d.OperationID, id)
		equal(t, "a replay", admin(t).call(debit(account, header, use("unit", credit))).replayed(), true)
		found := read[debited](t, admin(t).call(request{route: httpapi.GetDebit, path: []string{account, id}}), http.StatusOK)
		equal(t, "the operation id of what is looked up", found.OperationID, id)
		equal(t, "its seq", found.Seq, d.Seq)
		back := read[reversed](t, admin(t).call(reversal(account, id, "r"+d.CreatedAt.String()[:10]+fmt.Sprint(d.Seq), body{"reason": "r"})), http.StatusCreated)
		equal(t, "the debit that is given back", back.DebitID, id)
	}
	entries := entriesOf(t, account)
	equal(t, "entries", len(entries), 2+2*debits)
	equal(t, "the id of the opening", entries[0].OperationID, "SYS#settings#1")

	for _, header := range []string{strings.Repeat("k", 129), "two words", "käse", "tab\tbed", `""`} {
		invalid(t, admin(t).call(debit(account, header, use("unit", credit))), "Idempotency-Key")
	}
	equal(t, "what is left", walletOf(t, account).Available, 100*credit)
}

// API Gateway decodes a path before it looks for a route, so an escaped slash separates segments like any other: the
// operation takes effect once and is in the statement, but no path names it.
// The gateway decodes a path before it cuts it into segments: a slash within an
// id is escaped twice, and the client escapes once.
func TestAnOperationWithASlashIsEscapedTwice(t *testing.T) {
	t.Parallel()
	account := openFunded(t, 10*credit)
	d := read[debited](t, admin(t).call(debit(account, "run/7", use("unit", credit))), http.StatusCreated)
	equal(t, "the operation id", d.OperationID, "run/7")
	equal(t, "a replay", admin(t).call(debit(account, "run/7", use("unit", credit))).replayed(), true)
	equal(t, "the operation id in the statement", entriesOf(t, account)[2].OperationID, "run/7")
	found := read[debited](t, admin(t).call(request{route: httpapi.GetDebit, path: []string{account, "run%2F7"}}), http.StatusOK)
	equal(t, "the debit's id", found.OperationID, "run/7")
	back := admin(t).call(request{
		route: httpapi.PostReversal, path: []string{account, "run%2F7"}, key: "undo/7", body: body{"reason": "failed"},
	})
	equal(t, "the reversal's status", back.Status, http.StatusCreated)
	a := admin(t).call(request{route: httpapi.GetDebit, path: []string{account, "run/7"}})
	equal(t, "the gateway's answer to one escape", string(a.Body), `{"message":"Not Found"}`)
}
