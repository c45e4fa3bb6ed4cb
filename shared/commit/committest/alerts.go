package committest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// Alerts commits generated batches, and demands that no alert is lost in one.
// It has a floor: batches whose alerts all come from their last entry prove nothing.
func Alerts(t *testing.T, store commit.Store, checks int) {
	t.Helper()
	Bound(t, checks)
	next, early := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		next++
		early += alertsOfABatch(t, store, fmt.Sprintf("alerts-%d", next))
	})
	t.Logf("%d batches, %d entries with alerts before the last of their batch", next, early)
	if early < checks/2 {
		t.Errorf("only %d entries before the last of their batch have made alerts", early)
	}
}

// alertsOfABatch commits commands at once into one account, and one by one into
// another. The wallet's image after the batch must name just the alerts of all
// its entries, which are those that the images of the single commits have named,
// each with the entry that made it. It reports how many entries but the last one
// have made some.
func alertsOfABatch(t *rapid.T, store commit.Store, account string) (early int) {
	ctx := context.Background()
	committer := NewCommitter(store, atStart)
	together, alone := account+"-together", account+"-alone"
	opening := anyOpening(t)
	commands := anyCrossings(t)
	for _, id := range []string{together, alone} {
		for _, command := range opening {
			if outcome := committer.Do(ctx, id, command); outcome.Err != nil {
				t.Fatal(outcome.Err)
			}
		}
	}
	image := func(id string) *ledger.Wallet {
		snapshot, err := store.Read(ctx, id, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		return snapshot.Wallet
	}
	opened := image(together).Seq
	var entered, imaged []ledger.Alert
	for _, outcome := range committer.Run(ctx, together, commands...) {
		if outcome.Entry == nil || outcome.Replayed {
			continue
		}
		for _, kind := range outcome.Entry.Alerts {
			entered = append(entered, ledger.Alert{Seq: outcome.Entry.Seq, Kind: kind})
		}
	}
	for _, command := range commands {
		if outcome := committer.Do(ctx, alone, command); outcome.Entry != nil && !outcome.Replayed {
			imaged = append(imaged, image(alone).Alerts...)
		}
	}
	after := image(together)
	if after.Seq == opened {
		return 0 // nothing was accepted: the image is still the opening's
	}
	if !slices.Equal(after.Alerts, entered) {
		t.Fatalf("the image of a batch names %v, its entries made %v", after.Alerts, entered)
	}
	if !slices.Equal(after.Alerts, imaged) {
		t.Fatalf("the image of a batch names %v, one by one the images named %v", after.Alerts, imaged)
	}
	for i, alert := range entered {
		if alert.Seq < after.Seq && (i == 0 || entered[i-1].Seq != alert.Seq) {
			early++
		}
	}
	return early
}

// anyOpening opens an account that is near its thresholds.
func anyOpening(t *rapid.T) []ledger.Command {
	settings := ledger.Settings{
		Name: "Acme", Zone: "UTC", Status: ledger.Active,
		LowBalance: credit.Amount(rapid.IntRange(0, 8).Draw(t, "threshold")) * credit.Credit,
	}
	if rapid.Bool().Draw(t, "overage?") {
		settings.Overage = &ledger.Overage{Policy: ledger.Bill, Limit: credit.Amount(rapid.IntRange(1, 6).Draw(t, "limit")) * credit.Credit}
	}
	return []ledger.Command{
		{Action: ledger.Configure{Settings: settings}},
		ledger.Keyed("opening", ledger.AddGrant{Amount: credit.Amount(rapid.IntRange(1, 12).Draw(t, "opening")) * credit.Credit, Source: ledger.FromPromo}),
	}
}

// anyCrossings are up to as many commands as go into one commit: debits, and
// grants of about as much, so that the balance falls and rises again.
func anyCrossings(t *rapid.T) []ledger.Command {
	count := rapid.OneOf(rapid.IntRange(2, 12), rapid.Just(commit.MaxOperations)).Draw(t, "commands")
	commands := make([]ledger.Command, count)
	for i := range commands {
		amount := credit.Amount(rapid.IntRange(0, 6).Draw(t, "amount")) * credit.Credit
		var action ledger.Action = simpleDebit(amount)
		if kind := rapid.IntRange(0, 5).Draw(t, "kind"); kind < 2 && amount > 0 {
			grant := ledger.AddGrant{Amount: amount, Source: ledger.FromPurchase}
			if kind == 0 {
				grant.Payment = fmt.Sprintf("pi_%d", i)
			}
			action = grant
		}
		id := i
		if i > 0 && rapid.IntRange(0, 12).Draw(t, "repeated?") == 0 {
			id-- // the id of the one before, mostly with another request
		}
		commands[i] = ledger.Keyed(ledger.OperationID(fmt.Sprintf("op-%d", id)), action)
	}
	return commands
}
