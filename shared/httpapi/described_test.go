package httpapi_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
	"drawdown/shared/rating"
)

// described tells how an answer differs from all that the document has for its operation.
func described(operation *v3.Operation, got answer) error {
	if operation == nil {
		return errors.New("no such operation")
	}
	response, found := operation.Responses.Codes.Get(strconv.Itoa(got.Status))
	if !found {
		return errors.New("no such status")
	}
	for name, header := range response.Headers.FromOldest() {
		if header.Required && got.Headers[name] == "" {
			return fmt.Errorf("no header %s", name)
		}
	}
	if orderedmap.Len(response.Content) == 0 {
		if got.Body != "" {
			return errors.New("a body")
		}
		return nil
	}
	kind := got.Headers["Content-Type"]
	media := lookup(response.Content, kind)
	if media == nil {
		return fmt.Errorf("no such content type: %q", kind)
	}
	if kind == "application/yaml" {
		return nil
	}
	return fitsJSON(media.Schema, []byte(got.Body))
}

// Every answer that has parts which come and go is held against the document
// with all of them, and with none.
func TestAnswersAreAsDescribed(t *testing.T) {
	late := now.AddDate(0, 1, 0)
	full := ledger.Grant{
		ID: "g1", Amount: 5 * credit.Credit, Remaining: 5 * credit.Credit,
		Terms: ledger.Terms{Source: ledger.FromPromo, Priority: 50, EffectiveAt: now, ExpiresAt: late},
	}
	bare := full
	bare.ExpiresAt = time.Time{}
	bareDebit := madeDebit()
	bareCharge := ledger.DetailOf[*ledger.Charge](&bareDebit)
	bareCharge.Agent.Name, bareCharge.Conversation, bareCharge.Run, bareCharge.Drawn = "", "", "", nil
	reversal := ledger.Entry{
		Account: "acme", Operation: "op-2", Seq: 3, CreatedAt: now, Credits: credit.Credit,
		Lapsed: []ledger.Part{{GrantID: "g0", Credits: credit.Micro}}, Alerts: []ledger.AlertKind{ledger.LowBalance, ledger.Depleted},
		Detail: &ledger.Reversal{
			Of: "op-1", Reason: "r", Restored: []ledger.Part{{GrantID: "g1", Credits: credit.Micro}}, Reopened: []ledger.Grant{full},
		},
	}
	grant := func(g ledger.Grant, reason string) ledger.Entry {
		return ledger.Entry{
			Account: "acme", Operation: "op-3", Seq: 4, CreatedAt: now, Credits: g.Amount, Change: g.Amount,
			Detail: &ledger.Issue{Grant: g, Reason: reason},
		}
	}
	expiry := ledger.Entry{
		Operation: "SYS#expiry#5", Seq: 5, Detail: &ledger.Expiry{}, CreatedAt: now, Credits: credit.Micro, Change: -credit.Micro,
		Lapsed: []ledger.Part{{GrantID: "g1", Credits: credit.Micro}},
	}
	settings := ledger.Entry{Operation: "SYS#settings#1", Seq: 1, CreatedAt: now, Detail: &ledger.Settings{}}
	plan := &ledger.PlanState{Plan: "team", Start: now, End: late}
	wallet := &ledger.Wallet{
		Account: "acme", Seq: 4, Grants: []ledger.Grant{full, bare}, Owed: credit.Micro, Plan: plan,
		Settings: ledger.Settings{Overage: &ledger.Overage{Policy: ledger.Bill, Limit: credit.Max}},
	}
	account := httpapi.Account{
		ID: "acme", CreatedAt: now, UpdatedAt: now,
		Settings: ledger.Settings{Name: "A", Zone: "UTC", Status: ledger.Suspended, Overage: &ledger.Overage{Policy: ledger.Block}},
	}
	key, token := access.NewKey("k", []access.Scope{access.Read}, "acme", now)
	revoked := key
	revoked.Account, revoked.RevokedAt = "", late
	quote := ledger.Quotation{Credits: 3 * credit.Credit, Lines: bareCharge.Lines, RateCard: "2026-11", Shortfall: credit.Micro}
	first := func(entry ledger.Entry) commit.Outcome { return commit.Outcome{Entry: &entry} }
	for _, c := range []struct {
		route    httpapi.Route
		response httpapi.Response
	}{
		{httpapi.PostDebit, httpapi.EncodeDebit(first(madeDebit()))},
		{httpapi.PostDebit, httpapi.EncodeDebit(first(bareDebit))},
		{httpapi.GetDebit, httpapi.EncodeCharged(&ledger.Charged{Entry: bareDebit})},
		{httpapi.PostReversal, httpapi.EncodeReversal(first(reversal))},
		{httpapi.PostQuote, httpapi.EncodeQuote(quote)},
		{httpapi.PutAccount, httpapi.EncodeAccount(account)},
		{httpapi.PostGrant, httpapi.EncodeGrant(first(grant(full, "r")))},
		{httpapi.PostGrant, httpapi.EncodeGrant(first(grant(bare, "")))},
		{httpapi.GetBalance, httpapi.EncodeWallet(httpapi.Wallet{Wallet: wallet, At: now})},
		{httpapi.GetBalance, httpapi.EncodeWallet(httpapi.Wallet{Wallet: &ledger.Wallet{Account: "acme", Seq: 1}, At: now})},
		{httpapi.ListEntries, httpapi.EncodeStatement(httpapi.Listing[ledger.Entry]{
			Limit: 50, Read: []ledger.Entry{madeDebit(), bareDebit, reversal, grant(full, "r"), grant(bare, ""), expiry, settings},
		})},
		{httpapi.ListEntries, httpapi.EncodeStatement(httpapi.Listing[ledger.Entry]{Limit: 50, Read: paidEntries(full)})},
		{httpapi.PutRateCard, httpapi.EncodePublished(httpapi.Published{Card: aCard(), Created: true})},
		{httpapi.ListRateCards, httpapi.EncodeRateCards(httpapi.Listing[rating.Card]{Limit: 50, Read: []rating.Card{aCard()}})},
		{httpapi.PostAPIKey, httpapi.EncodeIssuedKey(httpapi.IssuedKey{Key: key, Token: token})},
		{httpapi.ListAPIKeys, httpapi.EncodeAPIKeys(httpapi.Listing[access.Key]{Limit: 50, Read: []access.Key{key, revoked}})},
		{httpapi.GetHealth, httpapi.EncodeHealth(struct{}{})},
	} {
		body, err := json.Marshal(c.response.Body)
		if err != nil {
			t.Fatal(err)
		}
		got := answer{Status: c.response.Status, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body)}
		if err := described(operations(t)[c.route.Key()], got); err != nil {
			t.Errorf("%s: %v", c.route.Key(), err)
		}
	}
}

