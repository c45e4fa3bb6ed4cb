package relay

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/pb33f/jsonschema/v6"

	"drawdown/events"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

var at = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func entry(change func(*ledger.Entry)) *ledger.Entry {
	e := &ledger.Entry{
		Account: "acme", Seq: 42, CreatedAt: at, Credits: 500 * credit.Credit,
		After: ledger.Balance{Available: 600 * credit.Credit, OverageUsed: credit.Credit / 2},
	}
	change(e)
	return e
}

var balance = events.Balance{Available: "600", OverageUsed: "0.5"}

func issue(payment string, expires time.Time) *ledger.Issue {
	return &ledger.Issue{Payment: payment, Grant: ledger.Grant{ID: "g42", Amount: 500 * credit.Credit, Remaining: 400 * credit.Credit, Terms: ledger.Terms{ExpiresAt: expires}}}
}

// Every alert has its message, which fits the schema that listeners are given.
func TestEveryAlertHasItsMessage(t *testing.T) {
	pro, later := "pro", at.AddDate(0, 1, 0)
	state := ledger.PlanState{Subscription: "sub_1", Plan: pro, Start: at, End: later}
	price := money.Money{Minor: 1900, Currency: "eur"}
	tried := map[ledger.AlertKind]bool{}
	for name, c := range map[string]struct {
		kind   ledger.AlertKind
		entry  *ledger.Entry
		kindOf events.Type
		want   any
	}{
		"low":      {ledger.LowBalance, entry(func(*ledger.Entry) {}), events.BalanceLow, balance},
		"depleted": {ledger.Depleted, entry(func(*ledger.Entry) {}), events.BalanceDepleted, balance},
		"overage":  {ledger.OverageStarted, entry(func(*ledger.Entry) {}), events.OverageStarted, balance},
		"limit":    {ledger.OverageLimit, entry(func(*ledger.Entry) {}), events.OverageLimitReached, balance},
		"purchase": {
			ledger.PurchaseCompleted, entry(func(e *ledger.Entry) { e.Detail = issue("pi_1", later) }), events.PurchaseCompleted,
			events.Purchase{PaymentID: "pi_1", GrantID: "g42", Credits: "500", ExpiresAt: &later, Balance: balance},
		},
		"change": {
			ledger.PlanChanged, entry(func(e *ledger.Entry) { e.Detail = &ledger.PlanChange{State: state} }), events.PlanChanged,
			events.Plan{SubscriptionID: "sub_1", PlanID: &pro, Credits: "500", Balance: balance},
		},
		"end": {
			ledger.PlanChanged, entry(func(e *ledger.Entry) { e.Detail = &ledger.PlanEnd{Bill: ledger.OverageBill{Subscription: "sub_1"}} }), events.PlanChanged,
			events.Plan{SubscriptionID: "sub_1", Credits: "0", Balance: balance},
		},
		"period": {
			ledger.PeriodRenewed, entry(func(e *ledger.Entry) {
				e.Detail = &ledger.Renewal{State: state, Carried: 10 * credit.Credit, Bill: ledger.OverageBill{Billed: 20 * credit.Credit, Price: price}}
			}), events.PeriodRenewed,
			events.Period{
				SubscriptionID: "sub_1", PlanID: pro, Start: at, End: later, Included: "500", CarriedOver: "10", OverageBilled: "20",
				OveragePrice: &events.Money{Amount: 1900, Currency: "eur"}, Balance: balance,
			},
		},
		"a free period": {
			ledger.PeriodRenewed, entry(func(e *ledger.Entry) { e.Detail = &ledger.Renewal{State: state}; e.Credits = 0 }), events.PeriodRenewed,
			events.Period{SubscriptionID: "sub_1", PlanID: pro, Start: at, End: later, Included: "0", CarriedOver: "0", OverageBilled: "0", Balance: balance},
		},
		"refilled": {
			ledger.RefillSucceeded, entry(func(e *ledger.Entry) {
				e.Detail = &ledger.RefillStep{ID: "rf_acme_41", Price: price, Payment: "pi_2", Issue: issue("pi_2", time.Time{}), State: ledger.RefillState{Phase: ledger.RefillArmed}}
			}), events.RefillSucceeded,
			events.RefillResult{RefillID: "rf_acme_41", PaymentID: "pi_2", Price: events.Money{Amount: 1900, Currency: "eur"}, Credits: "500", State: "armed", Balance: balance},
		},
		"declined": {
			ledger.RefillFailed, entry(func(e *ledger.Entry) {
				e.Detail = &ledger.RefillStep{ID: "rf_acme_41", Price: price, Payment: "pi_2", State: ledger.RefillState{Phase: ledger.RefillBackoff, Reason: "declined", Until: later}}
			}), events.RefillFailed,
			events.RefillResult{
				RefillID: "rf_acme_41", PaymentID: "pi_2", Price: events.Money{Amount: 1900, Currency: "eur"}, Credits: "0", Reason: "declined",
				State: "backoff", RetryAt: &later, Balance: balance,
			},
		},
		"no pack": {
			ledger.RefillFailed, entry(func(e *ledger.Entry) {
				e.Detail = &ledger.RefillStep{State: ledger.RefillState{Phase: ledger.RefillActionRequired, Reason: "pack_unavailable", Cap: price}}
			}), events.RefillFailed,
			events.RefillResult{Price: events.Money{Currency: "eur"}, Credits: "0", Reason: "pack_unavailable", State: "action_required", Balance: balance},
		},
	} {
		tried[c.kind] = true
		got, err := messageOf(c.kind, c.entry)
		if err != nil || !reflect.DeepEqual(got, events.New(c.kindOf, "acme", 42, at, c.want)) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
			continue
		}
		if err := fits(got); err != nil {
			t.Errorf("%s does not fit its schema: %v", name, err)
		}
	}
	for _, kind := range ledger.AlertKinds() {
		if !tried[kind] {
			t.Errorf("the alert %s has no case here", kind)
		}
	}
}

func fits(message events.Message) error {
	text, err := events.Encode(message)
	if err != nil {
		return err
	}
	schema, err := events.Schema(message.Type)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		return err
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

func TestAnAlertThatTheEntryDoesNotBearOut(t *testing.T) {
	for _, kind := range []ledger.AlertKind{
		ledger.PurchaseCompleted, ledger.PlanChanged, ledger.PeriodRenewed, ledger.RefillSucceeded, ledger.RefillFailed, "a_newer_kind", "",
	} {
		if got, err := messageOf(kind, entry(func(*ledger.Entry) {})); err == nil {
			t.Errorf("%q is said as %+v", kind, got)
		}
	}
}
