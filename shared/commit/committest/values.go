package committest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// The values below need not make sense together: a store keeps what it is given.

// maxItems bounds the generated lists; nil stands for none, as after a read.
const maxItems = 3

func list[E any](t *rapid.T, label string, least int, element func() E) []E {
	var elements []E
	for range rapid.IntRange(least, maxItems).Draw(t, label) {
		elements = append(elements, element())
	}
	return elements
}

func anyText(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.Just(""), rapid.StringN(0, 12, 64), rapid.Just("Ünïcode 試 \"'#%")).Draw(t, label)
}

func anyAmount(t *rapid.T, label string) credit.Amount {
	return credit.Amount(rapid.OneOf(rapid.SampledFrom([]int64{0, 1, -1, int64(credit.Max), -int64(credit.Max)}), rapid.Int64()).Draw(t, label))
}

// anyTime is the zero time at times, where it may be; never the epoch, which
// no entry can have.
func anyTime(t *rapid.T, label string, orNone bool) time.Time {
	if orNone && rapid.Bool().Draw(t, label+" none") {
		return time.Time{}
	}
	return time.UnixMilli(rapid.Int64Range(1, 4_102_444_800_000).Draw(t, label)).UTC()
}

func anyPart(t *rapid.T) ledger.Part {
	return ledger.Part{GrantID: anyText(t, "grant id"), Credits: anyAmount(t, "part")}
}

func anyTerms(t *rapid.T) ledger.Terms {
	return ledger.Terms{
		Source:      ledger.Source(anyText(t, "source")),
		Priority:    rapid.Int().Draw(t, "priority"),
		EffectiveAt: anyTime(t, "effective at", true),
		ExpiresAt:   anyTime(t, "expires at", true),
	}
}

func anyGrant(t *rapid.T) ledger.Grant {
	return ledger.Grant{ID: anyText(t, "id"), Terms: anyTerms(t), Amount: anyAmount(t, "amount"), Remaining: anyAmount(t, "remaining")}
}

func anySettings(t *rapid.T) ledger.Settings {
	settings := ledger.Settings{
		Name: anyText(t, "name"), Zone: anyText(t, "zone"), Status: ledger.Status(anyText(t, "status")), LowBalance: anyAmount(t, "low balance"),
	}
	if rapid.Bool().Draw(t, "overage said") {
		settings.Overage = &ledger.Overage{Policy: ledger.OveragePolicy(anyText(t, "policy")), Limit: anyAmount(t, "limit")}
	}
	return settings
}

func anyWallet(t *rapid.T, account string, seq int64) ledger.Wallet {
	return ledger.Wallet{
		Account: account, Seq: seq, LastAt: anyTime(t, "last at", false),
		Settings:    anySettings(t),
		Grants:      list(t, "grants", 0, func() ledger.Grant { return anyGrant(t) }),
		OverageUsed: anyAmount(t, "overage used"),
		Owed:        anyAmount(t, "owed"),
		Plan:        optional(t, "plan", anyPlan),
		Refill:      optional(t, "refill", anyRefill),
		Alerts: list(t, "alerts", 0, func() ledger.Alert {
			return ledger.Alert{Seq: rapid.Int64().Draw(t, "alert seq"), Kind: ledger.AlertKind(anyText(t, "alert"))}
		}),
	}
}

func anyOperation(t *rapid.T, seq int64) ledger.OperationID {
	id, _ := ledger.CallerOperation(fmt.Sprintf("%d%s", seq, rapid.StringMatching(`[!-~]{0,100}`).Draw(t, "operation")))
	if rapid.IntRange(0, 4).Draw(t, "system") == 0 {
		id = ledger.OperationID(fmt.Sprintf("SYS#expiry#%d", seq))
	}
	return id
}

func anyEntry(t *rapid.T, account string, seq int64) ledger.Entry {
	entry := ledger.Entry{
		Account: account, Operation: anyOperation(t, seq), Seq: seq, CreatedAt: anyTime(t, "created at", false),
		Credits: anyAmount(t, "credits"), Change: anyAmount(t, "change"),
		After:  ledger.Balance{Available: anyAmount(t, "available"), OverageUsed: anyAmount(t, "overage used")},
		Lapsed: list(t, "lapsed", 0, func() ledger.Part { return anyPart(t) }),
		Alerts: list(t, "alerts", 0, func() ledger.AlertKind { return ledger.AlertKind(anyText(t, "alert")) }),
	}
	for i := range entry.Hash {
		entry.Hash[i] = rapid.Byte().Draw(t, "hash")
	}
	entry.Detail = anyDetail(t, rapid.SampledFrom(ledger.EntryTypes()).Draw(t, "type"))
	return entry
}

