package rollup_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"drawdown/shared/ledger"
	"drawdown/shared/memory"
	"drawdown/shared/rollup"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

func debits(count int) []ledger.Entry {
	entries := make([]ledger.Entry, count)
	for i := range entries {
		entries[i] = rolluptest.WideDebit("acme", int64(i+1), 0, 1)
	}
	return entries
}

func folder(store rollup.Store) *rollup.Folder {
	return &rollup.Folder{Store: store, Now: time.Now, Page: 10, IndexWait: rollup.DefaultIndexWait}
}

// index shows what it is let to.
type index struct {
	entries []ledger.Entry
	hidden  func(seq int64) bool
}

func (x *index) list(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
	entries, err := rolluptest.Lister(&x.entries)(ctx, account, after, limit)
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool { return x.hidden(e.Seq) }), err
}

func TestAHoleIsWaitedForAndThenGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		shownAfter := time.Hour
		x := &index{entries: debits(5), hidden: func(seq int64) bool { return seq == 3 && time.Since(start) < shownAfter }}
		store := &memory.Usage{Entries: x.list}
		result, err := folder(store).CatchUp(t.Context(), "acme", 5)
		if !errors.Is(err, rollup.ErrIndexLags) {
			t.Fatalf("with a hole at 3: %+v, %v", result, err)
		}
		if mark, _ := store.Mark(t.Context(), "acme"); mark.Seq != 2 || result.Entries != 2 || result.Behind != 3 {
			t.Errorf("the mark is at %d, the result %+v; want 2 entries folded and 3 behind", mark.Seq, result)
		}
		if waited := time.Since(start); waited < rollup.DefaultIndexWait || waited > 2*rollup.DefaultIndexWait {
			t.Errorf("waited %s", waited)
		}
		// The hole closes while somebody waits for it.
		shownAfter = time.Since(start) + 100*time.Millisecond
		if result, err = folder(store).CatchUp(t.Context(), "acme", 5); err != nil || result.Entries != 3 {
			t.Errorf("once the hole is closed: %+v, %v", result, err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory.Usage{Entries: (&index{}).list}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if _, err := folder(store).CatchUp(ctx, "acme", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheResultTellsWhatWasDone(t *testing.T) {
	entries := debits(25)
	store := &memory.Usage{Entries: rolluptest.Lister(&entries)}
	f := folder(store)
	f.Now = func() time.Time { return rolluptest.Start.Add(time.Minute) }
	result, err := f.CatchUp(t.Context(), "acme", 25)
	want := rollup.Result{Entries: 25, Sheets: 3 * 3, Oldest: time.Minute}
	if err != nil || result != want {
		t.Errorf("got %+v, %v; want %+v", result, err, want)
	}
	if result, err = f.CatchUp(t.Context(), "acme", 25); err != nil || result != (rollup.Result{}) {
		t.Errorf("again: %+v, %v", result, err)
	}
}

// The entries past the ring's seq that the index shows already are folded with it.
func TestARingFoldsWhatTheIndexShows(t *testing.T) {
	entries := debits(8)
	store := &memory.Usage{Entries: rolluptest.Lister(&entries)}
	if _, err := folder(store).CatchUp(t.Context(), "acme", 1); err != nil {
		t.Fatal(err)
	}
	if mark, _ := store.Mark(t.Context(), "acme"); mark.Seq != 8 {
		t.Errorf("the mark is at %d", mark.Seq)
	}
}

func TestWhatCannotBeFoldedStopsOneAccountUntilItIsRebuilt(t *testing.T) {
	bad, good := debits(6), debits(6)
	readable := bad[3].Detail
	bad[3].Detail = &ledger.Unknown{Kind: "lease"}
	store := &memory.Usage{Entries: func(ctx context.Context, account string, after int64, limit int) ([]ledger.Entry, error) {
		if account == "bad" {
			return rolluptest.Lister(&bad)(ctx, account, after, limit)
		}
		return rolluptest.Lister(&good)(ctx, account, after, limit)
	}}
	f := folder(store)
	for range 2 {
		if result, err := f.CatchUp(t.Context(), "bad", 6); err != nil || !result.Quarantined || result.Behind != 3 {
			t.Fatalf("got %+v, %v", result, err)
		}
	}
	if mark, _ := store.Mark(t.Context(), "bad"); mark.Seq != 3 || mark.Quarantine == "" {
		t.Errorf("the mark is %+v", mark)
	}
	if result, err := f.CatchUp(t.Context(), "good", 6); err != nil || result.Entries != 6 {
		t.Errorf("another account: %+v, %v", result, err)
	}
	if result, err := f.Rebuild(t.Context(), "bad", 6); err != nil || !result.Quarantined {
		t.Errorf("rebuilt with the entry as it was: %+v, %v", result, err)
	}
	bad[3].Detail = readable
	if result, err := f.CatchUp(t.Context(), "bad", 6); err != nil || !result.Quarantined {
		t.Errorf("repaired, but not rebuilt: %+v, %v", result, err)
	}
	if result, err := f.Rebuild(t.Context(), "bad", 6); err != nil || result.Quarantined || result.Entries != 6 {
		t.Errorf("repaired and rebuilt: %+v, %v", result, err)
	}
	sheets, _ := store.AllSheets(t.Context(), "bad")
	if difference := rolluptest.Difference(rolluptest.SumsIn(sheets), rolluptest.SumsOf(bad)); difference != "" {
		t.Error(difference)
	}
}

// A mark that was read before the account was quarantined moves no more, so
// that no run that is late lifts a quarantine behind the list's back.
func TestAQuarantineIsLiftedOnlyByWhoKnowsOfIt(t *testing.T) {
	store := &memory.Usage{}
	before := usage.Mark{}
	quarantined := usage.Mark{Quarantine: "why"}
	if moved, err := store.MoveMark(t.Context(), "acme", before, quarantined); !moved || err != nil {
		t.Fatal(moved, err)
	}
	if moved, _ := store.MoveMark(t.Context(), "acme", before, usage.Mark{Seq: 5}); moved {
		t.Error("the quarantine is lifted")
	}
	if moved, _ := store.MoveMark(t.Context(), "acme", quarantined, usage.Mark{Epoch: 1}); !moved {
		t.Error("the quarantine cannot be lifted")
	}
}

func TestASheetSaysHowItStands(t *testing.T) { rolluptest.Standings(t, &memory.Usage{}) }

// failing fails the one given call.
type failing struct {
	*memory.Usage
	removal error
}

func (s *failing) RemoveBefore(ctx context.Context, account string, epoch int64) error {
	if err := s.removal; err != nil {
		s.removal = nil
		return err
	}
	return s.Usage.RemoveBefore(ctx, account, epoch)
}

// A rebuild that is interrupted before it has removed what is left of the
// previous epoch is completed by the next run.
func TestARebuildThatIsCutShortIsGoneOnWith(t *testing.T) {
	entries := debits(3)
	store := &failing{Usage: &memory.Usage{Entries: rolluptest.Lister(&entries)}}
	invented := usage.Delta{Key: usage.Key{Kind: usage.AccountDay, Period: "1999-12-31"}, First: 1, Last: 1}
	if _, err := store.Add(t.Context(), "acme", 0, invented); err != nil {
		t.Fatal(err)
	}
	if _, err := folder(store).CatchUp(t.Context(), "acme", 3); err != nil {
		t.Fatal(err)
	}
	store.removal = errors.New("cut short")
	if _, err := folder(store).Rebuild(t.Context(), "acme", 3); err == nil {
		t.Fatal("the rebuild was not cut short")
	}
	if mark, _ := store.Mark(t.Context(), "acme"); mark.Epoch != 1 || mark.Rebuild != 3 {
		t.Fatalf("mark %+v, want a rebuild under way", mark)
	}
	if _, err := folder(store).CatchUp(t.Context(), "acme", 1); err != nil {
		t.Fatal(err)
	}
	mark, _ := store.Mark(t.Context(), "acme")
	sheets, _ := store.AllSheets(t.Context(), "acme")
	for _, sheet := range sheets {
		if sheet.Epoch != mark.Epoch {
			t.Errorf("%v is left of epoch %d", sheet.Key, sheet.Epoch)
		}
	}
	if mark != (usage.Mark{Epoch: 1, Seq: 3}) {
		t.Errorf("mark %+v, want a rebuild that is done", mark)
	}
}

// Another Rebuild goes on with the one that is under way.
func TestARebuildIsNotBegunTwice(t *testing.T) {
	entries := debits(30)
	store := &memory.Usage{Entries: rolluptest.Lister(&entries)}
	if moved, err := store.MoveMark(t.Context(), "acme", usage.Mark{}, usage.Mark{Epoch: 4, Seq: 0, Rebuild: 30}); !moved || err != nil {
		t.Fatal(err)
	}
	result, err := folder(store).Rebuild(t.Context(), "acme", 30)
	if mark, _ := store.Mark(t.Context(), "acme"); err != nil || result.Entries != 30 || mark != (usage.Mark{Epoch: 4, Seq: 30}) {
		t.Errorf("mark %+v, result %+v, %v", mark, result, err)
	}
}

func TestAnEntryThatStaysMissingQuarantines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entries := debits(5)
		for i := range entries {
			entries[i].CreatedAt = time.Now().Add(-time.Hour)
		}
		x := &index{entries: entries, hidden: func(seq int64) bool { return seq == 3 }}
		store := &memory.Usage{Entries: x.list}
		result, err := folder(store).CatchUp(t.Context(), "acme", 5)
		if err != nil || !result.Quarantined {
			t.Fatalf("result %+v, %v", result, err)
		}
		// It is found again, and the account is tried once more.
		x.hidden = func(int64) bool { return false }
		if result, err = folder(store).Retry(t.Context(), "acme", 5); err != nil || result.Quarantined || result.Entries != 3 {
			t.Errorf("after the repair: %+v, %v", result, err)
		}
	})
}
