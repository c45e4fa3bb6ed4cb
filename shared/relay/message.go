package relay

import (
	"fmt"
	"time"

	"drawdown/events"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// crossings are the messages of the alerts that any entry may cause.
var crossings = map[ledger.AlertKind]events.Type{
	ledger.LowBalance:     events.BalanceLow,
	ledger.Depleted:       events.BalanceDepleted,
	ledger.OverageStarted: events.OverageStarted,
	ledger.OverageLimit:   events.OverageLimitReached,
}

// messageOf makes the message of an alert from the entry that raised it. It
// fails if the entry lacks what the alert reports, for example because a newer
// version of the platform wrote it.
func messageOf(kind ledger.AlertKind, entry *ledger.Entry) (events.Message, error) {
	say := func(t events.Type, data any) (events.Message, error) {
		return events.New(t, entry.Account, entry.Seq, entry.CreatedAt, data), nil
	}
	if crossing, known := crossings[kind]; known {
		return say(crossing, balanceOf(entry))
	}
	switch detail := entry.Detail.(type) {
	case *ledger.Issue:
		if kind == ledger.PurchaseCompleted {
			return say(events.PurchaseCompleted, purchaseOf(entry, detail))
		}
	case *ledger.PlanChange:
		if kind == ledger.PlanChanged {
			return say(events.PlanChanged, changedPlanOf(entry, detail))
		}
	case *ledger.PlanEnd:
		if kind == ledger.PlanChanged {
			return say(events.PlanChanged, endedPlanOf(entry, detail))
		}
	case *ledger.Renewal:
		if kind == ledger.PeriodRenewed {
			return say(events.PeriodRenewed, periodOf(entry, detail))
		}
	case *ledger.RefillStep:
		switch kind { //nolint:exhaustive // a refill raises no other alerts
		case ledger.RefillSucceeded:
			return say(events.RefillSucceeded, refillOf(entry, detail))
		case ledger.RefillFailed:
			return say(events.RefillFailed, refillOf(entry, detail))
		}
	default: // entries of the other kinds raise crossings only
	}
	return events.Message{}, fmt.Errorf("relay: the alert %q of %s's entry %d, a %s, has no message", kind, entry.Account, entry.Seq, entry.Type())
}

func balanceOf(entry *ledger.Entry) events.Balance {
	return events.Balance{Available: entry.After.Available.String(), OverageUsed: entry.After.OverageUsed.String()}
}

func purchaseOf(entry *ledger.Entry, issue *ledger.Issue) events.Purchase {
	return events.Purchase{
		PaymentID: issue.Payment, GrantID: issue.Grant.ID, Credits: issue.Grant.Amount.String(),
		ExpiresAt: timeOf(issue.Grant.ExpiresAt), Balance: balanceOf(entry),
	}
}

func changedPlanOf(entry *ledger.Entry, change *ledger.PlanChange) events.Plan {
	return events.Plan{
		SubscriptionID: change.State.Subscription, PlanID: &change.State.Plan, Credits: entry.Credits.String(), Balance: balanceOf(entry),
	}
}

// endedPlanOf describes a plan that has ended.
func endedPlanOf(entry *ledger.Entry, end *ledger.PlanEnd) events.Plan {
	return events.Plan{SubscriptionID: end.Bill.Subscription, Credits: "0", Balance: balanceOf(entry)}
}

func periodOf(entry *ledger.Entry, renewal *ledger.Renewal) events.Period {
	period := events.Period{
		SubscriptionID: renewal.State.Subscription, PlanID: renewal.State.Plan, Start: renewal.State.Start, End: renewal.State.End,
		Included: entry.Credits.String(), CarriedOver: renewal.Carried.String(), OverageBilled: renewal.Bill.Billed.String(),
		Balance: balanceOf(entry),
	}
	if _, owed := entry.Bill(); owed {
		price := moneyOf(renewal.Bill.Price)
		period.OveragePrice = &price
	}
	return period
}

func moneyOf(m money.Money) events.Money { return events.Money{Amount: m.Minor, Currency: m.Currency} }

// timeOf is null for the zero time.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// refillOf describes how a refill ended, or that it was not started because of
// the month's cap, or because the pack is gone and so has no price.
func refillOf(entry *ledger.Entry, step *ledger.RefillStep) events.RefillResult {
	price := moneyOf(step.Price)
	if price.Currency == "" {
		price.Currency = step.State.Cap.Currency
	}
	result := events.RefillResult{
		RefillID: step.ID, PaymentID: step.Payment, Price: price, Credits: "0", Reason: step.State.Reason,
		State: string(step.State.Phase), RetryAt: timeOf(step.State.Until), Balance: balanceOf(entry),
	}
	if step.Issue != nil {
		result.Credits = step.Issue.Grant.Amount.String()
	}
	return result
}
