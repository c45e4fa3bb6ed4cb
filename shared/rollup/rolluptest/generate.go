package rolluptest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Start is when generated ledgers begin.
var Start = time.Date(2026, time.November, 1, 5, 30, 0, 0, time.UTC)

// maxLines is the most lines that a debit can have.
const maxLines = 50

// AnyLedger generates the entries 1, 2, 3, ... of an account: mostly debits of
// several agents, channels, nodes, conversations and days, and among them
// reversals, grants, expiries and settings. What a roll-up does not read is
// left out, so the entries need not make a coherent ledger.
func AnyLedger(t *rapid.T, account string, most int) []ledger.Entry {
	var entries []ledger.Entry
	reversals := map[int64]int{}
	for seq := range int64(rapid.IntRange(1, most).Draw(t, "entries")) {
		entry := ledger.Entry{
			Account: account, Operation: ledger.OperationID(fmt.Sprintf("op-%d", seq+1)), Seq: seq + 1,
			CreatedAt: Start.Add(time.Duration(seq) * time.Second),
		}
		switch kind := rapid.IntRange(0, 11).Draw(t, "kind"); {
		case kind < 7:
			anyDebit(t, &entry)
		case kind < 9:
			anyReversal(t, &entry, entries, reversals)
		case kind == 9:
			entry.Detail, entry.Credits = &ledger.Expiry{}, credit.Credit
		case kind == 10:
			entry.Detail = &ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
		default:
			anyGrant(&entry)
		}
		entries = append(entries, entry)
	}
	return entries
}

func anyGrant(entry *ledger.Entry) {
	entry.Credits = credit.Credit
	entry.Detail = &ledger.Issue{Grant: ledger.Grant{
		ID: fmt.Sprintf("g%d", entry.Seq), Amount: credit.Credit, Remaining: credit.Credit,
		Terms: ledger.Terms{Source: ledger.FromPromo, EffectiveAt: Start},
	}}
}

func anyDebit(t *rapid.T, entry *ledger.Entry) {
	agent := rapid.SampledFrom([]string{"a1", "a1", "a2", "a.3"}).Draw(t, "agent")
	charge := &ledger.Charge{
		Agent:        ledger.Agent{ID: agent, Name: rapid.SampledFrom([]string{"", "Helper", "Shop helper", "Ünïcode"}).Draw(t, "name")},
		Channel:      rapid.SampledFrom([]string{"api", "widget", "whatsapp"}).Draw(t, "channel"),
		Conversation: rapid.SampledFrom([]string{"", "c1", "c2", "c3", "c4"}).Draw(t, "conversation"),
		Messages:     int64(rapid.IntRange(0, 3).Draw(t, "messages")),
		OccurredAt:   Start,
		Day:          rapid.SampledFrom([]string{"2026-10-31", "2026-11-01", "2026-11-02", "2026-11-30", "2026-12-01"}).Draw(t, "day"),
		RateCard:     "v1",
		Lines:        anyLines(t),
	}
	entry.Detail = charge
	for _, line := range charge.Lines {
		entry.Credits += line.Credits
	}
}

// anyLines is a few lines, a node at times more than once, or the most there can be.
func anyLines(t *rapid.T) []rating.Priced {
	if rapid.IntRange(0, 9).Draw(t, "wide?") == 0 {
		return manyLines(rapid.IntRange(0, 3).Draw(t, "node set"), maxLines)
	}
	lines := make([]rating.Priced, rapid.IntRange(1, 4).Draw(t, "lines"))
	for i := range lines {
		lines[i] = rating.Priced{
			Line: rating.Line{
				Item: rating.Item{
					Node:   rapid.SampledFrom([]string{"ai_reply", "search", "free"}).Draw(t, "node"),
					Action: rapid.SampledFrom([]string{"run", "retry"}).Draw(t, "action"),
				},
				Quantity: credit.Amount(rapid.Int64Range(1, 5_000_000).Draw(t, "quantity")),
			},
			Credits: credit.Amount(rapid.Int64Range(0, 3_000_000).Draw(t, "credits")),
		}
	}
	return lines
}

func manyLines(set, count int) []rating.Priced {
	lines := make([]rating.Priced, count)
	for i := range lines {
		item := rating.Item{Node: fmt.Sprintf("node_%d_%02d", set, i), Action: "run"}
		lines[i] = rating.Priced{Line: rating.Line{Item: item, Quantity: credit.Credit}, Credits: credit.Amount(i)}
	}
	return lines
}

// WideDebit makes an entry of a debit with that many distinct nodes, of a set of
// nodes of its own.
func WideDebit(account string, seq int64, set, nodes int) ledger.Entry {
	charge := &ledger.Charge{
		Agent: ledger.Agent{ID: "a1", Name: "Helper"}, Channel: "api", Messages: 1, Conversation: fmt.Sprintf("c%d", seq),
		OccurredAt: Start, Day: "2026-11-01", RateCard: "v1", Lines: manyLines(set, nodes),
	}
	entry := ledger.Entry{
		Account: account, Operation: ledger.OperationID(fmt.Sprintf("op-%d", seq)), Seq: seq, CreatedAt: Start, Detail: charge,
	}
	for _, line := range charge.Lines {
		entry.Credits += line.Credits
	}
	return entry
}

// anyReversal gives back a part of an earlier debit, or is an expiry if there is none.
func anyReversal(t *rapid.T, entry *ledger.Entry, before []ledger.Entry, reversals map[int64]int) {
	var debits []ledger.Entry
	for _, e := range before {
		if e.Type() == ledger.DebitEntry {
			debits = append(debits, e)
		}
	}
	if len(debits) == 0 {
		entry.Detail, entry.Credits = &ledger.Expiry{}, credit.Credit
		return
	}
	of := rapid.SampledFrom(debits).Draw(t, "of")
	reversals[of.Seq]++
	charge := ledger.DetailOf[*ledger.Charge](&of)
	back := &ledger.Reversal{
		Of: of.Operation, OfSeq: of.Seq, Agent: charge.Agent, Channel: charge.Channel,
		Conversation: charge.Conversation, Day: charge.Day, Total: ledger.Reversed{Count: reversals[of.Seq]},
	}
	for _, line := range charge.Lines {
		part := credit.Amount(rapid.Int64Range(0, int64(line.Credits)/2).Draw(t, "given back"))
		back.Lines = append(back.Lines, ledger.LineCredits{Item: line.Item, Credits: part})
		entry.Credits += part
	}
	entry.Detail = back
}
