package ledger_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/ledger"
)

func TestCallerOperation(t *testing.T) {
	for id, ok := range map[string]bool{
		"op-1": true, "~!": true, "SYS#expiry#1": true, "%23": true, strings.Repeat("%", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "tab\t": false, "é": false, "\x7f": false, "\x00": false,
	} {
		operation, taken := ledger.CallerOperation(id)
		if taken != ok || (!ok && operation != "") {
			t.Errorf("%q is taken: %t, as %q", id, taken, operation)
		}
	}
}

var callerIDs = rapid.OneOf(
	rapid.StringMatching(`[!-~]{1,128}`),
	rapid.StringMatching(`[#%235S]{1,8}`), // where escapes meet
	rapid.StringMatching(`SYS#[a-z]{1,8}#[0-9]`),
)

// No caller's id is one of the platform's own, no two of them are one, and each is
// printed as it was given.
func TestCallersIDsAreKeptApart(t *testing.T) {
	floors := census.Floors{"ids with an escape": 20, "ids that look kept": 5}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		a := callerIDs.Draw(t, "a")
		one, ok := ledger.CallerOperation(a)
		b := callerIDs.Draw(t, "b")
		if len(one) <= 128 && rapid.Bool().Draw(t, "b as a is kept") {
			b = string(one)
			did.CountIf(b != a, "ids that look kept")
		}
		other, okOther := ledger.CallerOperation(b)
		if !ok || !okOther {
			t.Fatalf("%q or %q is not taken", a, b)
		}
		did.CountIf(string(one) != a, "ids with an escape")
		if one.System() {
			t.Fatalf("%q passes for the platform's own", a)
		}
		if strings.Contains(string(one), "#") {
			t.Fatalf("%q keeps a separator: %q", a, string(one))
		}
		if (one == other) != (a == b) {
			t.Fatalf("%q and %q become %q and %q", a, b, string(one), string(other))
		}
		if one.String() != a {
			t.Fatalf("%q reads %q", a, one)
		}
	})
}

func TestThePlatformsOwnIDs(t *testing.T) {
	a := open(t)
	if id := a.entries[0].Operation; id != "SYS#settings#1" || !id.System() || id.String() != "SYS#settings#1" {
		t.Errorf("id %q", id)
	}
}
