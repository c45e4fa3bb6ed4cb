// Package usual defines a typical account, wallet and debit, which all measurements
// of capacity, time and size use.
package usual

import (
	"context"
	"fmt"
	"strings"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// What a line of a typical debit uses.
const (
	Node   = "ai_reply"
	Action = "run"
)

// Nodes are what the rate card prices, each with Action.
var Nodes = []string{
	Node, "book_meeting", "classify", "crm_lookup", "http_request", "knowledge_search",
	"read_document", "run_code", "send_email", "transcribe", "translate", "web_search",
}

// Channels are those of a deployment that sets none.
var Channels = []string{"api", "widget", "chat_portal", "whatsapp", "test_chat", "reports"}

// Rules are the default rules of a deployment.
func Rules() ledger.Rules {
	return ledger.Rules{MaxBackdate: 35 * 24 * time.Hour, MaxAhead: 5 * time.Minute, Channels: Channels}
}

// Card is a rate card in force.
func Card(now time.Time) rating.Card {
	card := rating.Card{Version: "2026-11", EffectiveAt: now.Add(-time.Hour), PublishedAt: now.Add(-time.Hour)}
	for i, node := range Nodes {
		card.Rates = append(card.Rates, rating.Rate{Item: item(i), Label: strings.ReplaceAll(node, "_", " "), Unit: "run", PerUnit: perUnit(i)})
	}
	card.Sort()
	return card
}

func item(node int) rating.Item { return rating.Item{Node: Nodes[node], Action: Action} }

// perUnit is not a round number, so that stored amounts have many digits.
func perUnit(node int) credit.Amount { return credit.Amount(137+61*node) * credit.Credit / 1000 }

// Opening returns the commands that open an account with three grants.
func Opening(now time.Time) []ledger.Command {
	overage := ledger.Overage{Policy: ledger.Bill, Limit: 1000 * credit.Credit}
	commands := []ledger.Command{{Action: ledger.Configure{Settings: ledger.Settings{
		Name: "Usual account", Zone: "Europe/Madrid", Status: ledger.Active,
		Overage: &overage, LowBalance: 50 * credit.Credit,
	}}}}
	for i, source := range []ledger.Source{ledger.FromPromo, ledger.FromPurchase, ledger.FromAdjustment} {
		priority, expires := 100+10*i, now.Add(time.Duration(i+1)*30*24*time.Hour)
		id, _ := ledger.CallerOperation(fmt.Sprintf("opening-grant-%d", i))
		commands = append(commands, ledger.Keyed(id, ledger.AddGrant{
			Amount: 1_000_000 * credit.Credit, Source: source, Priority: &priority, ExpiresAt: &expires,
			Reason: "Opening balance",
		}))
	}
	return commands
}

// Open opens accounts.
func Open(ctx context.Context, committer *commit.Committer, accounts ...string) error {
	for _, account := range accounts {
		for _, command := range Opening(time.Now()) {
			if err := committer.Do(ctx, account, command).Err; err != nil {
				return fmt.Errorf("opening account %s: %w", account, err)
			}
		}
	}
	return nil
}
