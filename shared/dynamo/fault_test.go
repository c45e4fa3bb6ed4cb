package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// prepared is the account that commands in doubt are sent to: a debit has drawn
// from its grant, and a second grant has been spent out.
func prepared(t *testing.T, committer *commit.Committer, account string) {
	t.Helper()
	accept(t, committer, account, configure("Acme"), grant("g1", 3), grant("g2", 20), debit("spent", 4))
}

type doubtful struct {
	name     string
	commands []ledger.Command
}

func doubtfulCommands() []doubtful {
	some := credit.Credit
	return []doubtful{
		{"debit", []ledger.Command{debit("op", 2)}},
		{"grant", []ledger.Command{grant("op", 5)}},
		{"reversal", []ledger.Command{ledger.Keyed("op", ledger.ReverseDebit{Of: "spent", Credits: &some})}},
		{"settings", []ledger.Command{configure("Acme Ltd")}},
		{"batch", []ledger.Command{debit("op-1", 1), grant("op-2", 1), debit("op-3", 2)}},
		{"debit of all that is left", []ledger.Command{debit("op", 18)}}, // 27 credits: 17 and all overage
	}
}

// At each request of each command, before it is sent and after: the same call
// again has one effect, and the answer that the first one would have got.
func TestACrashAtEveryPointOfACommand(t *testing.T) {
	faults := &dynamotest.Faults{}
	tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
	committer := committest.NewCommitter(tables.Client, atStart)
	for i, doubt := range doubtfulCommands() {
		undisturbed := fmt.Sprintf("calm-%d", i)
		prepared(t, committer, undisturbed)
		tables.Requests.Take()
		accept(t, committer, undisturbed, doubt.commands...)
		points := len(tables.Requests.Take())
		want := kept(t, tables, undisturbed)
		for _, what := range []dynamotest.Fault{dynamotest.Unsent, dynamotest.Lost} {
			for point := 1; point <= points; point++ {
				account := fmt.Sprintf("%s-%d-%d", what, i, point)
				prepared(t, committer, account)
				t.Run(fmt.Sprintf("%s %s at request %d", doubt.name, what, point), func(t *testing.T) {
					crashAt(t, tables, faults, account, doubt, point, what, want)
				})
			}
		}
	}
}

func crashAt(t *testing.T, tables *dynamotest.Tables, faults *dynamotest.Faults, account string, doubt doubtful, point int, what dynamotest.Fault, want []ledger.Entry) {
	committer := committest.NewCommitter(tables.Client, atStart)
	faults.At(point, what)
	first := committer.Run(t.Context(), account, doubt.commands...)
	faults.Plan(nil)
	for _, outcome := range first {
		if fault.CodeOf(outcome.Err) != fault.Unavailable || outcome.Entry != nil {
			t.Errorf("the disturbed call ended with %+v", outcome)
		}
	}
	again := committer.Run(t.Context(), account, doubt.commands...)
	got := kept(t, tables, account)
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i := range got {
		expected := want[i]
		expected.Account = account
		if !reflect.DeepEqual(got[i], expected) {
			t.Errorf("entry %d is %+v, want %+v", i+1, got[i], expected)
		}
	}
	for i, outcome := range again {
		answered := outcome.Entry
		if outcome.Err != nil {
			t.Errorf("the second call ended with %v", outcome.Err)
		}
		if answered == nil {
			if doubt.commands[i].Operation != "" {
				t.Errorf("the second call has no answer")
			}
			continue // settings that were in force already
		}
		if entry := got[len(got)-len(again)+i]; !reflect.DeepEqual(normal(*answered), entry) {
			t.Errorf("the second call was answered with %+v, kept is %+v", *answered, entry)
		}
	}
}

