package capacity

import (
	"slices"
	"time"
)

// interval is when a request was under way.
type interval struct{ start, end time.Time }

// depth is how many requests have gone one after another: the largest number
// of them of which no two were under way at the same time.
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
