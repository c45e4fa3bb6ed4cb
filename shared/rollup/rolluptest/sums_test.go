package rolluptest_test

import (
	"maps"
	"strings"
	"testing"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

// The reference itself, on a ledger small enough to be added up by hand.
func TestSumsOfALedger(t *testing.T) {
	line := rating.Priced{Line: rating.Line{Item: rating.Item{Node: "n", Action: "run"}, Quantity: 7}, Credits: 5}
	charge := ledger.Charge{
		Agent: ledger.Agent{ID: "a", Name: "Helper"}, Channel: "api", Conversation: "c", Messages: 2, Day: "2026-11-01",
		Lines: []rating.Priced{line, line},
	}
	back := ledger.Reversal{Agent: charge.Agent, Channel: "api", Day: charge.Day, Lines: []ledger.LineCredits{{Item: line.Item, Credits: 4}}}
	got := rolluptest.SumsOf([]ledger.Entry{
		{Seq: 1, Credits: 100, Detail: &ledger.Issue{}},
		{Seq: 2, Credits: 10, Detail: &charge},
		{Seq: 3, Credits: 10, Detail: &charge},
		{Seq: 4, Credits: 4, Detail: &back},
	})
	want := map[string]int64{}
	for _, sheet := range []string{"account_day 2026-11-01", "agent_day a 2026-11-01"} {
		want[sheet+" channel api"] = 16
		want[sheet+" node n/run credits"], want[sheet+" node n/run quantity"], want[sheet+" node n/run lines"] = 16, 28, 4
	}
	for _, counts := range []string{"account_day 2026-11-01", "agent_day a 2026-11-01", "agent_month a 2026-11 2026-11-01"} {
		want[counts+" credits"], want[counts+" debits"], want[counts+" messages"], want[counts+" conversations"] = 16, 2, 4, 1
	}
	if !maps.Equal(got.Numbers, want) {
		t.Errorf("got %v\nwant %v", got.Numbers, want)
	}
	if got.Names["agent_month a 2026-11"] != "Helper" || got.Last["account_day 2026-11-01"] != 4 {
		t.Errorf("names %v, last %v", got.Names, got.Last)
	}
}

func TestADifferenceNamesTheNumber(t *testing.T) {
	sheet := usage.Sheet{Key: usage.Key{Kind: usage.AccountDay, Period: "2026-11-01"}, Upto: 3, Content: usage.Content{Counts: usage.Counts{Credits: credit.Credit}}}
	one := rolluptest.SumsIn([]usage.Sheet{sheet})
	sheet.Upto, sheet.Credits = 4, 2*credit.Credit
	other := rolluptest.SumsIn([]usage.Sheet{sheet})
	if difference := rolluptest.Difference(one, one); difference != "" {
		t.Errorf("of the same: %s", difference)
	}
	for _, want := range []string{"account_day 2026-11-01 credits is 1000000", "last of account_day 2026-11-01 is 3"} {
		if difference := rolluptest.Difference(one, other); !strings.Contains(difference, want) {
			t.Errorf("%q does not say %q", difference, want)
		}
	}
}
