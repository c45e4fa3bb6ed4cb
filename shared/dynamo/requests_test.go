package dynamo_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
	"drawdown/shared/webhooks"
)

// sent are the requests that a method may send to read, and calls of it that send
// them all.
type sent struct {
	reads []string
	call  func() error
}

func errOf[A any](_ A, err error) error { return err }

// methods is every method of the tables that reads or writes. Those that may lag
// are named so, and these are all there are: one more, or one less, is a decision.
func methods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	all := map[string]sent{}
	for _, some := range []map[string]sent{walletMethods(ctx, c), usageMethods(ctx, c), accountMethods(ctx, c), moneyMethods(ctx, c), webhookMethods(ctx, c)} {
		maps.Copy(all, some)
	}
	return all
}

const (
	getAccounts, queryAccounts = "GetItem Accounts", "Query Accounts"
	ofDue, ofList              = "Query Accounts/due", "Query Accounts/list"
)

func walletMethods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	return map[string]sent{
		"Read": {[]string{"GetItem Wallets", "BatchGetItem Ledger", "BatchGetItem Wallets", "Query Ledger"}, func() error {
			if _, err := c.Read(ctx, "acme", nil, ""); err != nil {
				return err
			}
			return errOf(c.Read(ctx, "acme", []ledger.OperationID{"op"}, "op"))
		}},
		"Wallet":  {[]string{"GetItem Wallets"}, func() error { return errOf(c.Wallet(ctx, "acme")) }},
		"Charged": {[]string{"Query Ledger"}, func() error { return errOf(c.Charged(ctx, "acme", "op")) }},
		"Entries": {[]string{"Query Ledger/by_seq", "Query Ledger/others"}, func() error {
			if _, err := c.Entries(ctx, "acme", ledger.Page{Limit: 1}); err != nil {
				return err
			}
			return errOf(c.Entries(ctx, "acme", ledger.Page{Limit: 1, NoDebits: true}))
		}},
		"EntriesAfter": {[]string{"Query Ledger/by_seq"}, func() error { return errOf(c.EntriesAfter(ctx, "acme", 0, 1)) }},
		"Commit": {nil, func() error {
			opened := appender{client: c, account: "opened"}
			return errOf(c.Commit(ctx, commit.Change{After: opened.wallet(1), Entries: []ledger.Entry{rolluptest.WideDebit("opened", 1, 0, 1)}}))
		}},
	}
}

