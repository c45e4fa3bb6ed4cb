package commit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/memory"
	"drawdown/shared/rating"
)

const account = "acme"

// scripted is a store whose commits end as a test has it, once for each step of
// the script; then, and for a nil step, they go through.
type scripted struct {
	memory.Store
	mu      sync.Mutex
	script  []func() (commit.Verdict, error)
	commits []int // how many entries each commit had that went through
}

func (s *scripted) Commit(ctx context.Context, change commit.Change) (commit.Verdict, error) {
	s.mu.Lock()
	var step func() (commit.Verdict, error)
	if len(s.script) > 0 {
		step, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	if step != nil {
		return step()
	}
	verdict, err := s.Store.Commit(ctx, change)
	if verdict.Committed {
		s.mu.Lock()
		s.commits = append(s.commits, len(change.Entries))
		s.mu.Unlock()
	}
	return verdict, err
}

// Read refuses to read one operation twice, as DynamoDB does.
func (s *scripted) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	for i, operation := range operations {
		if slices.Contains(operations[:i], operation) {
			return commit.Snapshot{}, fmt.Errorf("operation %s is asked for twice", operation)
		}
	}
	return s.Store.Read(ctx, account, operations, of)
}

func ends(cause commit.Cause) func() (commit.Verdict, error) {
	return func() (commit.Verdict, error) { return commit.Verdict{Cause: cause}, nil }
}

