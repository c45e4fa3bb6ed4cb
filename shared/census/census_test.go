package census

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestAKindUnderItsFloorIsNamed(t *testing.T) {
	var did Census
	did.Count("debits accepted")
	did.CountIf(true, "debits accepted")
	did.CountIf(false, "debits accepted")
	if found := did.missing(Floors{"debits accepted": 2}); len(found) != 0 {
		t.Errorf("two of two are missing: %q", found)
	}
	found := did.missing(Floors{"debits accepted": 3, "debits refused": 1})
	if len(found) != 2 || !strings.Contains(found[0], "only 2 debits accepted, want at least 3") || !strings.Contains(found[1], "only 0 debits refused") {
		t.Errorf("missing %q", found)
	}
	if text := did.String(); text != "census: 2 debits accepted" {
		t.Errorf("printed as %q", text)
	}
	if text := new(Census).String(); text != "census: nothing" {
		t.Errorf("of nothing: %q", text)
	}
}

func TestFloorsGoByTheNumberOfChecks(t *testing.T) {
	floors := Floors{"often": 200, "rarely": 1}
	for checks, want := range map[int][]int{1000: {2000, 10}, 100: {200, 1}, 20: {40, 0}, fewest - 1: {0, 0}} {
		if got := floors.of(checks); !slices.Equal([]int{got["often"], got["rarely"]}, want) {
			t.Errorf("of %d checks: %v, want %v", checks, got, want)
		}
	}
}

func TestGoroutinesShareACensus(t *testing.T) {
	var did Census
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 1000 {
				did.Count("steps")
			}
		})
	}
	running.Wait()
	did.Require(t, Floors{"steps": 8000})
}

// recorder is a test that fails without failing this one.
type recorder struct {
	testing.TB
	said []string
}

func (*recorder) Helper()             {}
func (*recorder) Log(...any)          {}
func (r *recorder) Error(said ...any) { r.said = append(r.said, said[0].(string)) } //nolint:errcheck // a string, or the test panics

func TestAnEmptyCensusFails(t *testing.T) {
	watched := &recorder{TB: t}
	new(Census).Require(watched, Floors{"debits accepted": 1})
	if len(watched.said) != 1 {
		t.Errorf("said %q", watched.said)
	}
}

func TestCheckCountsEveryCheck(t *testing.T) {
	Check(t, Floors{"checks": 100}, func(t *rapid.T, did *Census) {
		rapid.Bool().Draw(t, "anything")
		did.Count("checks")
	})
}
