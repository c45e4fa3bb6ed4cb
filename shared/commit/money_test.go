package commit_test

import (
	"sync"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/money"
)

func period(n int) ledger.Command {
	start := ledgertest.Start.AddDate(0, n, 0)
	return ledger.Command{Operation: ledger.PeriodOperation("sub_1", start), Action: ledger.OpenPeriod{
		Subscription: "sub_1", Plan: "basic", Start: start, End: start.AddDate(0, 1, 0), LapseAt: start.AddDate(0, 1, 3), Credits: 10 * credit.Credit,
	}}
}

// A command under an id that follows from what it refers to is replayed under
// it, whatever its content; one that has nothing to do leaves its id free.
func TestOperationsOfPayments(t *testing.T) {
	_, committer := newAccount(t, 3)
	end := ledger.Command{Operation: ledger.EndOperation("sub_1"), Action: ledger.EndPlan{Subscription: "sub_1"}}
	for i, c := range []struct {
		command           ledger.Command
		entry, isReplayed bool
	}{
		{end, false, false}, // nothing to end
		{period(1), true, false},
		{period(1), true, true},
		{period(0), false, false}, // stale
		{end, true, false},        // the id was free
		{end, true, true},
		{period(0), true, false}, // no longer stale: its id was free too
	} {
		outcome := committer.Do(t.Context(), account, c.command)
		if outcome.Err != nil || (outcome.Entry != nil) != c.entry || outcome.Replayed != c.isReplayed {
			t.Errorf("%d, %+v: %+v", i, c.command, outcome)
		}
	}
}

// That there is nothing to do may rest on the very operation that is asked for.
func TestADuplicatePeriodIsReplayed(t *testing.T) {
	store, _ := newAccount(t, 3)
	outcome := beside(t, store, period(0), 0).Do(t.Context(), account, period(0))
	if outcome.Err != nil || outcome.Entry == nil || !outcome.Replayed {
		t.Errorf("the second of two equal periods was answered with %+v", outcome)
	}
}

func TestOneRefillIsStartedByManyCallers(t *testing.T) {
	const callers = 200
	store, committer := newAccount(t, 3)
	store.script = nil
	terms := ledger.SetRefill{Enabled: true, Threshold: 10 * credit.Credit, Pack: "p", Cap: money.Money{Minor: 10_000, Currency: "usd"}}
	if outcome := committer.Do(t.Context(), account, ledger.Command{Action: terms}); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	start := ledger.Command{Action: ledger.StartRefill{Price: money.Money{Minor: 400, Currency: "usd"}, Credits: 5 * credit.Credit}}
	outcomes := make([]commit.Outcome, callers)
	var running sync.WaitGroup
	for i := range outcomes {
		running.Go(func() { outcomes[i] = committer.Do(t.Context(), account, start) })
	}
	running.Wait()
	started := 0
	for _, outcome := range outcomes {
		if outcome.Err != nil {
			t.Error(outcome.Err)
		}
		if outcome.Entry != nil {
			started++
		}
	}
	snapshot, err := store.Store.Read(t.Context(), account, nil, "")
	if err != nil || started != 1 || snapshot.Wallet.Refill.Spent != 400 {
		t.Errorf("%d refills were started: %+v, %v", started, snapshot.Wallet.Refill, err)
	}
}

// Two that take the same back at once: the second must read again.
func TestTwoRecoveriesAtOnce(t *testing.T) {
	store, committer := newAccount(t, 3)
	paid := ledger.PaymentOperation("pi_1")
	buy := ledger.Command{Operation: paid, Action: ledger.AddGrant{Amount: 10 * credit.Credit, Source: ledger.FromPurchase, Payment: "pi_1"}}
	if outcome := committer.Do(t.Context(), account, buy); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	back := func(total credit.Amount) ledger.Command {
		return ledger.Command{Action: ledger.TakeBack{Of: paid, Total: total * credit.Credit}}
	}
	slow := committest.NewCommitter(&late{Store: store, between: func() {
		if outcome := committer.Do(t.Context(), account, back(4)); outcome.Err != nil {
			t.Error(outcome.Err)
		}
	}}, func() time.Time { return ledgertest.Start.Add(time.Hour) })
	if outcome := slow.Do(t.Context(), account, back(7)); outcome.Err != ledger.ErrTallyMoved { //nolint:errorlint // as a caller compares it
		t.Errorf("the second was answered with %+v", outcome)
	}
}
