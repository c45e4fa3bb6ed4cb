package failures_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"drawdown/shared/failures/failurestest"
)

// record is an object as Lambda leaves it: the batch quoted inside.
const record = `{"requestContext":{"requestId":"r","condition":"RetryAttemptsExhausted","approximateInvokeCount":6},` +
	`"version":"1.0","timestamp":"2026-11-23T09:30:00.000Z","payload":"{\"Records\":[{\"eventID\":\"e1\"}]}"}`

func TestEachMakesTheCallsAndRemovesWhatIsDone(t *testing.T) {
	bucket := failurestest.New(t)
	bucket.Put("a/1", record)
	bucket.Put("a/2", `{"payload":{"stays":true}}`)
	bucket.Put("a/3", "no JSON at all")
	bucket.Put("b/1", `{"payload":{"goes":true}}`)
	bucket.Put("b/2", `{"payload":{"goes":true}}`)
	var calls []string
	stays := errors.New("not now")
	removed, err := bucket.Each(t.Context(), func(_ context.Context, call []byte) error {
		calls = append(calls, string(call))
		if strings.Contains(string(call), "stays") {
			return stays
		}
		return nil
	})
	want := []string{`{"Records":[{"eventID":"e1"}]}`, `{"stays":true}`, `{"goes":true}`, `{"goes":true}`}
	slices.Sort(calls) // they are taken in random order
	slices.Sort(want)
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if removed != 3 || !errors.Is(err, stays) && !strings.Contains(err.Error(), "a/3") {
		t.Errorf("%d removed, %v", removed, err)
	}
	if left := slices.Sorted(maps.Keys(bucket.Objects())); !slices.Equal(left, []string{"a/2", "a/3"}) {
		t.Errorf("left are %q", left)
	}
}

func TestWhatIsAskedForIsCalledOnce(t *testing.T) {
	bucket := failurestest.New(t)
	for range 2 { // again while the first still lies there
		if err := bucket.AskCatchUp(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	var calls []string
	visit := func(_ context.Context, call []byte) error {
		calls = append(calls, string(call))
		return nil
	}
	for range 2 {
		if _, err := bucket.Each(t.Context(), visit); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(calls, []string{`{"catch_up":"acme"}`}) {
		t.Errorf("calls %q", calls)
	}
}
