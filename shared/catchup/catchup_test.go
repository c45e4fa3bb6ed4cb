package catchup

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/rollup/rolluptest"
)

type fixture struct {
	t      *testing.T
	tables *dynamotest.Tables
	later  []string // asked for
	Runner
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, tables: dynamotest.NewTables(t)}
	// Without waiting: an index that lags fails its ring at once.
	folder := &rollup.Folder{Store: f.tables.Client, Now: time.Now, Page: 100}
	f.Runner = Runner{Folder: folder, Store: f.tables.Client, Later: func(_ context.Context, account string) error {
		f.later = append(f.later, account)
		return nil
	}}
	return f
}

// enter opens an account with so many entries, one of which may be of an
// unknown type.
func (f *fixture) enter(account string, count, broken int) []ledger.Entry {
	f.t.Helper()
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit(account, int64(i+1), 0, 2)
		if i+1 == broken {
			entries[i].Detail = &ledger.Unknown{Kind: "lease"}
		}
	}
	wallet := ledger.Wallet{Account: account, Seq: int64(count), LastAt: rolluptest.Start, Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active}}
	verdict, err := f.tables.Commit(f.t.Context(), commit.Change{After: wallet, Entries: entries})
	if err != nil || !verdict.Committed {
		f.t.Fatal(verdict, err)
	}
	return entries
}

// folded fails where the account is not folded up to its entries' last.
func (f *fixture) folded(account string, entries []ledger.Entry) {
	f.t.Helper()
	sheets, err := f.tables.AllSheets(f.t.Context(), account)
	if err != nil {
		f.t.Fatal(err)
	}
	if difference := rolluptest.Difference(rolluptest.SumsIn(sheets), rolluptest.SumsOf(entries)); difference != "" {
		f.t.Errorf("%s: %s", account, difference)
	}
}

// ring is one for an account at a seq. Its record is its number.
func ring(number int, account string, seq int64) rollup.Ring {
	return rollup.Ring{Account: account, Seq: seq, Record: strconv.Itoa(number)}
}

func (f *fixture) fold(rings ...rollup.Ring) []string { return f.Fold(f.t.Context(), rings) }

func (f *fixture) quarantined(want ...string) {
	f.t.Helper()
	if got, err := f.Quarantined(f.t.Context()); err != nil || got == nil || !slices.Equal(got, want) {
		f.t.Errorf("quarantined %q, %v; want %q", got, err, want)
	}
}

func TestOnlyAccountsThatFailComeAgain(t *testing.T) {
	f := newFixture(t)
	good, quarantined := f.enter("good", 5, 0), f.enter("bad", 4, 3)
	f.enter("late", 2, 0)
	f.enter("later", 1, 0)
	again := f.fold(ring(1, "good", 5), ring(2, "late", 10), ring(3, "bad", 4), ring(7, "later", 2))
	if want := []string{"2", "7"}; !slices.Equal(again, want) {
		t.Errorf("again %q, want %q", again, want)
	}
	f.folded("good", good)
	f.folded("bad", quarantined[:2])
	f.quarantined("bad")
	if again := f.fold(ring(8, "good", 5), ring(9, "bad", 4)); len(again) > 0 {
		t.Errorf("delivered again: %q", again)
	}
	f.folded("good", good)
}

func TestRunsOfOneAccount(t *testing.T) {
	f := newFixture(t)
	f.quarantined()
	entries := f.enter("acme", 5, 0)
	for _, c := range []struct {
		name string
		run  func(context.Context, string) (Progress, error)
		want Progress
	}{
		{"retry", f.Retry, Progress{Account: "acme", Seq: 5, Folded: 5}},
		{"retry again", f.Retry, Progress{Account: "acme", Seq: 5}},
		{"rebuild", f.Rebuild, Progress{Account: "acme", Seq: 5, Folded: 5}},
	} {
		if got, err := c.run(t.Context(), "acme"); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
		f.folded("acme", entries)
		if got, err := c.run(t.Context(), "nobody"); err == nil {
			t.Errorf("%s of nobody: %+v", c.name, got)
		}
	}
	f.enter("bad", 2, 1)
	if got, err := f.Rebuild(t.Context(), "bad"); err != nil || got != (Progress{Account: "bad", Seq: 2, Quarantined: true}) {
		t.Errorf("rebuilt with its bad entry: %+v, %v", got, err)
	}
}

// When time runs out, the rest is requested, for a later call to continue.
func TestARebuildThatIsCutShortGoesOnLater(t *testing.T) {
	f := newFixture(t)
	entries := f.enter("acme", 5, 0)
	ctx, cancel := context.WithTimeout(t.Context(), reserve-time.Second)
	defer cancel()
	if got, err := f.Rebuild(ctx, "acme"); err != nil || got != (Progress{Account: "acme", GoesOn: true}) || !slices.Equal(f.later, []string{"acme"}) {
		t.Errorf("%+v, %v; asked for later: %q", got, err, f.later)
	}
	if _, err := f.Retry(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	f.folded("acme", entries)
}

// More accounts than are folded at once, and none of them forgotten.
func TestABatchOfManyAccounts(t *testing.T) {
	f := newFixture(t)
	var rings []rollup.Ring
	for i := range 2*accountsAtOnce + 3 {
		f.enter(fmt.Sprintf("acme-%d", i), 1, 0)
		rings = append(rings, ring(i, fmt.Sprintf("acme-%d", i), int64(1+i%2))) // every second one rings for an entry too many
	}
	again := f.fold(rings...)
	for i, number := range again {
		if number != strconv.Itoa(2*i+1) {
			t.Errorf("failure %d is %s", i, number)
		}
	}
	if len(again) != accountsAtOnce+1 {
		t.Errorf("%d failures", len(again))
	}
	for i := range rings {
		if mark, err := f.tables.Mark(t.Context(), fmt.Sprintf("acme-%d", i)); err != nil || mark.Seq != 1 {
			t.Errorf("account %d stands at %+v, %v", i, mark, err)
		}
	}
}
