package ledger

import (
	"fmt"
	"time"

	"drawdown/shared/money"
)

// monthLayout writes a calendar month, "2006-01"; later months sort after earlier ones.
const monthLayout = "2006-01"

// monthOf is the calendar month of an instant in a zone.
func monthOf(at time.Time, zone *time.Location) string { return at.In(zone).Format(monthLayout) }

// endOfMonth is the first instant after a calendar month in a zone.
func endOfMonth(month string, zone *time.Location) (time.Time, error) {
	first, err := time.Parse(monthLayout, month)
	if err != nil {
		return time.Time{}, fmt.Errorf("ledger: %q is not a month: %w", month, err)
	}
	next := first.AddDate(0, 1, 0)
	end := time.Date(next.Year(), next.Month(), 1, 0, 0, 0, 0, zone)
	// If the clock skips that midnight, time.Date may return an instant before
	// the gap, which still belongs to the month: the month ends with the gap.
	if monthOf(end, zone) <= month {
		_, end = end.ZoneBounds()
	}
	return end.UTC(), nil
}

// inMonth is the refill as it counts in a calendar month: in a later month than
// the last one counted, spending starts again at zero.
func (r RefillState) inMonth(month string) RefillState {
	if month > r.Month {
		r.Month, r.Spent = month, 0
	}
	return r
}

// RefillSpent is what automatic refills have used of the month's cap at an instant,
// in the cap's currency. A zone that cannot be read, which no settings may hold,
// begins no month.
func (w *Wallet) RefillSpent(at time.Time) money.Money {
	if w.Refill == nil {
		return money.Money{}
	}
	r := *w.Refill
	if zone, err := location(w.Settings.Zone); err == nil {
		r = r.inMonth(monthOf(at, zone))
	}
	return money.Money{Minor: r.Spent, Currency: r.Cap.Currency}
}
