package rolluptest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/memory"
	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// Subject is what the law is tested on.
type Subject struct {
	// Stores are clients of the same usage, at least one.
	Stores []Store
	// Append makes further entries of the account readable, in order.
	Append func(entries []ledger.Entry) error
	// Calm lets the stores' own faults end.
	Calm func()
}

// Floors are what the law of 100 ledgers comes to at the least.
var Floors = census.Floors{
	"entries of a debit": 300, "entries of a reversal": 10, "entries of a grant": 10, "entries of a settings": 10, "entries of a expiry": 10,
	"runs that ended": 50, "runs that failed": 20, "runs that the index held up": 2, "runs overtaken": 4, "runs side by side": 4,
	"rebuilds": 20, "ledgers with a drift": 4,
}

// Law folds a generated ledger in any way that can be thought of: cut
// anywhere, again and again, side by side, over an index that lags, with
// crashes between any two writes, rebuilt on the way, while entries are
// appended. In the end the sheets must be those of one clean fold, and the sums
// of the entries. What has been done on the way is counted.
func Law(t *rapid.T, did *census.Census, subject Subject, account string, entries []ledger.Entry, steps int) {
	l := &law{t: t, did: did, subject: subject, account: account, entries: entries}
	l.append(rapid.IntRange(0, len(entries)).Draw(t, "at first"))
	drifted := rapid.IntRange(0, 3).Draw(t, "drift?") == 0
	if drifted {
		l.plantDrift()
	}
	for range rapid.IntRange(0, steps).Draw(t, "steps") {
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 0:
			l.append(rapid.IntRange(0, 5).Draw(t, "appended"))
		case 1, 2:
			l.check(l.anyRun(seldom)())
		case 3, 4:
			l.overtaken()
		default:
			l.together()
		}
	}
	l.settle(drifted)
	for i := range entries {
		did.Count("entries of a " + string(entries[i].Type()))
	}
	did.CountIf(drifted, "ledgers with a drift")
}

type law struct {
	t       *rapid.T
	did     *census.Census
	subject Subject
	account string
	entries []ledger.Entry

	shown int // of the entries, how many have been appended
}

func (l *law) append(count int) {
	more := l.entries[l.shown:min(l.shown+count, len(l.entries))]
	if len(more) == 0 {
		return
	}
	if err := l.subject.Append(more); err != nil {
		l.t.Fatalf("appending: %v", err)
	}
	l.shown += len(more)
}

// plantDrift writes numbers that no entry accounts for, into sheets that the
// ledger has and into those of an unknown agent.
func (l *law) plantDrift() {
	for _, key := range []usage.Key{
		{Kind: usage.AccountDay, Period: "2026-11-01"}, {Kind: usage.AccountDay, Period: "2020-01-01"},
		{Kind: usage.AgentMonth, Agent: "nobody", Period: "2026-11"}, {Kind: usage.AgentDay, Agent: "nobody", Period: "2026-11-01"},
	} {
		delta := usage.Delta{Key: key, First: 1, Last: 1, Content: usage.Content{Counts: usage.Counts{Credits: credit.Credit}}}
		for try := 0; ; try++ { // the store may be a faulty one
			if _, err := l.subject.Stores[0].Add(context.Background(), l.account, 0, delta); err == nil {
				break
			} else if try > 50 {
				l.t.Fatalf("planting drift: %v", err)
			}
		}
	}
}

// How often a run is a Rebuild, one in so many: of those that overtake others
// every second one, since it must stop what is under way.
const (
	seldom = 5
	often  = 2
)

// anyRun generates one run of a CatchUp or a Rebuild.
func (l *law) anyRun(rebuilds int) func() error {
	run, _ := l.anyHeldRun(rebuilds, 0)
	return run
}

// anyHeldRun generates a run that is held at one of its writes.
func (l *law) anyHeldRun(rebuilds, holdAt int) (func() error, *disturbed) {
	t := l.t
	store := disturb(
		rapid.SampledFrom(l.subject.Stores).Draw(t, "store"), rapid.Uint64().Draw(t, "seed"),
		rapid.SampledFrom([]int{0, 3, 10, 40}).Draw(t, "one write fails in"), rapid.SampledFrom([]int{0, 2, 5}).Draw(t, "one listing lacks in"),
		holdAt,
	)
	folder := newFolder(store, rapid.SampledFrom([]int{1, 2, 3, 7, 500}).Draw(t, "page"))
	seq := int64(rapid.IntRange(0, l.shown).Draw(t, "seq"))
	if rapid.IntRange(0, rebuilds-1).Draw(t, "rebuild?") == 0 {
		l.did.Count("rebuilds")
		return func() error { return runOf(folder.Rebuild(context.Background(), l.account, seq)) }, store
	}
	return func() error { return runOf(folder.CatchUp(context.Background(), l.account, seq)) }, store
}

func newFolder(store rollup.Store, page int) *rollup.Folder {
	return &rollup.Folder{Store: store, Now: func() time.Time { return Start }, Page: page}
}

