package ledgertest

import (
	"drawdown/shared/census"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// HistoryFloors are what 100 generated histories come to at the least.
var HistoryFloors = census.Floors{
	"debits accepted": 100, "debits refused": 100, "debits refused for want of credits": 50, "debits of several grants": 8, "debits with overage": 8,
	"replays": 80, "reuses of an id refused": 25, "entries of a reversal": 8, "entries of a take_back": 8, "entries of a give_back": 1,
	"entries that let a grant lapse": 40, "entries with an alert": 100,
	"entries of a grant": 80, "entries of a renewal": 40, "entries of a plan_change": 4, "entries of a plan_end": 1,
	"entries of a refill": 50, "entries of a settings": 50, "entries of a expiry": 4,
}

// FewHistoriesFloors are those of a store that is too slow for more than some 20
// histories, and may fail at times: rare cases may not occur in so few.
var FewHistoriesFloors = census.Floors{
	"debits accepted": 40, "debits refused": 40, "debits refused for want of credits": 20,
	"replays": 35, "reuses of an id refused": 5, "entries that let a grant lapse": 15, "entries with an alert": 50,
	"entries of a grant": 40, "entries of a renewal": 15, "entries of a refill": 20, "entries of a settings": 50,
}

// Count counts what has come of a command.
func Count(did *census.Census, command ledger.Command, answer Answer) {
	_, debit := command.Action.(ledger.Debit)
	entry := answer.Entry
	switch {
	case answer.Replayed:
		did.Count("replays")
		return
	case answer.Refusal.Code == fault.IdempotencyKeyReused:
		did.Count("reuses of an id refused")
		return
	case answer.Refusal.Code != "":
		did.Count("refusals")
		did.CountIf(debit, "debits refused")
		did.CountIf(answer.Refusal.Code == fault.InsufficientCredits, "debits refused for want of credits")
		return
	case entry.Type == "":
		did.Count("commands that change nothing")
		return
	}
	did.Count("entries of a " + entry.Type)
	did.CountIf(debit, "debits accepted")
	did.CountIf(debit && len(entry.Debit.Drawn) > 1, "debits of several grants")
	did.CountIf(debit && entry.Debit.Overage > 0, "debits with overage")
	did.CountIf(len(entry.Lapsed) > 0, "entries that let a grant lapse")
	did.CountIf(len(entry.Alerts) > 0, "entries with an alert")
}