// newAccount is a committer of a store with an account that has so many credits.
func newAccount(t *testing.T, credits credit.Amount) (*scripted, *commit.Committer) {
	t.Helper()
	store := &scripted{}
	committer := committest.NewCommitter(store, func() time.Time { return ledgertest.Start })
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	for _, command := range []ledger.Command{{Action: ledger.Configure{Settings: settings}}, grant("opening", credits)} {
		if outcome := committer.Do(t.Context(), account, command); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
	store.commits = nil
	return store, committer
}

func grant(id ledger.OperationID, credits credit.Amount) ledger.Command {
	return ledger.Keyed(id, ledger.AddGrant{Amount: credits * credit.Credit, Source: ledger.FromPromo})
}

// debit takes three credits a pair of AI replies.
func debit(id ledger.OperationID, pairs credit.Amount) ledger.Command {
	return ledger.Keyed(id, ledger.Debit{
		Agent: ledger.Agent{ID: "a1"}, Channel: "api",
		Lines: []rating.Line{{Item: rating.Item{Node: "ai_reply", Action: "run"}, Quantity: 2 * pairs * credit.Credit}},
	})
}

func debits(count int) []ledger.Command {
	commands := make([]ledger.Command, count)
	for i := range commands {
		commands[i] = debit(ledger.OperationID(fmt.Sprintf("op-%d", i)), 1)
	}
	return commands
}

func seq(t *testing.T, store commit.Store) int64 {
	t.Helper()
	snapshot, err := store.Read(t.Context(), account, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Wallet.Seq
}

// A refusal is not a commit, neither alone nor among refusals only.
func TestARefusalWritesNothing(t *testing.T) {
	store, committer := newAccount(t, 2)
	for _, commands := range [][]ledger.Command{debits(1), debits(3)} {
		for _, outcome := range committer.Run(t.Context(), account, commands...) {
			if fault.CodeOf(outcome.Err) != fault.InsufficientCredits {
				t.Errorf("ended with %+v", outcome)
			}
		}
	}
	if len(store.commits) != 0 {
		t.Errorf("there were commits, of %v entries", store.commits)
	}
}

func TestOperationsGoTogether(t *testing.T) {
	reversal := ledger.Keyed("back", ledger.ReverseDebit{Of: "op-0"})
	settings := ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Other", Zone: "UTC", Status: ledger.Active}}}
	many := debits(99 + 2)
	for name, c := range map[string]struct {
		commands []ledger.Command
		commits  []int
	}{
		"one":                   {debits(1), []int{1}},
		"as many as may be":     {many[:99], []int{99}},
		"more":                  {many, []int{99, 2}},
		"a reversal goes alone": {[]ledger.Command{many[0], many[1], reversal, many[2], many[3]}, []int{2, 1, 2}},
		"settings go alone":     {[]ledger.Command{settings, many[0], grant("more", 1)}, []int{1, 2}},
	} {
		store, committer := newAccount(t, 1000)
		outcomes := committer.Run(t.Context(), account, c.commands...)
		if !slices.Equal(store.commits, c.commits) {
			t.Errorf("%s: commits of %v, want %v", name, store.commits, c.commits)
		}
		for i, outcome := range outcomes {
			if outcome.Err != nil || outcome.Entry == nil || outcome.Entry.Seq != int64(i)+3 || outcome.Replayed {
				t.Errorf("%s: outcome %d: %+v", name, i, outcome)
			}
		}
	}
}

func TestARepetitionWithinABatchIsAReplay(t *testing.T) {
	store, committer := newAccount(t, 1000)
	outcomes := committer.Run(t.Context(), account, debit("op", 1), debit("op", 1), debit("op", 2), debit("other", 1))
	first := outcomes[0]
	if first.Err != nil || first.Replayed || !outcomes[1].Replayed || outcomes[1].Entry.Seq != first.Entry.Seq {
		t.Errorf("outcomes %+v", outcomes[:2])
	}
	if code := fault.CodeOf(outcomes[2].Err); code != fault.IdempotencyKeyReused {
		t.Errorf("another request under the same id: %v", outcomes[2].Err)
	}
	if outcomes[3].Entry.Seq != first.Entry.Seq+1 || !slices.Equal(store.commits, []int{2}) {
		t.Errorf("outcome %+v, commits %v", outcomes[3], store.commits)
	}
}

func TestARefusalBetweenTwoAccepted(t *testing.T) {
	store, committer := newAccount(t, 7)
	outcomes := committer.Run(t.Context(), account, debit("one", 1), debit("two", 2), debit("three", 1))
	if outcomes[0].Err != nil || fault.CodeOf(outcomes[1].Err) != fault.InsufficientCredits || outcomes[2].Err != nil {
		t.Errorf("outcomes %+v", outcomes)
	}
	if outcomes[2].Entry.After.Available != credit.Credit || !slices.Equal(store.commits, []int{2}) {
		t.Errorf("balance %s, commits %v", outcomes[2].Entry.After.Available, store.commits)
	}
	// A refusal is not bound to its id.
	outcomes = committer.Run(t.Context(), account, grant("more", 6), debit("two", 2))
	if outcomes[1].Err != nil || outcomes[1].Replayed {
		t.Errorf("after credits came: %+v", outcomes[1])
	}
}

func TestAReplayComesBeforeEveryCheck(t *testing.T) {
	store, committer := newAccount(t, 3)
	first := committer.Do(t.Context(), account, debit("op", 1))
	suspended := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Suspended}
	committer.Do(t.Context(), account, ledger.Command{Action: ledger.Configure{Settings: suspended}})
	committer.Rules.Channels = nil
	again := committer.Do(t.Context(), account, debit("op", 1))
	if !again.Replayed || again.Err != nil || again.Entry.Seq != first.Entry.Seq {
		t.Errorf("outcome %+v", again)
	}
	if len(store.commits) != 2 {
		t.Errorf("commits %v", store.commits)
	}
}

func TestAFailedCommitAnswersNothingThatRestsOnIt(t *testing.T) {
	store, committer := newAccount(t, 7)
	committer.Do(t.Context(), account, debit("before", 1))
	failure := errors.New("lost")
	store.script = []func() (commit.Verdict, error){func() (commit.Verdict, error) { return commit.Verdict{}, failure }}
	// The second is refused only because of the first, which did not come to pass.
	outcomes := committer.Run(t.Context(), account, debit("one", 1), debit("two", 1), debit("before", 1), debit("before", 2))
	for _, outcome := range outcomes[:2] {
		if !errors.Is(outcome.Err, failure) || outcome.Entry != nil {
			t.Errorf("outcome %+v", outcome)
		}
	}
	if !outcomes[2].Replayed || fault.CodeOf(outcomes[3].Err) != fault.IdempotencyKeyReused {
		t.Errorf("what rests on the ledger alone: %+v", outcomes[2:])
	}
}

func TestEveryRetryIsTold(t *testing.T) {
	store, committer := newAccount(t, 7)
	causes := []commit.Cause{commit.Conflict, commit.WalletMoved, commit.Throttled, commit.EntryExists}
	for _, cause := range causes {
		store.script = append(store.script, ends(cause))
	}
	var told []commit.Cause
	committer.OnRetry = func(_ context.Context, cause commit.Cause) { told = append(told, cause) }
	outcome := committer.Do(t.Context(), account, debit("op", 1))
	if outcome.Err != nil || outcome.Entry.Seq != 3 || !slices.Equal(told, causes) {
		t.Errorf("outcome %+v, causes %v", outcome, told)
	}
}

// A lost race is decided again from what the winner left.
func TestALostRaceIsDecidedAgain(t *testing.T) {
	store, committer := newAccount(t, 5)
	store.script = []func() (commit.Verdict, error){func() (commit.Verdict, error) {
		rival := committest.NewCommitter(&store.Store, committer.Now)
		if outcome := rival.Do(t.Context(), account, debit("rival", 1)); outcome.Err != nil {
			t.Error(outcome.Err)
		}
		return commit.Verdict{Cause: commit.WalletMoved}, nil
	}}
	if outcome := committer.Do(t.Context(), account, debit("op", 1)); fault.CodeOf(outcome.Err) != fault.InsufficientCredits {
		t.Errorf("outcome %+v", outcome)
	}
}

// While a call waits to try again, a duplicate of it may take effect and leave
// no credits: the call must be replayed, not refused.
func TestADuplicateThatWonIsReplayed(t *testing.T) {
	for _, cause := range []commit.Cause{commit.WalletMoved, commit.Conflict, commit.Throttled, commit.EntryExists} {
		store, committer := newAccount(t, 3)
		store.script = []func() (commit.Verdict, error){func() (commit.Verdict, error) {
			duplicate := committest.NewCommitter(&store.Store, committer.Now)
			if outcome := duplicate.Do(t.Context(), account, debit("op", 1)); outcome.Err != nil {
				t.Error(outcome.Err)
			}
			return commit.Verdict{Cause: cause}, nil
		}}
		if outcome := committer.Do(t.Context(), account, debit("op", 1)); outcome.Err != nil || !outcome.Replayed {
			t.Errorf("%s: outcome %+v", cause, outcome)
		}
	}
}

// torn reads the ledger first and the wallet later, as a store may that reads
// both at once: what is committed in between is in the wallet alone.
type torn struct {
	commit.Store
	between func()
}

func (s *torn) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	earlier, err := s.Store.Read(ctx, account, operations, of)
	if err != nil {
		return earlier, err
	}
	if between := s.between; between != nil {
		s.between = nil
		between()
	}
	later, err := s.Store.Read(ctx, account, operations, of)
	later.Entries = earlier.Entries
	return later, err
}

