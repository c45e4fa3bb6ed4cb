package dynamo

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/ledger"
)

func operation(t *testing.T, id string) ledger.OperationID {
	t.Helper()
	operation, ok := ledger.CallerOperation(id)
	if !ok {
		t.Fatalf("%q is no id", id)
	}
	return operation
}

// Keys are for ever: what was written under one must be found under it.
func TestKeysAreGolden(t *testing.T) {
	for _, c := range []struct {
		name string
		got  Key
		want Key
	}{
		{"wallet", walletKey("acme"), Key{PK: "A#acme#00"}},
		{"entry", entryKey("acme", operation(t, "op-1")), Key{"A#acme#op-1", "E"}},
		{"entry of an escaped id", entryKey("acme", operation(t, "SYS#a%b")), Key{"A#acme#SYS%23a%25b", "E"}},
		{"entry of the platform's own", entryKey("acme", "SYS#expiry#7"), Key{"A#acme#SYS#expiry#7", "E"}},
		{"reversal", reversalKey("acme", operation(t, "op-1"), 12), Key{"A#acme#op-1", "R#000012"}},
		{"profile", profileKey("acme"), Key{"A#acme", "PROFILE"}},
		{"refill", refillKey("acme"), Key{"A#acme", "REFILL"}},
		{"bill", billKey("acme", time.Date(2026, 11, 23, 9, 30, 0, 0, time.FixedZone("", 3600)), "overage:end:sub_1"), Key{"A#acme", "BILL#2026-11-23T08:30:00.000Z#overage:end:sub_1"}},
		{"subscription", standingKey("acme"), Key{"A#acme", "SUBSCRIPTION"}},
		{"customer", customerKey("acme"), Key{"A#acme", "CUSTOMER"}},
		{"checkout", checkoutKey("acme", "buy%2350"), Key{"A#acme", "CHECKOUT#buy%2350"}},
		{"plan", planKey("pro"), Key{"CATALOG", "PLAN#pro"}},
		{"pack", packKey("p:500"), Key{"CATALOG", "PACK#p:500"}},
		{"rate card", rateCardKey("2026-11"), Key{"CATALOG", "RATECARD#2026-11"}},
		{"first rate card", firstCardKey(), Key{"CATALOG", "FIRSTCARD"}},
		{"API key", apiKeyKey("abc123"), Key{"KEY#abc123", "KEY"}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestPlacesInTheDueIndexAreGolden(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 30, 0, 7_000_000, time.UTC)
	if got, want := dueAt(at, "acme", "overage:end:sub_1"), "2026-11-23T09:30:00.007Z#acme#overage:end:sub_1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for operation, want := range map[ledger.OperationID]string{
		ledger.PeriodOperation("sub_1", at): "overage:period:sub_1:1795426200",
		ledger.EndOperation("sub_1"):        "overage:end:sub_1",
		"SYS#renewal#7":                     "overage:renewal:7",
	} {
		if got := billID(operation); got != want {
			t.Errorf("%s is billed as %q, want %q", operation, got, want)
		}
	}
}

var (
	accountIDs = rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_.:-]{1,64}`), rapid.SampledFrom([]string{"a", "a:00", "A", "00"}))
	callerIDs  = rapid.OneOf(rapid.StringMatching(`[!-~]{1,128}`), rapid.StringMatching(`[#%a0]{1,6}`), rapid.SampledFrom([]string{"00", "#00", "SYS#expiry#1"}))
)

// Two pairs of account and operation never share a key, and each can be read back from it.
func TestEntriesKeysDoNotCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pair struct {
			account string
			id      ledger.OperationID
		}
		draw := func(label string) pair {
			id, ok := ledger.CallerOperation(callerIDs.Draw(t, label+" id"))
			if !ok {
				t.Fatal("generated no id")
			}
			if rapid.IntRange(0, 3).Draw(t, label+" system") == 0 {
				id = "SYS#settings#1"
			}
			return pair{accountIDs.Draw(t, label+" account"), id}
		}
		a, b := draw("a"), draw("b")
		one, other := entryKey(a.account, a.id), entryKey(b.account, b.id)
		if (one == other) != (a == b) {
			t.Fatalf("%+v and %+v have the keys %q and %q", a, b, one, other)
		}
		if account, id := operationOf(one.PK); account != a.account || id != a.id {
			t.Fatalf("%+v is read back as %q, %q", a, account, id)
		}
		const limit = 2048 // of a partition key, in bytes
		if len(one.PK) > limit {
			t.Fatalf("a key of %d bytes", len(one.PK))
		}
	})
}

// Tallies sort by their number, after the entry.
func TestTalliesSortByNumber(t *testing.T) {
	before := entryKey("acme", "op").SK
	for _, n := range []int{1, 2, 9, 10, 99, 100, 999_999} {
		key := reversalKey("acme", "op", n)
		if key.SK <= before {
			t.Errorf("%q is not after %q", key.SK, before)
		}
		before = key.SK
	}
}
