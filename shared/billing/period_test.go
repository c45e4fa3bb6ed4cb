package billing_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/billing"
	"drawdown/shared/census"
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
	floors := census.Floors{"instants past the first period": 20, "anchors late in a month": 20}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		// By its fields: of seconds since 1970 rapid prefers the first few.
		anchor := time.Date(
			rapid.IntRange(2020, 2100).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")),
			rapid.SampledFrom([]int{31, 30, 29, 28, 27, 15, 2, 1}).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC,
		)
		interval := rapid.SampledFrom([]billing.Interval{billing.Monthly, billing.Yearly}).Draw(t, "interval")
		at := anchor.AddDate(0, 0, rapid.IntRange(0, 10_000).Draw(t, "days later")).Add(time.Duration(rapid.IntRange(0, 86_399).Draw(t, "later")) * time.Second)
		n := billing.PeriodAt(anchor, interval, at)
		did.CountIf(n > 0, "instants past the first period")
		did.CountIf(anchor.Day() > 28, "anchors late in a month")
		start, end := billing.Period(anchor, interval, n)
		if at.Before(start) || !at.Before(end) {
			t.Fatalf("%s is not in period %d of %s, from %s to %s", at, n, anchor, start, end)
		}
		if next, _ := billing.Period(anchor, interval, n+1); !next.Equal(end) || !start.Before(end) {
			t.Fatalf("period %d ends %s and the next begins %s", n, end, next)
		}
	})
}