// anyDetail is the detail of an entry of a type.
func anyDetail(t *rapid.T, kind ledger.EntryType) ledger.Detail {
	switch kind {
	case ledger.DebitEntry:
		return anyCharge(t)
	case ledger.GrantEntry:
		return anyIssue(t)
	case ledger.ReversalEntry:
		return anyReversal(t)
	case ledger.ExpiryEntry:
		return &ledger.Expiry{}
	case ledger.SettingsEntry:
		settings := anySettings(t)
		return &settings
	case ledger.RenewalEntry:
		return anyRenewal(t)
	case ledger.PlanChangeEntry:
		return &ledger.PlanChange{State: anyPlan(t), From: anyText(t, "from"), Issue: anyIssueOrNone(t), Bill: anyBill(t)}
	case ledger.PlanEndEntry:
		return &ledger.PlanEnd{Ended: anyParts(t, "ended"), Bill: anyBill(t)}
	case ledger.TakeBackEntry:
		return &ledger.TakenBack{Recovery: anyRecovery(t), Taken: anyParts(t, "taken")}
	case ledger.GiveBackEntry:
		return &ledger.GivenBack{
			Recovery: anyRecovery(t), Restored: anyParts(t, "restored"),
			Reopened: list(t, "reopened", 0, func() ledger.Grant { return anyGrant(t) }),
		}
	case ledger.RefillEntry:
		return anyRefillStep(t)
	}
	t.Fatalf("there are no values for a %s", kind)
	return nil
}

func anyAgent(t *rapid.T) ledger.Agent {
	return ledger.Agent{ID: anyText(t, "agent"), Name: anyText(t, "agent name")}
}

func anyItem(t *rapid.T) rating.Item {
	return rating.Item{Node: anyText(t, "node"), Action: anyText(t, "action")}
}

func anyCharge(t *rapid.T) *ledger.Charge {
	return &ledger.Charge{
		Agent: anyAgent(t), Channel: anyText(t, "channel"), Conversation: anyText(t, "conversation"),
		Messages: rapid.Int64().Draw(t, "messages"), Run: anyText(t, "run"),
		OccurredAt: anyTime(t, "occurred at", false), Day: anyText(t, "day"), RateCard: anyText(t, "rate card"),
		Lines: list(t, "lines", 1, func() rating.Priced {
			return rating.Priced{
				Line:    rating.Line{Item: anyItem(t), Quantity: anyAmount(t, "quantity")},
				PerUnit: anyAmount(t, "per unit"), Credits: anyAmount(t, "credits"),
			}
		}),
		Drawn:   list(t, "drawn", 0, func() ledger.Draw { return ledger.Draw{Part: anyPart(t), Terms: anyTerms(t)} }),
		Overage: anyAmount(t, "overage"),
	}
}

func anyReversal(t *rapid.T) *ledger.Reversal {
	amount := func() credit.Amount { return anyAmount(t, "given back") }
	return &ledger.Reversal{
		Of: ledger.OperationID(rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "of")), OfSeq: rapid.Int64().Draw(t, "of seq"), Reason: anyText(t, "reason"),
		Agent: anyAgent(t), Channel: anyText(t, "channel"), Conversation: anyText(t, "conversation"), Day: anyText(t, "day"),
		Lines: list(t, "lines", 1, func() ledger.LineCredits {
			return ledger.LineCredits{Item: anyItem(t), Credits: anyAmount(t, "credits")}
		}),
		Restored: list(t, "restored", 0, func() ledger.Part { return anyPart(t) }),
		Reopened: list(t, "reopened", 0, func() ledger.Grant { return anyGrant(t) }),
		Overage:  anyAmount(t, "overage"),
		Total: ledger.Reversed{
			Count: rapid.IntRange(1, 999_999).Draw(t, "count"), Credits: anyAmount(t, "total"), Overage: anyAmount(t, "total overage"),
			Draws: list(t, "draws", 0, amount), Lines: list(t, "line totals", 0, amount),
		},
	}
}
