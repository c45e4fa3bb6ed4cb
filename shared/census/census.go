// Package census counts what a test on generated input has really done, and
// demands a floor of each kind.
//
// A generator whose debits are all refused leaves every law that it feeds green:
// nothing went wrong, since nothing happened. So such a test counts what came of
// its input (accepted, refused, replayed, overtaken) and fails where that was too
// little to prove anything. Floors lie far below what a run usually counts, so
// that only a generator that has dried up falls under one, and no unlucky seed.
//
// The package is for tests, and has no part in what is deployed.
package census

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// Floors are the least counts by kind.
type Floors map[string]int

// fewest is how many checks it takes for their counts to be significant.
const fewest = 10

// Census counts by kind. Its zero value is ready, and goroutines may share it.
type Census struct {
	mu     sync.Mutex
	counts map[string]int
}

// Count counts one of a kind.
func (c *Census) Count(kind string) { c.Add(kind, 1) }

// CountIf counts one of a kind where the condition holds.
func (c *Census) CountIf(condition bool, kind string) {
	if condition {
		c.Count(kind)
	}
}

// Add counts n of a kind.
func (c *Census) Add(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[kind] += n
}

// Require prints the census, and fails the test for each kind under its floor.
func (c *Census) Require(t testing.TB, floors Floors) {
	t.Helper()
	t.Log(c)
	for _, want := range c.missing(floors) {
		t.Error(want)
	}
}

// missing lists the kinds below their floors.
func (c *Census) missing(floors Floors) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(floors)) {
		if got := c.counts[kind]; got < floors[kind] {
			found = append(found, fmt.Sprintf("census: only %d %s, want at least %d: what is generated proves too little", got, kind, floors[kind]))
		}
	}
	return found
}

// String lists the counts by kind.
func (c *Census) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.counts) == 0 {
		return "census: nothing"
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(c.counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", c.counts[kind], kind))
	}
	return "census: " + strings.Join(parts, ", ")
}

// Check is rapid.Check with a census. The floors are of 100 checks and grow and
// shrink with their number; where that is very small the census is only printed.
func Check(t *testing.T, floors Floors, property func(*rapid.T, *Census)) {
	t.Helper()
	var did Census
	checks := 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		property(t, &did)
	})
	did.Require(t, floors.of(checks))
}

// of are the floors of so many checks.
func (f Floors) of(checks int) Floors {
	scaled := Floors{}
	if checks < fewest {
		return scaled
	}
	for kind, floor := range f {
		scaled[kind] = floor * checks / 100
	}
	return scaled
}
