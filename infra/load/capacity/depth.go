package capacity

import (
	"slices"
	"time"
)

// interval is the time of a request, from start to end.
type interval struct{ start, end time.Time }

// depth returns the length of the longest sequence of requests of which no two
// overlap.
func depth(intervals []interval) int {
	sorted := slices.Clone(intervals)
	slices.SortFunc(sorted, func(a, b interval) int { return a.end.Compare(b.end) })
	count := 0
	var last time.Time
	for _, i := range sorted {
		if count == 0 || !i.start.Before(last) {
			count++
			last = i.end
		}
	}
	return count
}
