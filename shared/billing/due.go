package billing

import "time"

// DueItem is something that the calendar must look at from a given instant.
type DueItem struct {
	Account string
	Bill    string    // the bill's id, where it is one
	At      time.Time // the instant; of a bill, its own
	Place   string    // in the list of due items, which continues after it
	Err     error     // why it cannot be read; it needs attention, whatever the time
}

// DueBy are the first of some items in the order of their instants: those whose
// time has come.
func DueBy(items []DueItem, now time.Time) []DueItem {
	for i, item := range items {
		if item.Err == nil && item.At.After(now) {
			return items[:i]
		}
	}
	return items
}
