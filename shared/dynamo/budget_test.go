package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
)

func atStart() time.Time { return ledgertest.Start }

func debit(id ledger.OperationID, replies credit.Amount) ledger.Command {
	return ledger.Keyed(id, ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api",
		Lines: []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: replies * credit.Credit}},
	})
}

func grant(id ledger.OperationID, credits credit.Amount) ledger.Command {
	return ledger.Keyed(id, ledger.AddGrant{Amount: credits * credit.Credit, Source: ledger.FromPromo})
}

func configure(name string) ledger.Command {
	overage := &ledger.Overage{Policy: ledger.Bill, Limit: 10 * credit.Credit}
	return ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: name, Zone: "UTC", Status: ledger.Active, Overage: overage}}}
}

// accept runs commands that must be accepted.
func accept(t *testing.T, committer *commit.Committer, account string, commands ...ledger.Command) {
	t.Helper()
	for _, outcome := range committer.Run(t.Context(), account, commands...) {
		if outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
}

// spending sums up the read units that DynamoDB reports. What DynamoDB Local
// reports of transactions is wrong; their price follows from the items' sizes.
type spending struct {
	mu    sync.Mutex
	reads float64
}

func (s *spending) observe(_ context.Context, spent dynamo.Spent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads += spent.ReadUnits
}

func (s *spending) take() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	reads := s.reads
	s.reads = 0
	return reads
}

func TestRoundTripsAndReadsOfACommand(t *testing.T) {
	const batch = 20
	var spent spending
	tables := dynamotest.NewTables(t, dynamotest.WithObserver(spent.observe))
	now := ledgertest.Start
	committer := committest.NewCommitter(tables.Client, func() time.Time { return now })
	accept(t, committer, "acme", configure("Acme"), grant("opening", 1000))
	var many []ledger.Command
	for i := range batch {
		many = append(many, debit(ledger.OperationID(fmt.Sprintf("batched-%d", i)), 1))
	}
	const read, write, query, get = "BatchGetItem", "TransactWriteItems", "Query", "GetItem"
	for _, c := range []struct {
		name     string
		commands []ledger.Command
		code     fault.Code
		requests []string
		reads    float64
	}{
		{"a debit", []ledger.Command{debit("op", 1)}, "", []string{read, write}, 2},
		{"a replay", []ledger.Command{debit("op", 1)}, "", []string{read}, 2},
		{"a reuse", []ledger.Command{debit("op", 2)}, fault.IdempotencyKeyReused, []string{read}, 2},
		{"a refusal", []ledger.Command{debit("refused", 1_000_000)}, fault.InsufficientCredits, []string{read}, 2},
		{"a refusal by a wallet that has just been written", []ledger.Command{debit("refused", 1_000_000)}, fault.InsufficientCredits, []string{read, read}, 4},
		{"a batch", many, "", []string{read, write}, batch + 1},
		{"a replayed batch", many, "", []string{read}, batch + 1},
		{"a grant", []ledger.Command{grant("more", 1)}, "", []string{read, write}, 2},
		{"a reversal", []ledger.Command{ledger.Keyed("back", ledger.ReverseDebit{Of: "op"})}, "", []string{read, query, write}, 3},
		{"new settings", []ledger.Command{configure("Acme Ltd")}, "", []string{get, write}, 1},
		{"the same settings", []ledger.Command{configure("Acme Ltd")}, "", []string{get}, 1},
		{"nothing to expire", []ledger.Command{{Action: ledger.ExpireGrants{}}}, "", []string{get}, 1},
	} {
		spent.take()
		tables.Requests.Take()
		if c.name == "a refusal" {
			now = now.Add(time.Minute) // nobody else writes the wallet
		}
		if strings.HasPrefix(c.name, "a refusal by") {
			accept(t, committer, "acme", debit("busy", 1))
			spent.take()
			tables.Requests.Take()
		}
		for _, outcome := range committer.Run(t.Context(), "acme", c.commands...) {
			if (outcome.Err != nil || c.code != "") && fault.CodeOf(outcome.Err) != c.code {
				t.Errorf("%s: %v", c.name, outcome.Err)
			}
		}
		if requests := tables.Requests.Take(); !slices.Equal(requests, c.requests) {
			t.Errorf("%s: requests %v, want %v", c.name, requests, c.requests)
		}
		if reads := spent.take(); reads > c.reads {
			t.Errorf("%s: %g read units, want at most %g", c.name, reads, c.reads)
		} else if reads == 0 {
			t.Errorf("%s: no consumption is reported", c.name)
		}
	}
}
