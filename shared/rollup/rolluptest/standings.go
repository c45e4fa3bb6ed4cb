package rolluptest

import (
	"testing"

	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// Standings tests what a fresh store answers to additions to one sheet.
func Standings(t *testing.T, store Store) {
	key := usage.Key{Kind: usage.AccountDay, Period: "2026-11-01"}
	for i, c := range []struct {
		epoch, first, last int64
		want               rollup.Standing
	}{
		{1, 3, 7, rollup.Standing{Added: true}},
		{1, 3, 7, rollup.Standing{Upto: 7}},                     // again
		{1, 7, 9, rollup.Standing{Upto: 7}},                     // overlapping by one
		{0, 8, 9, rollup.Standing{Upto: 7, Superseded: true}},   // of before a rebuild
		{1, 8, 9, rollup.Standing{Added: true}},                 // what follows
		{2, 1, 4, rollup.Standing{Added: true}},                 // a rebuild replaces
		{1, 10, 12, rollup.Standing{Upto: 4, Superseded: true}}, // and is not added to by those before it
	} {
		delta := usage.Delta{Key: key, First: c.first, Last: c.last, Content: usage.Content{Counts: usage.Counts{Debits: 1}}}
		got, err := store.Add(t.Context(), "acme", c.epoch, delta)
		if got.Superseded {
			got.Upto, c.want.Upto = 0, 0 // nobody asks
		}
		if err != nil || got != c.want {
			t.Errorf("%d: %+v, %v; want %+v", i, got, err, c.want)
		}
	}
	sheets, err := store.AllSheets(t.Context(), "acme")
	if err != nil || len(sheets) != 1 || sheets[0].Debits != 1 || sheets[0].Upto != 4 || sheets[0].Epoch != 2 {
		t.Errorf("in the end: %+v, %v", sheets, err)
	}
}
