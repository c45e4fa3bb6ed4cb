package ledgertest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// payment generates a command that payments and the calendar give, not callers.
func (h *History) payment(t *rapid.T) ledger.Command {
	if refill := h.refill(); refill != nil && OneOf(t, 3, "the refill goes on") == 0 {
		if refill.Phase == "in_flight" {
			return settlement(t, refill.ID)
		}
		return ledger.Command{Action: anyStart(t)}
	}
	switch kind := OneOf(t, 11, "payment"); {
	case kind == 0:
		id := rapid.SampledFrom([]string{"pi_1", "pi_2", "pi_3", "pi_4"}).Draw(t, "payment id")
		grant := AnyGrant(t, h.now)
		grant.Source, grant.Payment = ledger.FromPurchase, id
		return ledger.Command{Operation: ledger.PaymentOperation(id), Action: grant}
	case kind < 3:
		open := h.period(t)
		return ledger.Command{Operation: ledger.PeriodOperation(open.Subscription, open.Start), Action: open}
	case kind == 3:
		cause := fmt.Sprintf("in_%d", rapid.IntRange(1, 9).Draw(t, "invoice"))
		return ledger.Command{Operation: ledger.ChangeOperation(cause), Action: h.change(t)}
	case kind == 4 && OneOf(t, 3, "end?") == 0:
		subscription := anySubscription(t)
		return ledger.Command{Operation: ledger.EndOperation(subscription), Action: ledger.EndPlan{Subscription: subscription}}
	case kind < 7:
		return ledger.Command{Action: h.takeBack(t)}
	case kind < 9:
		return ledger.Command{Action: anyRefillTerms(t)}
	case kind == 9:
		return ledger.Command{Action: anyStart(t)}
	}
	return settlement(t, "rf_guessed_1")
}

// refill is what the account's refill has come to, nil where that is not known.
func (h *History) refill() *Refill {
	if h.Reference == nil {
		return nil
	}
	return h.Reference.Refill
}

func anyStart(t *rapid.T) ledger.StartRefill {
	return ledger.StartRefill{
		Unavailable: rapid.IntRange(0, 9).Draw(t, "unavailable") == 0,
		Pack:        rapid.SampledFrom([]string{"", "", "pack_1", "pack_2"}).Draw(t, "pack"),
		Price:       money.Money{Minor: rapid.SampledFrom([]int64{1, 500, 1000}).Draw(t, "price"), Currency: anyCurrency(t)},
		Credits:     credit.Amount(rapid.SampledFrom([]int64{1, 5_000_000, 20_000_000}).Draw(t, "credits")), ValidityDays: rapid.IntRange(0, 2).Draw(t, "days"),
	}
}

func settlement(t *rapid.T, id string) ledger.Command {
	return ledger.Command{Operation: ledger.RefillOperation(id), Action: ledger.SettleRefill{
		ID: id,
		Outcome: rapid.SampledFrom([]ledger.RefillOutcome{
			ledger.RefillPaid, ledger.RefillPaid, ledger.RefillDeclined, ledger.RefillDeclined, ledger.RefillDeclined,
			ledger.RefillNeedsAction, ledger.RefillCanceled, ledger.RefillUnavailable,
		}).Draw(t, "outcome"),
		Payment: rapid.SampledFrom([]string{"", "pi_9"}).Draw(t, "paid"),
		Reason:  rapid.SampledFrom([]string{"", "expired_card"}).Draw(t, "why"),
	}}
}

func anySubscription(t *rapid.T) string {
	return rapid.SampledFrom([]string{"sub_1", "sub_1", "sub_1", "sub_2", "free_1"}).Draw(t, "subscription")
}

func anyCurrency(t *rapid.T) string {
	return rapid.SampledFrom([]string{"usd", "usd", "usd", "usd", "eur"}).Draw(t, "currency")
}

