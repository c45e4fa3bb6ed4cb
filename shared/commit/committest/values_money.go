package committest

import (
	"pgregory.net/rapid"

	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

func optional[V any](t *rapid.T, label string, value func(*rapid.T) V) *V {
	if rapid.Bool().Draw(t, label+" none") {
		return nil
	}
	drawn := value(t)
	return &drawn
}

func anyMoney(t *rapid.T) money.Money {
	return money.Money{Minor: rapid.Int64().Draw(t, "minor"), Currency: anyText(t, "currency")}
}

func anyIssue(t *rapid.T) *ledger.Issue {
	return &ledger.Issue{Grant: anyGrant(t), Owed: anyAmount(t, "owed"), Reason: anyText(t, "reason"), Payment: anyText(t, "payment")}
}

func anyPlan(t *rapid.T) ledger.PlanState {
	return ledger.PlanState{
		Subscription: anyText(t, "subscription"), Plan: anyText(t, "plan"),
		Start: anyTime(t, "start", true), End: anyTime(t, "end", true), LapseAt: anyTime(t, "lapse at", true), Included: anyAmount(t, "included"),
		Overage:     ledger.Overage{Policy: ledger.OveragePolicy(anyText(t, "policy")), Limit: anyAmount(t, "limit")},
		OverageRate: money.Rate{PerCredit: anyAmount(t, "rate"), Currency: anyText(t, "currency")}, Rollover: anyAmount(t, "rollover"),
	}
}

func anyRefill(t *rapid.T) ledger.RefillState {
	return ledger.RefillState{
		Phase: ledger.RefillPhase(anyText(t, "phase")), Off: rapid.Bool().Draw(t, "off"), Threshold: anyAmount(t, "threshold"), Pack: anyText(t, "pack"),
		Cap: anyMoney(t), Month: anyText(t, "month"), Spent: rapid.Int64().Draw(t, "spent"),
		ID: anyText(t, "refill"), Buys: anyText(t, "buys"), Price: anyMoney(t), Credits: anyAmount(t, "credits"),
		ValidityDays: rapid.Int().Draw(t, "days"), Since: anyTime(t, "since", true), Until: anyTime(t, "until", true),
		Failures: rapid.Int().Draw(t, "failures"), Reason: anyText(t, "reason"),
	}
}

func anyBill(t *rapid.T) ledger.OverageBill {
	return ledger.OverageBill{Subscription: anyText(t, "subscription"), Plan: anyText(t, "plan"), Billed: anyAmount(t, "billed"), Price: anyMoney(t)}
}

func anyParts(t *rapid.T, label string) []ledger.Part {
	return list(t, label, 0, func() ledger.Part { return anyPart(t) })
}

func anyIssueOrNone(t *rapid.T) *ledger.Issue {
	if rapid.Bool().Draw(t, "no issue") {
		return nil
	}
	return anyIssue(t)
}

func anyRenewal(t *rapid.T) *ledger.Renewal {
	return &ledger.Renewal{
		State: anyPlan(t), Ended: anyParts(t, "ended"), Carried: anyAmount(t, "carried"),
		Rolled: optional(t, "rolled", anyGrant), Issue: anyIssueOrNone(t), Bill: anyBill(t),
	}
}

func anyRecovery(t *rapid.T) ledger.Recovery {
	return ledger.Recovery{
		Of: ledger.OperationID(rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "of")), OfSeq: rapid.Int64().Draw(t, "of seq"), Reason: anyText(t, "reason"),
		Owed: anyAmount(t, "owed"),
		Total: ledger.Reversed{
			Count: rapid.IntRange(1, 999_999).Draw(t, "count"), Credits: anyAmount(t, "total"), Owed: anyAmount(t, "total owed"),
			Since: anyTime(t, "since", true),
			Taken: list(t, "holders", 0, func() ledger.Taken { return ledger.Taken{Part: anyPart(t), Terms: anyTerms(t)} }),
		},
	}
}

func anyRefillStep(t *rapid.T) *ledger.RefillStep {
	return &ledger.RefillStep{
		Step:  rapid.SampledFrom([]ledger.RefillAction{ledger.RefillSet, ledger.RefillStarted, ledger.RefillSettled}).Draw(t, "step"),
		State: anyRefill(t), ID: anyText(t, "refill"), Price: anyMoney(t), Outcome: ledger.RefillOutcome(anyText(t, "outcome")),
		Issue: anyIssueOrNone(t), Payment: anyText(t, "payment"),
	}
}
