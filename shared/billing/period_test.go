package billing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/billing"
)

func TestPeriodsOfA31stKeepTheirDay(t *testing.T) {
	anchor := time.Date(2027, 1, 31, 10, 30, 0, 0, time.UTC)
	want := []string{"2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31"}
	for n, day := range want {
		start, _ := billing.Period(anchor, billing.Monthly, n)
		if got := start.Format(time.DateOnly); got != day || start.Hour() != 10 {
			t.Errorf("period %d begins %s, want %s", n, start, day)
		}
	}
	leap := time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)
	for n, day := range []string{"2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"} {
		if start, _ := billing.Period(leap, billing.Yearly, n); start.Format(time.DateOnly) != day {
			t.Errorf("year %d begins %s, want %s", n, start, day)
		}
	}
}

// Periods follow each other without a gap, and each instant is in the one that PeriodAt says.
func TestPeriodsTileTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		anchor := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "anchor"), 0).UTC()
		interval := rapid.SampledFrom([]billing.Interval{billing.Monthly, billing.Yearly}).Draw(t, "interval")
		at := anchor.Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "later")) * time.Second)
		n := billing.PeriodAt(anchor, interval, at)
		start, end := billing.Period(anchor, interval, n)
		if at.Before(start) || !at.Before(end) {
			t.Fatalf("%s is not in period %d of %s, from %s to %s", at, n, anchor, start, end)
		}
		if next, _ := billing.Period(anchor, interval, n+1); !next.Equal(end) || !start.Before(end) {
			t.Fatalf("period %d ends %s and the next begins %s", n, end, next)
		}
	})
}
