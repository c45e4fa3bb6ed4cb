package ledger_test

import (
	"testing"
	"time"

	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// The reported spending of the month is what limits the next refill: a new month
// of the account's zone starts again at zero, and no clock moves it back.
func TestRefillSpentIsTheMonths(t *testing.T) {
	wallet := func(zone, month string) *ledger.Wallet {
		return &ledger.Wallet{Settings: ledger.Settings{Zone: zone}, Refill: &ledger.RefillState{Month: month, Spent: 700, Cap: usd(1000)}}
	}
	newYork := time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC) // midnight there, the day that the clock goes back
	stJohns := time.Date(2009, 11, 1, 2, 31, 30, 0, time.UTC)
	for _, c := range []struct {
		what        string
		zone, month string
		at          time.Time
		want        int64
	}{
		{"the month's last instant", "America/New_York", "2026-10", newYork.Add(-time.Millisecond), 700},
		{"the next one's first", "America/New_York", "2026-10", newYork, 0},
		{"the same instant elsewhere", "America/Los_Angeles", "2026-10", newYork, 700},
		{"a clock that went back into the month before", "America/St_Johns", "2009-11", stJohns, 700},
		{"a zone that is none", "Moon/Crater", "2026-10", newYork, 700},
	} {
		if got := wallet(c.zone, c.month).RefillSpent(c.at); got != usd(c.want) {
			t.Errorf("%s: %v, want %d", c.what, got, c.want)
		}
	}
	if got := (&ledger.Wallet{}).RefillSpent(newYork); got != (money.Money{}) {
		t.Errorf("without a refill: %v", got)
	}
}