// beside is a committer that a duplicate of its first command overtakes between
// the reading of the ledger and that of the wallet. The duplicate was decided so
// long ago.
func beside(t *testing.T, store commit.Store, duplicate ledger.Command, ago time.Duration) *commit.Committer {
	t.Helper()
	now := ledgertest.Start.Add(time.Hour)
	return committest.NewCommitter(&torn{Store: store, between: func() {
		other := committest.NewCommitter(store, func() time.Time { return now.Add(-ago) })
		if outcome := other.Do(t.Context(), account, duplicate); outcome.Err != nil {
			t.Error(outcome.Err)
		}
	}}, func() time.Time { return now })
}

func TestADuplicateIsNotRefusedForItsOwnDebit(t *testing.T) {
	for _, ago := range []time.Duration{0, time.Second, commit.AtRest - time.Second} {
		store, _ := newAccount(t, 3)
		outcome := beside(t, store, debit("all", 1), ago).Do(t.Context(), account, debit("all", 1))
		if outcome.Err != nil || !outcome.Replayed {
			t.Errorf("decided %s ago: the second of two equal debits was answered with %+v", ago, outcome)
		}
	}
}

func TestADuplicateIsNotRefusedBesideAnAcceptedOne(t *testing.T) {
	store, _ := newAccount(t, 5) // enough for one, and for what is free
	free := grant("more", 1)
	outcomes := beside(t, store, debit("all", 1), 0).Run(t.Context(), account, debit("all", 1), free)
	if outcomes[0].Err != nil || !outcomes[0].Replayed {
		t.Errorf("the duplicate was answered with %+v", outcomes[0])
	}
	if outcomes[1].Err != nil || outcomes[1].Entry == nil {
		t.Errorf("the other one was answered with %+v", outcomes[1])
	}
}

