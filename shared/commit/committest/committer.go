package committest

import (
	"context"
	"flag"
	"strconv"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rating"
)

// Subject is a store under test, and a way to list what it has kept.
type Subject struct {
	Store commit.Store
	// Entries lists entries after a seq, in order, at most limit.
	Entries func(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error)
}

// all lists every entry of an account.
func (s Subject) all(ctx context.Context, account string) ([]ledger.Entry, error) {
	const page = 100
	var entries []ledger.Entry
	for {
		more, err := s.Entries(ctx, account, int64(len(entries)), page)
		entries = append(entries, more...)
		if err != nil || len(more) < page {
			return entries, err
		}
	}
}

// Rates are cards that never change.
type Rates struct{ book rating.Book }

// Book implements commit.Rates.
func (r Rates) Book(context.Context, time.Time) (rating.Book, error) { return r.book, nil }

// NewCommitter commits into a store by the cards and rules of ledgertest.
func NewCommitter(store commit.Store, now func() time.Time) *commit.Committer {
	return &commit.Committer{
		Store:   store,
		Rates:   Rates{rating.NewBook(ledgertest.Cards())},
		Rules:   ledgertest.Rules(),
		Now:     now,
		OnRetry: func(context.Context, commit.Cause) {},
	}
}

// Bound lets the test's rapid checks run n times, unless -rapid.checks was
// given: then that counts. Tests that use it must not be parallel.
func Bound(t *testing.T, n int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks == nil || checks.Value.String() != checks.DefValue {
		return
	}
	set := func(n string) {
		if err := checks.Value.Set(n); err != nil {
			t.Fatal(err)
		}
	}
	set(strconv.Itoa(n))
	t.Cleanup(func() { set(checks.DefValue) })
}