func runOf(result rollup.Result, err error) error {
	if err == nil && result.Quarantined {
		return errors.New("the account is quarantined")
	}
	return err
}

// overtaken holds one run at a write while others do all of theirs.
func (l *law) overtaken() {
	slow, store := l.anyHeldRun(seldom, rapid.IntRange(1, 12).Draw(l.t, "held at"))
	ended := make(chan error, 1)
	go func() { ended <- slow() }()
	select {
	case err := <-ended: // it had fewer writes
		l.check(err)
		return
	case <-store.held:
	}
	l.append(rapid.IntRange(0, 5).Draw(l.t, "appended meanwhile"))
	for range rapid.IntRange(1, 3).Draw(l.t, "overtakers") {
		l.check(l.anyRun(often)())
	}
	l.did.Count("runs overtaken")
	close(store.resume)
	l.check(<-ended)
}

// together lets several runs go at once while entries are appended.
func (l *law) together() {
	runs := make([]func() error, rapid.IntRange(2, 4).Draw(l.t, "at once"))
	for i := range runs {
		runs[i] = l.anyRun(seldom)
	}
	failures := make([]error, len(runs))
	var running sync.WaitGroup
	for i, run := range runs {
		running.Go(func() { failures[i] = run() })
	}
	l.append(rapid.IntRange(0, 5).Draw(l.t, "appended at once"))
	running.Wait()
	l.did.Add("runs side by side", len(runs))
	for _, err := range failures {
		l.check(err)
	}
}

// check allows a run only the failures that it was given.
func (l *law) check(err error) {
	if !passing(err) {
		l.t.Fatalf("a run failed: %v", err)
	}
	switch {
	case err == nil:
		l.did.Count("runs that ended")
	case errors.Is(err, rollup.ErrIndexLags):
		l.did.Count("runs that the index held up")
	default:
		l.did.Count("runs that failed")
	}
}

func passing(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok && fmt.Sprintf("%T", err) == "*errors.joinError" {
		for _, part := range joined.Unwrap() {
			if !passing(part) {
				return false
			}
		}
		return true
	}
	return err == nil || errors.Is(err, ErrInjected) || errors.Is(err, rollup.ErrIndexLags) || fault.CodeOf(err) == fault.Unavailable
}

// settle lets everything come to its end, and compares.
func (l *law) settle(drifted bool) {
	l.subject.Calm()
	l.append(len(l.entries))
	store, last := l.subject.Stores[0], int64(len(l.entries))
	folder := newFolder(store, 500)
	rebuilt := rapid.Bool().Draw(l.t, "rebuilt in the end") || drifted
	if rebuilt {
		if err := runOf(folder.Rebuild(context.Background(), l.account, last)); err != nil {
			l.t.Fatalf("rebuilding undisturbed: %v", err)
		}
	} else if err := runOf(folder.CatchUp(context.Background(), l.account, last)); err != nil {
		l.t.Fatalf("catching up undisturbed: %v", err)
	}
	sheets, err := store.AllSheets(context.Background(), l.account)
	if err != nil {
		l.t.Fatal(err)
	}
	if difference := Difference(SumsIn(sheets), SumsOf(l.entries)); difference != "" {
		l.t.Fatalf("the sheets part from the sums of the entries:\n%s", difference)
	}
	if difference := Difference(SumsIn(sheets), SumsIn(CleanFold(l.t, l.entries))); difference != "" {
		l.t.Fatalf("the sheets part from one clean fold:\n%s", difference)
	}
	mark, err := store.Mark(context.Background(), l.account)
	if err != nil || mark != (usage.Mark{Epoch: mark.Epoch, Seq: last}) {
		l.t.Fatalf("the mark is %+v (%v), want seq %d", mark, err, last)
	}
	for _, sheet := range sheets {
		if sheet.Epoch != mark.Epoch {
			l.t.Fatalf("sheet %v is of epoch %d, the mark of %d", sheet.Key, sheet.Epoch, mark.Epoch)
		}
	}
}

// Failer is what a test fails by.
type Failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// CleanFold is the sheets of a ledger that is folded at once and undisturbed.
func CleanFold(t Failer, entries []ledger.Entry) []usage.Sheet {
	t.Helper()
	store := &memory.Usage{Entries: Lister(&entries)}
	if err := runOf(newFolder(store, len(entries)+1).CatchUp(context.Background(), "clean", int64(len(entries)))); err != nil {
		t.Fatalf("folding undisturbed: %v", err)
	}
	sheets, _ := store.AllSheets(context.Background(), "clean") // memory does not fail
	return sheets
}

// Lister lists entries of a slice as memory.Store does those of a ledger.
func Lister(entries *[]ledger.Entry) func(context.Context, string, int64, int) ([]ledger.Entry, error) {
	return func(_ context.Context, _ string, after int64, limit int) ([]ledger.Entry, error) {
		rest := (*entries)[min(after, int64(len(*entries))):]
		return append([]ledger.Entry{}, rest[:min(limit, len(rest))]...), nil
	}
}