// late reads what a reversal is about after everything else.
type late struct {
	commit.Store
	between func()
}

func (s *late) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	snapshot, err := s.Store.Read(ctx, account, operations, of)
	if err != nil || s.between == nil {
		return snapshot, err
	}
	between := s.between
	s.between = nil
	between()
	later, err := s.Store.Read(ctx, account, nil, of)
	snapshot.Charged = later.Charged
	return snapshot, err
}

func TestADuplicateReversalIsReplayed(t *testing.T) {
	store, committer := newAccount(t, 3)
	back := ledger.Keyed("back", ledger.ReverseDebit{Of: "op", Reason: "failed"})
	if outcome := committer.Do(t.Context(), account, debit("op", 1)); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	slow := committest.NewCommitter(&late{Store: store, between: func() {
		if outcome := committer.Do(t.Context(), account, back); outcome.Err != nil {
			t.Error(outcome.Err)
		}
	}}, func() time.Time { return ledgertest.Start.Add(time.Hour) })
	if outcome := slow.Do(t.Context(), account, back); outcome.Err != nil || !outcome.Replayed {
		t.Errorf("the second of two equal reversals was answered with %+v", outcome)
	}
}

func TestAReplayNeedsNoBook(t *testing.T) {
	_, committer := newAccount(t, 3)
	if outcome := committer.Do(t.Context(), account, debit("op", 1)); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	failure := errors.New("no book")
	committer.Rates = noRates{failure}
	outcomes := committer.Run(t.Context(), account, debit("op", 1), debit("new", 1), grant("more", 1))
	if outcomes[0].Err != nil || !outcomes[0].Replayed {
		t.Errorf("a replay was answered with %+v", outcomes[0])
	}
	if !errors.Is(outcomes[1].Err, failure) {
		t.Errorf("a debit without prices was answered with %+v", outcomes[1])
	}
	if outcomes[2].Err != nil || outcomes[2].Entry == nil {
		t.Errorf("a grant was answered with %+v", outcomes[2])
	}
}

func TestThrottlingIsNoContention(t *testing.T) {
	store, committer := newAccount(t, 3)
	for range 1000 {
		store.script = append(store.script, ends(commit.Throttled))
	}
	gaveUp := false
	committer.OnRetry = func(_ context.Context, cause commit.Cause) { gaveUp = gaveUp || cause == commit.GaveUp }
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if outcome := committer.Do(ctx, account, debit("op", 1)); fault.CodeOf(outcome.Err) != fault.Unavailable || gaveUp {
		t.Errorf("contended %v, outcome %+v", gaveUp, outcome)
	}
}

// panics is a store that breaks for one account.
type panics struct {
	commit.Store
}

func (s panics) Read(ctx context.Context, id string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	if id == "broken" {
		panic("broken")
	}
	return s.Store.Read(ctx, id, operations, of)
}

func TestAPanicStaysWithItsAccount(t *testing.T) {
	store, _ := newAccount(t, 3)
	committer := committest.NewCommitter(panics{store}, func() time.Time { return ledgertest.Start })
	outcomes := committer.RunAll(t.Context(), []commit.Addressed{
		{Account: "broken", Command: debit("op", 1)}, {Account: account, Command: debit("op", 1)},
	})
	if fault.CodeOf(outcomes[0].Err) != fault.Internal || outcomes[0].Err == nil || outcomes[1].Err != nil {
		t.Errorf("outcomes %+v", outcomes)
	}
}

