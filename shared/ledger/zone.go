package ledger

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// zones keeps what has been loaded: a zone is read from a database of some
// kilobytes, and every debit needs its account's. There are some 600 names.
var zones sync.Map // of *time.Location by IANA name

var errNoZone = errors.New("ledger: not an IANA zone")

// location is the zone of that IANA name. "" and "Local", which package time
// also knows, are no account's zone.
func location(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errNoZone
	}
	if known, found := zones.Load(name); found {
		return known.(*time.Location), nil //nolint:errcheck // nothing else is stored
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errNoZone
	}
	zones.Store(name, zone)
	return zone, nil
}

// monthLayout writes a calendar month, "2006-01"; later months sort after earlier ones.
const monthLayout = "2006-01"

// monthOf is the calendar month of an instant in a zone.
func monthOf(at time.Time, zone *time.Location) string { return at.In(zone).Format(monthLayout) }

// endOfMonth is the first instant after a calendar month in a zone.
func endOfMonth(month string, zone *time.Location) (time.Time, error) {
	first, err := time.Parse(monthLayout, month)
	if err != nil {
		return time.Time{}, fmt.Errorf("ledger: %q is no month: %w", month, err)
	}
	next := first.AddDate(0, 1, 0)
	end := time.Date(next.Year(), next.Month(), 1, 0, 0, 0, 0, zone)
	// Where the clock skips that midnight, time.Date may answer with an instant
	// before the gap, which is still of the month: the month ends with the gap.
	if monthOf(end, zone) <= month {
		_, end = end.ZoneBounds()
	}
	return end.UTC(), nil
}