func anyPlanTerms(t *rapid.T) (included credit.Amount, overage ledger.Overage, rate money.Rate, rollover credit.Amount) {
	included = credit.Amount(rapid.SampledFrom([]int64{0, 3_000_000, 10_000_000, 25_000_001}).Draw(t, "included"))
	overage = rapid.SampledFrom([]ledger.Overage{
		{}, {Policy: ledger.Block}, {Policy: ledger.Bill, Limit: 5 * credit.Credit}, {Policy: ledger.Bill, Limit: 20 * credit.Credit},
	}).Draw(t, "plan's overage")
	rate = rapid.SampledFrom([]money.Rate{{}, {PerCredit: 1_500_000, Currency: "usd"}, {PerCredit: 333_333, Currency: "usd"}}).Draw(t, "rate")
	rollover = credit.Amount(rapid.SampledFrom([]int64{0, 2_000_000, 100_000_000}).Draw(t, "rollover"))
	return included, overage, rate, rollover
}

// period generates a period of a day or so near now: the present one, one that is
// over, one that another has overtaken.
func (h *History) period(t *rapid.T) ledger.OpenPeriod {
	const length = 24 * time.Hour
	start := h.now.Truncate(length).Add(time.Duration(rapid.IntRange(-3, 1).Draw(t, "period")) * length)
	included, overage, rate, rollover := anyPlanTerms(t)
	return ledger.OpenPeriod{
		Subscription: anySubscription(t), Plan: rapid.SampledFrom([]string{"basic", "pro"}).Draw(t, "plan"),
		Start: start, End: start.Add(length), LapseAt: start.Add(length + 7*time.Hour), Credits: included,
		Overage: overage, OverageRate: rate, Rollover: rollover, Payment: rapid.SampledFrom([]string{"", "pi_7"}).Draw(t, "paid by"),
	}
}

func (h *History) change(t *rapid.T) ledger.ChangePlan {
	included, overage, rate, rollover := anyPlanTerms(t)
	change := ledger.ChangePlan{
		Subscription: anySubscription(t), Plan: rapid.SampledFrom([]string{"basic", "pro"}).Draw(t, "plan"),
		Credits:  credit.Amount(rapid.SampledFrom([]int64{0, 0, 4_000_000}).Draw(t, "now")),
		Included: included, Overage: overage, OverageRate: rate, Rollover: rollover,
	}
	if at := anyInstant(t, "at", h.now, -30*time.Hour, -time.Hour, 0, 30*time.Hour); at != nil {
		change.At = *at
	}
	if at := anyInstant(t, "lapses", h.now, -time.Hour, 0, time.Hour, 30*time.Hour); at != nil {
		change.LapseAt = *at
	}
	return change
}

// takeBack mostly names something that was granted, and mostly has the right
// count of recoveries.
func (h *History) takeBack(t *rapid.T) ledger.TakeBack {
	of := rapid.SampledFrom(append(h.grants[:len(h.grants):len(h.grants)], "op-1", "unknown")).Draw(t, "taken back of")
	if len(h.undone) > 0 && rapid.Bool().Draw(t, "again") {
		of = rapid.SampledFrom(h.undone).Draw(t, "more or less of")
	}
	h.undone = append(h.undone, of)
	back := ledger.TakeBack{
		Of:     of,
		Total:  credit.Amount(rapid.SampledFrom([]int64{0, 1, 1_000_000, 2_500_000, 3_000_000, 5_000_000, 10_000_000, -1}).Draw(t, "total")),
		Seen:   rapid.IntRange(0, 2).Draw(t, "seen"),
		Reason: rapid.SampledFrom([]string{"", "refunded"}).Draw(t, "reason"),
	}
	if h.Reference != nil && rapid.IntRange(0, 9).Draw(t, "stale") > 0 {
		back.Seen = h.Reference.Tally(of)
	}
	return back
}

func anyRefillTerms(t *rapid.T) ledger.SetRefill {
	return ledger.SetRefill{
		Enabled:   rapid.IntRange(0, 4).Draw(t, "enabled") > 0,
		Threshold: credit.Amount(rapid.SampledFrom([]int64{0, 10_000_000, 1_000_000_000, 1_000_000_000}).Draw(t, "threshold")),
		Pack:      rapid.SampledFrom([]string{"pack_1", "pack_2"}).Draw(t, "pack"),
		Cap:       money.Money{Minor: rapid.SampledFrom([]int64{0, 1000, 2500, 5000, 5000}).Draw(t, "cap"), Currency: anyCurrency(t)},
	}
}