// kept are all entries of an account, which must fold into its wallet.
func kept(t *testing.T, tables *dynamotest.Tables, account string) []ledger.Entry {
	t.Helper()
	calm := tables.Connect(t)
	const all = 1000
	entries, err := subject(calm.Client).Entries(t.Context(), account, 0, all)
	if err != nil {
		t.Fatal(err)
	}
	folded, err := committest.Fold(entries)
	if err != nil {
		t.Fatal(err)
	}
	wallet, err := calm.Wallet(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	wallet.Alerts, folded.Alerts = nil, nil
	if len(wallet.Grants)+len(folded.Grants) == 0 {
		wallet.Grants, folded.Grants = nil, nil
	}
	if !reflect.DeepEqual(wallet, folded) {
		t.Fatalf("the wallet %+v is not the fold of its entries, %+v", wallet, folded)
	}
	return entries
}

// normal says no draws as they are read.
func normal(entry ledger.Entry) ledger.Entry {
	if detail := ledger.DetailOf[*ledger.Reversal](&entry); detail != nil && len(detail.Total.Draws) == 0 {
		reversal := *detail
		reversal.Total.Draws = nil
		entry.Detail = &reversal
	}
	return entry
}

func TestWhatATransactionMayMeet(t *testing.T) {
	for i, c := range []struct {
		fault dynamotest.Fault
		cause commit.Cause
	}{
		{dynamotest.Conflict, commit.Conflict},
		{dynamotest.Throttling, commit.Throttled},
		{dynamotest.Provisioned, commit.Throttled},
		{dynamotest.Throttled, commit.Throttled},
	} {
		faults := &dynamotest.Faults{}
		tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
		committer := committest.NewCommitter(tables.Client, atStart)
		prepared(t, committer, "acme")
		var causes []commit.Cause
		committer.OnRetry = func(_ context.Context, cause commit.Cause) { causes = append(causes, cause) }
		faults.At(2, c.fault)
		outcome := committer.Do(t.Context(), "acme", debit("op", 1))
		if outcome.Err != nil || outcome.Replayed || len(causes) != 1 || causes[0] != c.cause {
			t.Errorf("%d: %s: %+v after %v", i, c.fault, outcome, causes)
		}
	}
}

// A cancellation that no reason explains is an error, never a guess.
func TestACancellationWithoutReasonsIsAnError(t *testing.T) {
	faults := &dynamotest.Faults{}
	tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
	committer := committest.NewCommitter(tables.Client, atStart)
	prepared(t, committer, "acme")
	before := kept(t, tables, "acme")
	faults.At(2, dynamotest.Codeless)
	outcome := committer.Do(t.Context(), "acme", debit("op", 1))
	if outcome.Err == nil || outcome.Entry != nil || fault.CodeOf(outcome.Err) != fault.Internal {
		t.Errorf("outcome %+v", outcome)
	}
	if after := kept(t, tables, "acme"); len(after) != len(before) {
		t.Errorf("%d entries became %d", len(before), len(after))
	}
}

func TestAThrottledReadIsUnavailable(t *testing.T) {
	faults := &dynamotest.Faults{}
	tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
	committer := committest.NewCommitter(tables.Client, atStart)
	prepared(t, committer, "acme")
	faults.At(1, dynamotest.Throttled)
	if outcome := committer.Do(t.Context(), "acme", debit("op", 1)); fault.CodeOf(outcome.Err) != fault.Unavailable {
		t.Errorf("outcome %+v", outcome)
	}
}

func TestUnprocessedKeysAreAskedForAgain(t *testing.T) {
	faults := &dynamotest.Faults{}
	tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
	committer := committest.NewCommitter(tables.Client, atStart)
	prepared(t, committer, "acme")
	batch := []ledger.Command{debit("a", 1), debit("b", 1), debit("c", 1), debit("d", 1)}
	accept(t, committer, "acme", batch...)
	faults.Plan(func(n int, _ string) dynamotest.Fault {
		if n <= 3 {
			return dynamotest.Unprocessed
		}
		return dynamotest.None
	})
	for i, outcome := range committer.Run(t.Context(), "acme", batch...) {
		if !outcome.Replayed || outcome.Err != nil {
			t.Errorf("outcome %d: %+v", i, outcome)
		}
	}
	faults.Plan(func(int, string) dynamotest.Fault { return dynamotest.Unprocessed })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if outcome := committer.Do(ctx, "acme", debit("e", 1)); fault.CodeOf(outcome.Err) != fault.Unavailable || !errors.Is(outcome.Err, context.DeadlineExceeded) {
		t.Errorf("nothing is ever processed: %+v", outcome)
	}
}

func TestContentionPastTheDeadlineChangesNothing(t *testing.T) {
	faults := &dynamotest.Faults{}
	tables := dynamotest.NewTables(t, dynamotest.WithFaults(faults))
	committer := committest.NewCommitter(tables.Client, atStart)
	prepared(t, committer, "acme")
	before := kept(t, tables, "acme")
	faults.Plan(func(int, string) dynamotest.Fault { return dynamotest.Conflict })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if outcome := committer.Do(ctx, "acme", debit("op", 1)); fault.CodeOf(outcome.Err) != fault.Contended {
		t.Errorf("outcome %+v", outcome)
	}
	if after := kept(t, tables, "acme"); !reflect.DeepEqual(before, after) {
		t.Errorf("entries %+v became %+v", before, after)
	}
}

func TestOnlyWhatCanBeAffordedIsAccepted(t *testing.T) {
	committest.Affordable(t, subject(dynamotest.NewClient(t)), "acme")
}

func TestAGrantLandsBesideBusyCallers(t *testing.T) {
	committest.GrantBesideBusyCallers(t, subject(dynamotest.NewClient(t)), "acme")
}
