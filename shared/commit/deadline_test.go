package commit_test

import (
	"context"
	"fmt"
	"testing"
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

// slow is a store, and a book of rates, of which one call does not come back
// before the deadline. Calls are counted by kind, from 1.
type slow struct {
	memory.Store
	at      string // the call that hangs, such as "read 2"
	calls   map[string]int
	cause   commit.Cause // how the first commit ends, unless it hangs; empty: it goes through
	rival   func()       // what another writer does before that
	asError func(error) error
}

// hang waits for the end of the context if this is the call that hangs.
func (s *slow) hang(ctx context.Context, call string) error {
	s.calls[call]++
	if fmt.Sprintf("%s %d", call, s.calls[call]) != s.at {
		return nil
	}
	<-ctx.Done()
	return s.asError(ctx.Err())
}

func (s *slow) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	if err := s.hang(ctx, "read"); err != nil {
		return commit.Snapshot{}, err
	}
	return s.Store.Read(ctx, account, operations, of)
}

func (s *slow) Commit(ctx context.Context, change commit.Change) (commit.Verdict, error) {
	if err := s.hang(ctx, "commit"); err != nil {
		return commit.Verdict{}, err
	}
	if s.calls["commit"] == 1 && s.cause != "" {
		s.rival()
		return commit.Verdict{Cause: s.cause}, nil
	}
	return s.Store.Commit(ctx, change)
}

func (s *slow) Book(ctx context.Context, until time.Time) (rating.Book, error) {
	if err := s.hang(ctx, "book"); err != nil {
		return rating.Book{}, err
	}
	return committest.NewCommitter(nil, nil).Rates.Book(ctx, until)
}

// unannounced is a context that does not say when it will end.
type unannounced struct{ context.Context }

func (unannounced) Deadline() (time.Time, bool) { return time.Time{}, false }

// wrapped is a deadline as clients have it: in a type of their own.
type wrapped struct{ err error }

func (w *wrapped) Error() string { return "canceled" }
func (w *wrapped) Unwrap() error { return w.err }

// point is where a deadline passes: at a call of the store, while a retry is
// reported, or in the wait before another try.
type point struct {
	at    string
	pairs credit.Amount // that the debit asks for; there is enough for one
	cause commit.Cause  // of the lost first try; empty: there is none
	spent bool          // by another writer, concurrently
	want  fault.Code
}

func points() []point {
	points := []point{
		{at: "book 1", pairs: 1, want: fault.Unavailable},
		{at: "read 1", pairs: 1, want: fault.Unavailable},
		{at: "read 2", pairs: 2, want: fault.Unavailable}, // the second look before a refusal
		{at: "commit 1", pairs: 1, want: fault.Unavailable},
	}
	for cause, want := range map[commit.Cause]fault.Code{
		commit.Conflict: fault.Contended, commit.WalletMoved: fault.Contended, commit.EntryExists: fault.Contended,
		commit.Throttled: fault.Unavailable, // the store is throttling, whoever writes
	} {
		points = append(points,
			point{at: "told", pairs: 1, cause: cause, want: want},
			point{at: "wait", pairs: 1, cause: cause, want: want},
			point{at: "read 2", pairs: 1, cause: cause, want: want},
			point{at: "read 3", pairs: 1, cause: cause, spent: true, want: want}, // its second look
			point{at: "commit 2", pairs: 1, cause: cause, want: want},
		)
	}
	return points
}

// Wherever a deadline passes, the caller may send the request again: it gets
// contention if a try was lost to another writer, otherwise that the store did
// not answer; never an internal error or a refusal.
func TestADeadlineMayPassAnywhere(t *testing.T) {
	forms := map[string]func(error) error{
		"bare":    func(err error) error { return err },
		"wrapped": func(err error) error { return fmt.Errorf("reading: %w", &wrapped{err}) },
		"unavailable": func(err error) error {
			return fmt.Errorf("reading: %w: %w", fault.New(fault.Unavailable, "not reached"), err)
		},
	}
	for form, asError := range forms {
		for _, p := range points() {
			t.Run(fmt.Sprintf("%s %s after %s", form, p.at, p.cause), func(t *testing.T) { p.check(t, asError) })
		}
	}
}

func (p point) check(t *testing.T, asError func(error) error) {
	t.Parallel()
	store := &slow{at: p.at, cause: p.cause, asError: asError, calls: map[string]int{}}
	calm := committest.NewCommitter(&store.Store, func() time.Time { return ledgertest.Start })
	accept := func(commands ...ledger.Command) {
		for _, outcome := range calm.Run(t.Context(), account, commands...) {
			if outcome.Err != nil {
				t.Error(outcome.Err)
			}
		}
	}
	accept(ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}}, grant("opening", 3))
	store.rival = func() {
		if p.spent {
			accept(debit("rival", 1))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	if p.at == "wait" {
		ctx = unannounced{ctx} // else there would be no waiting
	}
	gaveUp := 0
	committer := &commit.Committer{Store: store, Rates: store, Rules: calm.Rules, Now: calm.Now, OnRetry: func(_ context.Context, cause commit.Cause) {
		if cause == commit.GaveUp {
			gaveUp++
		} else if p.at == "told" || p.at == "wait" {
			<-ctx.Done()
		}
	}}
	before := seq(t, &store.Store)
	outcome := committer.Do(ctx, account, debit("op", p.pairs))
	if fault.CodeOf(outcome.Err) != p.want || outcome.Entry != nil || outcome.Replayed {
		t.Errorf("outcome %+v, want %s", outcome, p.want)
	}
	if want := p.want == fault.Contended; (gaveUp == 1) != want {
		t.Errorf("giving up was told %d times", gaveUp)
	}
	if !p.spent && seq(t, &store.Store) != before {
		t.Error("something was changed")
	}
}

// A canceled call is not the caller's fault either.
func TestACanceledCallMayBeSentAgain(t *testing.T) {
	for _, at := range []string{"read 1", "commit 1"} {
		store := &slow{at: at, asError: func(err error) error { return err }, calls: map[string]int{}}
		committer := committest.NewCommitter(store, func() time.Time { return ledgertest.Start })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		opening := ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}}
		if outcome := committer.Do(ctx, account, opening); fault.CodeOf(outcome.Err) != fault.Unavailable || outcome.Entry != nil {
			t.Errorf("%s: outcome %+v", at, outcome)
		}
		cancel()
	}
}

// The timeout of a single request is not the call's deadline: it does not show
// that other writers took the time.
func TestATimeoutOfOneRequestIsNoContention(t *testing.T) {
	store, committer := newAccount(t, 3)
	timeout := func() (commit.Verdict, error) { return commit.Verdict{}, &wrapped{context.DeadlineExceeded} }
	store.script = []func() (commit.Verdict, error){ends(commit.Conflict), timeout}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if outcome := committer.Do(ctx, account, debit("op", 1)); fault.CodeOf(outcome.Err) != fault.Unavailable {
		t.Errorf("outcome %+v", outcome)
	}
}
