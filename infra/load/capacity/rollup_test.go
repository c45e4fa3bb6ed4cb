package capacity

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"drawdown/infra/load/report"
	"drawdown/shared/usage"
)

func TestSheetsPayForTheirSizeOnceEach(t *testing.T) {
	cost := Cost{Updated: map[string]int{"a": 10, "b": 1024, "c": 1025, "d": 3000}}
	if got := cost.updatedUnits(); got != 1+1+2+3 {
		t.Errorf("%v, want 7", got)
	}
}

func TestOnlyAnUpdateIsInPlace(t *testing.T) {
	key := Item{"pk": &str{Value: "p"}, "sk": &str{Value: "s"}}
	for name, c := range map[string]struct {
		input any
		want  bool
	}{
		"an update": {&dynamodb.UpdateItemInput{TableName: aws.String("t"), Key: key}, true},
		"a put":     {&dynamodb.PutItemInput{TableName: aws.String("t"), Item: key}, false},
		"a delete":  {&dynamodb.DeleteItemInput{TableName: aws.String("t"), Key: key}, false},
	} {
		writes := writesOf(c.input, nil)
		if len(writes) != 1 || writes[0].inPlace != c.want {
			t.Errorf("%s: %+v", name, writes)
		}
	}
}

func TestItemsOfOneKeyHaveOneName(t *testing.T) {
	item := func(table, pk, sk string) string {
		return write{table: table, key: Item{"pk": &str{Value: pk}, "sk": &str{Value: sk}}}.name()
	}
	names := []string{item("t", "p", "s"), item("t", "s", "p"), item("u", "p", "s"), item("t", "p", "s2")}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != 4 {
		t.Errorf("different items share a name: %q", names)
	}
	if again := item("t", "p", "s"); !slices.Contains(names, again) {
		t.Errorf("one item has two names, one of them %q", again)
	}
}

// A run over its budget fails the report, also where the mean of the runs keeps it.
func TestEachRunKeepsItsBudget(t *testing.T) {
	counted := func(one rolled) float64 { return one.cost.Write }
	budget := func(one rolled) float64 { return one.budget.Write }
	for name, c := range map[string]struct {
		counted, budget []float64
		kept            bool
	}{
		"all within":              {[]float64{3, 4}, []float64{3, 5}, true},
		"one over, the mean over": {[]float64{4, 4}, []float64{3, 4}, false},
		"one over, the mean not":  {[]float64{4, 1}, []float64{3, 4}, false},
	} {
		row := rolledRow{}
		for i := range c.counted {
			row.add(rolled{cost: Units{Write: c.counted[i]}, budget: Units{Write: c.budget[i]}}, Units{})
		}
		r := report.New(t.Output())
		row.atMost(r, "WRU", counted, budget)
		if r.Close() != c.kept {
			t.Errorf("%s: kept is %v, want %v", name, !c.kept, c.kept)
		}
	}
}

func TestARangeTouchesItsMonths(t *testing.T) {
	for _, c := range []struct {
		within usage.Range
		days   []int // of each month
	}{
		{usage.Range{First: "2026-11-01", Last: "2026-11-30"}, []int{30}},
		{usage.Range{First: "2026-11-23", Last: "2026-11-23"}, []int{1}},
		{period, []int{1, 29}},
		{previous, []int{30}},
	} {
		var days []int
		for _, month := range monthsOf(c.within) {
			days = append(days, len(month))
		}
		if !slices.Equal(days, c.days) {
			t.Errorf("%v: %v, want %v", c.within, days, c.days)
		}
	}
	if months := len(monthsOf(longest)); months != usage.MaxMonths+1 {
		t.Errorf("the longest range touches %d months", months)
	}
}
