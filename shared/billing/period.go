package billing

import "time"

// Grace is how long included credits outlive their period at most, since the
// processor's invoice of the next one may be paid some time after its beginning.
const Grace = 3 * 24 * time.Hour

// Period is the n-th period of an anchor, counted from 0: its start and its
// end. Months are counted from the anchor, so that a period that began on a
// 31st begins on the last day of shorter months, and on the 31st again after
// them, as at Stripe. Times are UTC.
func Period(anchor time.Time, interval Interval, n int) (start, end time.Time) {
	return periodStart(anchor, interval, n), periodStart(anchor, interval, n+1)
}

// PeriodAt is the number of the period that holds an instant; an instant before
// the anchor is in period 0.
func PeriodAt(anchor time.Time, interval Interval, at time.Time) int {
	const monthsOfYear = 12
	anchor, at = anchor.UTC(), at.UTC()
	n := (at.Year()-anchor.Year())*monthsOfYear + int(at.Month()) - int(anchor.Month())
	if interval == Yearly {
		n = at.Year() - anchor.Year()
	}
	n = max(0, n)
	for n > 0 && periodStart(anchor, interval, n).After(at) {
		n--
	}
	return n
}

func periodStart(anchor time.Time, interval Interval, n int) time.Time {
	const monthsOfYear = 12
	if interval == Yearly {
		n *= monthsOfYear
	}
	anchor = anchor.UTC()
	first := time.Date(anchor.Year(), anchor.Month(), 1, anchor.Hour(), anchor.Minute(), anchor.Second(), anchor.Nanosecond(), time.UTC).AddDate(0, n, 0)
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(anchor.Day(), lastDay)-1)
}
