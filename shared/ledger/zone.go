package ledger

import (
	"errors"
	"sync"
	"time"
)

// zones caches what has been loaded: a zone is read from a database of some
// kilobytes, and every debit needs its account's. There are some 600 names.
var zones sync.Map // of *time.Location by IANA name

var errNoZone = errors.New("ledger: not an IANA zone")

// location is the zone of that IANA name. "" and "Local", which package time
// also accepts, are not valid zones of an account.
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
