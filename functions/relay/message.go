package main

import (
	"fmt"
	"time"

	"drawdown/events"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// crossings are the messages of the alerts that any entry may bring about.
var crossings = map[ledger.AlertKind]events.Type{
	ledger.LowBalance:     events.BalanceLow,
	ledger.Depleted:       events.BalanceDepleted,
	ledger.OverageStarted: events.OverageStarted,
	ledger.OverageLimit:   events.OverageLimitReached,
}

// messageOf makes the message of an alert from the entry that has made it. It
// fails where the entry does not hold what the alert tells of, as where a newer
// version of the platform has written it.
func messageOf(kind ledger.AlertKind, entry *ledger.Entry) (events.Message, error) {
	say := func(t events.Type, data any) (events.Message, error) {
		return events.New(t, entry.Account, entry.Seq, entry.CreatedAt, data), nil
	}
	if crossing, known := crossings[kind]; known {
		return say(crossing, balanceOf(entry))
	}
	switch {
	case kind == ledger.PurchaseCompleted && entry.Grant != nil:
		return say(events.PurchaseCompleted, purchaseOf(entry))
	case kind == ledger.PlanChanged && (entry.PlanChange != nil || entry.PlanEnd != nil):
		return say(events.PlanChanged, planOf(entry))
	case kind == ledger.PeriodRenewed && entry.Renewal != nil:
		return say(events.PeriodRenewed, periodOf(entry))
	case kind == ledger.RefillSucceeded && entry.Refill != nil:
		return say(events.RefillSucceeded, refillOf(entry))
	case kind == ledger.RefillFailed && entry.Refill != nil:
		return say(events.RefillFailed, refillOf(entry))
	}
	return events.Message{}, fmt.Errorf("relay: the alert %q of %s's entry %d, a %s, has no message", kind, entry.Account, entry.Seq, entry.Type)
}

func balanceOf(entry *ledger.Entry) events.Balance {
	return events.Balance{Available: entry.After.Available.String(), OverageUsed: entry.After.OverageUsed.String()}
}

func purchaseOf(entry *ledger.Entry) events.Purchase {
	issue := entry.Grant
	return events.Purchase{
		PaymentID: issue.Payment, GrantID: issue.Grant.ID, Credits: issue.Grant.Amount.String(),
		ExpiresAt: timeOf(issue.Grant.ExpiresAt), Balance: balanceOf(entry),
	}
}

// planOf tells of another plan, or of none any more.
func planOf(entry *ledger.Entry) events.Plan {
	plan := events.Plan{Credits: "0", Balance: balanceOf(entry)}
	if entry.PlanEnd != nil {
		plan.SubscriptionID = entry.PlanEnd.Bill.Subscription
		return plan
	}
	state := entry.PlanChange.State
	plan.SubscriptionID, plan.PlanID, plan.Credits = state.Subscription, &state.Plan, entry.Credits.String()
	return plan
}

func periodOf(entry *ledger.Entry) events.Period {
	renewal := entry.Renewal
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

// timeOf is null for a time that is none.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// refillOf tells how a refill ended, or that it was not started: for the month's
// cap, or for want of the pack, which then has no price.
func refillOf(entry *ledger.Entry) events.RefillResult {
	step := entry.Refill
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