// paidEntries are those that payments leave, each with all its parts and with none.
func paidEntries(grant ledger.Grant) []ledger.Entry {
	grant.Source = ledger.FromAutoRefill
	issue := &ledger.Issue{Grant: grant, Owed: credit.Micro, Payment: "pi_1"}
	state := ledger.PlanState{Subscription: "sub_1", Plan: "team", Start: now, End: now.AddDate(0, 1, 0)}
	parts := []ledger.Part{{GrantID: "g1", Credits: credit.Micro}}
	bill := ledger.OverageBill{Subscription: "sub_1", Plan: "basic", Billed: credit.Credit, Price: money.Money{Minor: 2, Currency: "usd"}}
	none := ledger.OverageBill{Subscription: "sub_1", Plan: "basic"}
	refill := ledger.RefillState{Phase: ledger.RefillBackoff, Pack: "p", Reason: ledger.ReasonDeclined, Until: now}
	entries := []ledger.Entry{
		{Alerts: []ledger.AlertKind{ledger.PurchaseCompleted}, Detail: issue},
		{Alerts: []ledger.AlertKind{ledger.PeriodRenewed},
			Detail: &ledger.Renewal{State: state, Ended: parts, Carried: credit.Micro, Rolled: &grant, Issue: issue, Bill: bill}},
		{Detail: &ledger.Renewal{State: state}},
		{Alerts: []ledger.AlertKind{ledger.PlanChanged}, Detail: &ledger.PlanChange{State: state, From: "basic", Issue: issue, Bill: bill}},
		{Detail: &ledger.PlanChange{State: state, From: "basic"}},
		{Detail: &ledger.PlanEnd{Ended: parts, Bill: bill}},
		{Detail: &ledger.PlanEnd{Bill: none}},
		{Detail: &ledger.TakenBack{Recovery: ledger.Recovery{Of: ledger.PaymentOperation("pi_1"), Reason: "refunded", Owed: credit.Micro}, Taken: parts}},
		{Detail: &ledger.GivenBack{Recovery: ledger.Recovery{Of: "op-1"}, Restored: parts, Reopened: []ledger.Grant{grant}}},
		{Alerts: []ledger.AlertKind{ledger.RefillSucceeded}, Detail: &ledger.RefillStep{
			Step: ledger.RefillSettled, State: refill, ID: "rf_acme_4", Price: bill.Price, Outcome: ledger.RefillPaid, Issue: issue, Payment: "pi_1"}},
		{Alerts: []ledger.AlertKind{ledger.RefillFailed}, Detail: &ledger.RefillStep{Step: ledger.RefillPostponed, State: ledger.RefillState{Phase: ledger.RefillActionRequired}}},
		{Detail: &ledger.RefillStep{Step: ledger.RefillSet, State: ledger.RefillState{Phase: ledger.RefillOff}}},
	}
	for i := range entries {
		entries[i].Account, entries[i].Operation, entries[i].Seq, entries[i].CreatedAt = "acme", ledger.RefillOperation("rf_1"), int64(i)+1, now
	}
	return entries
}

func TestBalanceLeavesOutWhatHasExpired(t *testing.T) {
	grant := func(id string, effective, expires time.Time) ledger.Grant {
		terms := ledger.Terms{Source: ledger.FromPromo, EffectiveAt: effective, ExpiresAt: expires}
		return ledger.Grant{ID: id, Amount: credit.Credit, Remaining: credit.Credit, Terms: terms}
	}
	wallet := &ledger.Wallet{Account: "acme", Seq: 3, Grants: []ledger.Grant{
		grant("expired", now.AddDate(0, -1, 0), now), grant("open", now, now.Add(time.Millisecond)), grant("later", now.Add(time.Hour), time.Time{}),
	}}
	text, err := json.Marshal(httpapi.EncodeWallet(httpapi.Wallet{Wallet: wallet, At: now}).Body)
	if err != nil {
		t.Fatal(err)
	}
	var balance struct {
		Available string `json:"available"`
		Grants    []struct {
			ID string `json:"id"`
		} `json:"grants"`
	}
	if err := json.Unmarshal(text, &balance); err != nil {
		t.Fatal(err)
	}
	if balance.Available != "1" || len(balance.Grants) != 2 || balance.Grants[0].ID != "open" || balance.Grants[1].ID != "later" {
		t.Errorf("got %s", text)
	}
}
