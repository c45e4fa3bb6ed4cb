package billing

import "time"

// DueItem is something that the calendar must look at from an instant on.
type DueItem struct {
	Account string
	Bill    string    // the bill's id, where it is one
	At      time.Time // the instant; of a bill, its own
	Place   string    // in the list of what is due, which goes on after it
	Err     error     // why it cannot be read; somebody must look at it, whatever the time
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
