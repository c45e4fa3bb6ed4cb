package capacity

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/usage"
)

func TestCopiesAreWhatTheStoreWouldWrite(t *testing.T) {
	tables := dynamotest.NewTables(t)
	october, december := thirtyOneDays("2026-10-01"), thirtyOneDays("2026-12-01")
	sheets := []usage.Delta{
		agentMonth(0, october), agentMonth(42, december), agentMonth(7, october[:3]),
		agentDay(0, october[0]), agentDay(42, december[30]),
		accountDay(october[0], busyAgents), accountDay(december[30], busyAgents),
	}
	if err := fill(t.Context(), tables.Usage, "one-by-one", sheets); err != nil {
		t.Fatal(err)
	}
	if err := newFiller(tables.DB, tables.Names).fill(t.Context(), "copied", sheets); err != nil {
		t.Fatal(err)
	}
	stored := func(account string) []usage.Sheet {
		found, err := tables.AllSheets(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(found, func(a, b usage.Sheet) int { return strings.Compare(a.String(), b.String()) })
		return found
	}
	want, got := stored("one-by-one"), stored("copied")
	if len(want) != len(sheets) || !reflect.DeepEqual(want, got) {
		t.Errorf("copied:\n%v\none by one:\n%v", got, want)
	}
}