func usageMethods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	month := usage.Key{Kind: usage.AgentMonth, Agent: "a1", Period: "2026-11"}
	return map[string]sent{
		"Mark":               {[]string{"GetItem Usage"}, func() error { return errOf(c.Mark(ctx, "acme")) }},
		"LaggingMark":        {[]string{"GetItem Usage, lagging"}, func() error { return errOf(c.LaggingMark(ctx, "acme")) }},
		"Days":               {[]string{"Query Usage"}, func() error { return errOf(c.Days(ctx, "acme", "2026-11-01", "2026-11-02")) }},
		"AgentDays":          {[]string{"Query Usage"}, func() error { return errOf(c.AgentDays(ctx, "acme", "a1", "2026-11-01", "2026-11-02")) }},
		"LaggingAgentMonths": {[]string{"Query Usage, lagging"}, func() error { return errOf(c.LaggingAgentMonths(ctx, "acme", "2026-11", "2026-11")) }},
		"AllSheets":          {[]string{"Query Usage"}, func() error { return errOf(c.AllSheets(ctx, "acme")) }},
		"RemoveBefore":       {[]string{"Query Usage"}, func() error { return c.RemoveBefore(ctx, "acme", 9) }},
		"Quarantined":        {[]string{ofList}, func() error { return errOf(c.Quarantined(ctx, "", 1)) }},
		"See": {[]string{"BatchGetItem Usage"}, func() error {
			return errOf(c.See(ctx, "acme", 0, []usage.Sighting{{Conversation: usage.Conversation{Agent: "a1", ID: "c1"}, Seq: 1}}))
		}},
		"Add": {nil, func() error { // to none, to one, and in place of one
			for _, epoch := range []int64{0, 0, 1} {
				if _, err := c.Add(ctx, "acme", epoch, usage.Delta{Key: month, First: 1, Last: 1}); err != nil {
					return err
				}
			}
			return nil
		}},
		"MoveMark": {nil, func() error {
			one, held := usage.Mark{Seq: 1}, usage.Mark{Seq: 1, Quarantine: "why"}
			for _, move := range [][2]usage.Mark{{{}, one}, {one, held}, {held, one}} {
				if _, err := c.MoveMark(ctx, "acme", move[0], move[1]); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}

func accountMethods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	at := ledgertest.Start
	return map[string]sent{
		"Profile":         {[]string{getAccounts}, func() error { return errOf(c.Profile(ctx, "acme")) }},
		"Profiles":        {[]string{ofList}, func() error { return errOf(c.Profiles(ctx, "", 1)) }},
		"Key":             {[]string{getAccounts}, func() error { return errOf(c.Key(ctx, "k1")) }},
		"Keys":            {[]string{ofList}, func() error { return errOf(c.Keys(ctx, "", 1)) }},
		"AddKey":          {nil, func() error { return c.AddKey(ctx, access.Key{ID: "k1", CreatedAt: at}) }},
		"RevokeKey":       {nil, func() error { return errOf(c.RevokeKey(ctx, "k1", at)) }},
		"AuditCursor":     {[]string{getAccounts}, func() error { return errOf(c.AuditCursor(ctx)) }},
		"MoveAuditCursor": {nil, func() error { return c.MoveAuditCursor(ctx, "acme") }},
		"RateCard":        {[]string{getAccounts}, func() error { return errOf(c.RateCard(ctx, "v1")) }},
		"ReadBook":        {[]string{queryAccounts}, func() error { return errOf(c.ReadBook(ctx)) }},
		"PublishRateCard": {nil, func() error {
			return errOf(c.PublishRateCard(ctx, rating.Card{Version: "v1", EffectiveAt: at, PublishedAt: at}, true))
		}},
	}
}

func moneyMethods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	at := ledgertest.Start
	return map[string]sent{
		"Bill":        {[]string{getAccounts}, func() error { return errOf(c.Bill(ctx, "acme", at, "b1")) }},
		"Bills":       {[]string{queryAccounts}, func() error { return errOf(c.Bills(ctx, "acme", billing.BillPlace{}, 1)) }},
		"SaveBill":    {nil, func() error { return errOf(c.SaveBill(ctx, billing.Bill{Account: "acme", ID: "b1", At: at})) }},
		"DueBills":    {[]string{ofDue}, func() error { return errOf(c.DueBills(ctx, "", 1)) }},
		"DueRenewals": {[]string{ofDue}, func() error { return errOf(c.DueRenewals(ctx, "", 1)) }},
		"Refills":     {[]string{ofDue}, func() error { return errOf(c.Refills(ctx, "", 1)) }},
		"Customer":    {[]string{getAccounts}, func() error { return errOf(c.Customer(ctx, "acme")) }},
		"SaveCustomer": {[]string{getAccounts}, func() error { // the second time there is one
			if _, err := c.SaveCustomer(ctx, "acme", "cus_1"); err != nil {
				return err
			}
			return errOf(c.SaveCustomer(ctx, "acme", "cus_1"))
		}},
		"Claim":     {[]string{getAccounts}, func() error { return errOf(c.Claim(ctx, "acme", "k")) }},
		"SaveClaim": {nil, func() error { return errOf(c.SaveClaim(ctx, billing.Claim{Account: "acme", Key: "k", At: at})) }},
		"Standing":  {[]string{getAccounts}, func() error { return errOf(c.Standing(ctx, "acme")) }},
		"SaveStanding": {nil, func() error {
			return errOf(c.SaveStanding(ctx, billing.Standing{Subscription: billing.Subscription{ID: "sub_1", Account: "acme"}}, at))
		}},
		"Plan":     {[]string{getAccounts}, func() error { return errOf(c.Plan(ctx, "pro")) }},
		"Plans":    {[]string{queryAccounts}, func() error { return errOf(c.Plans(ctx)) }},
		"SavePlan": {nil, func() error { return errOf(c.SavePlan(ctx, billing.Plan{ID: "pro", UpdatedAt: at}, time.Time{})) }},
		"Pack":     {[]string{getAccounts}, func() error { return errOf(c.Pack(ctx, "small")) }},
		"Packs":    {[]string{queryAccounts}, func() error { return errOf(c.Packs(ctx)) }},
		"SavePack": {nil, func() error { return errOf(c.SavePack(ctx, billing.Pack{ID: "small", UpdatedAt: at}, time.Time{})) }},
	}
}

func webhookMethods(ctx context.Context, c *dynamotest.Client) map[string]sent {
	at := ledgertest.Start
	return map[string]sent{
		"Endpoint":  {[]string{getAccounts}, func() error { return errOf(c.Endpoint(ctx, "w1")) }},
		"Endpoints": {[]string{ofList}, func() error { return errOf(c.Endpoints(ctx, "", 1)) }},
		"SaveEndpoint": {nil, func() error {
			return errOf(c.SaveEndpoint(ctx, webhooks.Endpoint{ID: "w1", CreatedAt: at, UpdatedAt: at}))
		}},
		"RemoveEndpoint": {nil, func() error { return errOf(c.RemoveEndpoint(ctx, "w1")) }},
		"Deliveries":     {[]string{queryAccounts}, func() error { return errOf(c.Deliveries(ctx, "w1", "", 1)) }},
		"DueDeliveries":  {[]string{ofDue}, func() error { return errOf(c.DueDeliveries(ctx, at, 1)) }},
		"AddDelivery":    {nil, func() error { return errOf(c.AddDelivery(ctx, delivery(at))) }},
		"SettleDelivery": {nil, func() error { return errOf(c.SettleDelivery(ctx, delivery(at))) }},
		"ClaimDelivery": {nil, func() error {
			return errOf(c.ClaimDelivery(ctx, webhooks.DueDelivery{Endpoint: "w1", ID: "d1"}, at))
		}},
		"ResendDelivery": {nil, func() error { return errOf(c.ResendDelivery(ctx, "w1", "d1", at)) }},
	}
}

func delivery(at time.Time) webhooks.Delivery {
	return webhooks.Delivery{Endpoint: "w1", ID: "d1", EventID: "e1", OccurredAt: at, State: webhooks.Pending, Claim: at.Add(time.Minute)}
}

// What DynamoDB Local cannot show: it answers a lagging read as it does any other.
// Every method is called here, so that none reads unseen by the rules of dynamotest.
func TestEveryMethodReadsAsItsNameSays(t *testing.T) {
	tables := dynamotest.NewTables(t)
	all := methods(t.Context(), tables.Client)
	parts := map[string]string{} // by their methods
	for part := range reflect.TypeFor[dynamo.Tables]().Fields() {
		for method := range part.Type.Methods() {
			if _, listed := all[method.Name]; !listed {
				t.Errorf("%s of %s is not called", method.Name, part.Name)
			}
			if other, taken := parts[method.Name]; taken {
				t.Errorf("%s and %s both have a method %s: whoever needs both cannot embed them", other, part.Name, method.Name)
			}
			parts[method.Name] = part.Name
		}
	}
	if len(parts) != len(all) {
		t.Errorf("the tables have %d methods, and %d are called", len(parts), len(all))
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := all[name].call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		seen := map[string]bool{}
		for _, read := range tables.Requests.TakeReads() {
			seen[read.String()] = true
		}
		if got, want := slices.Sorted(maps.Keys(seen)), slices.Sorted(slices.Values(all[name].reads)); !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", name, got, want)
		}
	}
}

// An answer may hold less than was asked for, and even nothing, with more behind it.
func TestShortAnswersAreReadOn(t *testing.T) {
	tables := dynamotest.NewTables(t)
	faults := &dynamotest.Faults{}
	short := tables.Connect(t, dynamotest.WithFaults(faults))
	faults.Plan(func(int, string) dynamotest.Fault { return dynamotest.Short })
	const count = 3
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit("acme", int64(i)+1, 0, 1)
		day := usage.Key{Kind: usage.AccountDay, Period: fmt.Sprintf("2026-11-%02d", i+1)}
		if _, err := tables.Add(t.Context(), "acme", 0, usage.Delta{Key: day, First: 1, Last: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&appender{client: tables.Client, account: "acme"}).append(entries); err != nil {
		t.Fatal(err)
	}
	if days, err := short.Days(t.Context(), "acme", "2026-11-01", "2026-11-30"); err != nil || len(days) != count {
		t.Errorf("%d days, %v", len(days), err)
	}
	for limit := 1; limit <= count+1; limit++ {
		if got, err := short.Entries(t.Context(), "acme", ledger.Page{Limit: limit}); err != nil || len(got) != min(limit, count) {
			t.Errorf("of %d entries: %d, %v", limit, len(got), err)
		}
	}
}