// An account that is not begun in time is refused as one that was begun too late.
func TestABatchWhoseTimeIsOverIsRefused(t *testing.T) {
	store, committer := newAccount(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outcome := committer.RunAll(ctx, []commit.Addressed{{Account: account, Command: debit("op", 1)}})[0]
	if fault.CodeOf(outcome.Err) != fault.Unavailable || outcome.Entry != nil || seq(t, store) != 2 {
		t.Errorf("outcome %+v at %d", outcome, seq(t, store))
	}
}

// In a bubble of its own clock, so that a slow machine does not pass the deadline by itself.
func TestContentionEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, committer := newAccount(t, 3)
		for range 1000 {
			store.script = append(store.script, ends(commit.Conflict))
		}
		tries := 0
		committer.OnRetry = func(context.Context, commit.Cause) { tries++ }
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
		defer cancel()
		outcome := committer.Do(ctx, account, debit("op", 1))
		if fault.CodeOf(outcome.Err) != fault.Contended || outcome.Entry != nil || tries < 2 || ctx.Err() != nil {
			t.Errorf("after %d tries, context %v: %+v", tries, ctx.Err(), outcome)
		}
		if got := seq(t, store); got != 2 {
			t.Errorf("seq %d: something was changed", got)
		}
	})
}

func TestACancelledCallStopsWaiting(t *testing.T) {
	store, committer := newAccount(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	for range 1000 {
		store.script = append(store.script, ends(commit.Conflict))
	}
	committer.OnRetry = func(context.Context, commit.Cause) { cancel() }
	if outcome := committer.Do(ctx, account, debit("op", 1)); !errors.Is(outcome.Err, context.Canceled) {
		t.Errorf("outcome %+v", outcome)
	}
}

func TestSettingsOfItsOwnAreNotReplayed(t *testing.T) {
	_, committer := newAccount(t, 3)
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	outcome := committer.Do(t.Context(), account, ledger.Command{Action: ledger.Configure{Settings: settings}})
	if outcome.Err != nil || outcome.Entry != nil || outcome.Wallet.Seq != 2 {
		t.Errorf("outcome %+v", outcome)
	}
}

func TestAMissingBookFailsDebitsOnly(t *testing.T) {
	_, committer := newAccount(t, 3)
	failure := errors.New("no book")
	committer.Rates = noRates{failure}
	if outcome := committer.Do(t.Context(), account, debit("op", 1)); !errors.Is(outcome.Err, failure) {
		t.Errorf("debit: %+v", outcome)
	}
	if outcome := committer.Do(t.Context(), account, grant("g", 1)); outcome.Err != nil {
		t.Errorf("grant: %v", outcome.Err)
	}
}

type noRates struct{ err error }

func (n noRates) Book(context.Context, time.Time) (rating.Book, error) { return rating.Book{}, n.err }

// asked remembers up to when a book was asked for.
type asked struct {
	commit.Rates
	until []time.Time
}

func (a *asked) Book(ctx context.Context, until time.Time) (rating.Book, error) {
	a.until = append(a.until, until)
	return a.Rates.Book(ctx, until)
}

// A book must be complete for the latest of the debits that it prices, and no less than now.
func TestABookReachesUpToTheLatestDebit(t *testing.T) {
	_, committer := newAccount(t, 100*credit.Credit)
	rates := &asked{Rates: committer.Rates}
	committer.Rates = rates
	at := func(id ledger.OperationID, from time.Duration) ledger.Command {
		command := debit(id, 1)
		action, _ := command.Action.(ledger.Debit)
		occurred := ledgertest.Start.Add(from)
		action.OccurredAt = &occurred
		return ledger.Keyed(id, action)
	}
	committer.Do(t.Context(), account, grant("more", 1))
	committer.Do(t.Context(), account, at("back", -time.Minute))
	committer.Run(t.Context(), account, debit("now", 1), at("ahead", 2*time.Minute), at("less", time.Minute))
	if want := []time.Time{ledgertest.Start, ledgertest.Start.Add(2 * time.Minute)}; !slices.EqualFunc(rates.until, want, time.Time.Equal) {
		t.Errorf("books were asked for up to %v, want %v", rates.until, want)
	}
}

func TestOnlyWhatCanBeAffordedIsAccepted(t *testing.T) {
	store := &memory.Store{}
	committest.Affordable(t, committest.Subject{Store: store, Entries: store.Entries}, account)
}

func TestAGrantLandsBesideBusyCallers(t *testing.T) {
	store := &memory.Store{}
	committest.GrantBesideBusyCallers(t, committest.Subject{Store: store, Entries: store.Entries}, account)
}

func TestABatchesImageNamesTheAlertsOfAllItsEntries(t *testing.T) {
	committest.Alerts(t, &memory.Store{}, 200)
}
