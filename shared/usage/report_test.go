package usage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

var known = []string{"widget", "api", "reports"}

func upper(channel string) string { return strings.ToUpper(channel) }

// within are the sheets of a kind that a store reads for a range, in its order.
func within(all []usage.Sheet, kind usage.Kind, agent, first, last string) []usage.Sheet {
	var found []usage.Sheet
	for _, sheet := range all {
		if sheet.Kind == kind && (agent == "" || sheet.Agent == agent) && first <= sheet.Period && sheet.Period <= last {
			found = append(found, sheet)
		}
	}
	slices.SortFunc(found, func(a, b usage.Sheet) int { return strings.Compare(a.Period+a.Agent, b.Period+b.Agent) })
	return found
}

// reportFloors are what 100 generated reports come to at the least.
var reportFloors = census.Floors{"reports with credits": 20, "reports of an agent with credits": 5, "groups": 100}

// For every grouping, and for one agent, the groups add up to the total, and the
// total to the entries' own sum over the range's days.
func TestGroupsAddUpToTheTotal(t *testing.T) {
	committest.Bound(t, 300)
	ends := []string{"2026-10-01", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-29", "2026-11-30", "2026-12-01", "2026-12-05"}
	census.Check(t, reportFloors, func(t *rapid.T, did *census.Census) {
		entries := rolluptest.AnyLedger(t, "acme", 30)
		all := rolluptest.CleanFold(t, entries)
		at := rapid.IntRange(0, len(ends)-1).Draw(t, "from")
		days := usage.Range{First: ends[at], Last: ends[rapid.IntRange(at, len(ends)-1).Draw(t, "to")]}
		agent := rapid.SampledFrom([]string{"", "a1", "a2", "absent"}).Draw(t, "agent")

		var want credit.Amount
		for _, e := range entries {
			in := func(id, day string) bool {
				return (agent == "" || id == agent) && days.First <= day && day <= days.Last
			}
			if d := ledger.DetailOf[*ledger.Charge](&e); d != nil && in(d.Agent.ID, d.Day) {
				want += e.Credits
			}
			if r := ledger.DetailOf[*ledger.Reversal](&e); r != nil && in(r.Agent.ID, r.Day) {
				want -= e.Credits
			}
		}
		did.CountIf(want > 0, "reports with credits")
		did.CountIf(want > 0 && agent != "", "reports of an agent with credits")
		kind := usage.AccountDay
		if agent != "" {
			kind = usage.AgentDay
		}
		ofDays := within(all, kind, agent, days.First, days.Last)
		firstMonth, lastMonth := days.Months()
		for name, report := range map[string]func() (usage.Report, error){
			"day":     func() (usage.Report, error) { return usage.ReportByDay(ofDays, days) },
			"channel": func() (usage.Report, error) { return usage.ReportByChannel(ofDays, known, upper) },
			"node":    func() (usage.Report, error) { return usage.ReportByNode(ofDays, rating.Book{}, time.Time{}) },
			"agent": func() (usage.Report, error) {
				if agent != "" {
					return usage.ReportOfAgent(ofDays, agent)
				}
				return usage.ReportByAgent(within(all, usage.AgentMonth, "", firstMonth, lastMonth), days)
			},
		} {
			got, err := report()
			if err != nil {
				t.Fatal(err)
			}
			did.Add("groups", len(got.Groups))
			sum := usage.Counts{}
			counted := len(got.Groups) > 0
			for _, group := range got.Groups {
				sum.Credits += group.Credits
				sum.Debits += group.Debits
				sum.Messages += group.Messages
				sum.Conversations += group.Conversations
				counted = counted && group.Counted
			}
			if sum.Credits != got.Total.Credits || got.Total.Credits != want {
				t.Fatalf("by %s: the groups add up to %s, the total is %s, the entries' %s", name, sum.Credits, got.Total.Credits, want)
			}
			if counted && sum != got.Total {
				t.Fatalf("by %s: the groups add up to %+v, the total is %+v", name, sum, got.Total)
			}
		}
	})
}

func sheet(kind usage.Kind, agent, period string, content usage.Content) usage.Sheet {
	return usage.Sheet{Key: usage.Key{Kind: kind, Agent: agent, Period: period}, Content: content}
}

func TestDaysAreFilledWithZeros(t *testing.T) {
	used := usage.Counts{Credits: 5, Debits: 1}
	got, err := usage.ReportByDay([]usage.Sheet{sheet(usage.AccountDay, "", "2028-02-29", usage.Content{Counts: used})}, usage.Range{First: "2028-02-28", Last: "2028-03-02"})
	if err != nil {
		t.Fatal(err)
	}
	want := []usage.Group{
		{Key: "2028-02-28", Label: "2028-02-28", Counted: true},
		{Key: "2028-02-29", Label: "2028-02-29", Counts: used, Counted: true},
		{Key: "2028-03-01", Label: "2028-03-01", Counted: true},
		{Key: "2028-03-02", Label: "2028-03-02", Counted: true},
	}
	if !slices.Equal(got.Groups, want) || got.Total != used {
		t.Errorf("got %+v", got)
	}
}

func TestARangeIsItsDaysWithBothEnds(t *testing.T) {
	for _, c := range []struct {
		first, last string
		days        int
	}{
		{"2026-11-01", "2026-11-01", 1}, {"2026-11-01", "2026-11-30", 30}, {"2026-01-01", "2026-12-31", 365},
		{"2026-11-02", "2026-11-01", 0}, {"nonsense", "2026-11-01", 0}, {"2026-11-01", "", 0},
	} {
		days := usage.Range{First: c.first, Last: c.last}.Days()
		if len(days) != c.days || c.days > 0 && (days[0] != c.first || days[c.days-1] != c.last) {
			t.Errorf("%s to %s: %v", c.first, c.last, days)
		}
	}
}

func TestKnownChannelsComeInTheirOrder(t *testing.T) {
	got, err := usage.ReportByChannel([]usage.Sheet{
		sheet(usage.AccountDay, "", "2026-11-01", usage.Content{
			Counts: usage.Counts{Credits: 6}, Channels: map[string]credit.Amount{"api": 1, "zebra": 2, "fax": 3},
		}),
	}, known, upper)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, group := range got.Groups {
		names = append(names, group.Key+" "+group.Label+" "+group.Credits.String())
		if group.Counted {
			t.Errorf("%s claims to know its debits", group.Key)
		}
	}
	want := []string{"widget WIDGET 0", "api API 0.000001", "reports REPORTS 0", "fax FAX 0.000003", "zebra ZEBRA 0.000002"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestNodesHaveLabelsUnitsAndQuantities(t *testing.T) {
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	old := rating.Card{Version: "1", Rates: []rating.Rate{{Item: item("dropped"), Label: "Dropped", Unit: "piece"}}}
	card := rating.Card{Version: "2", EffectiveAt: now, Rates: []rating.Rate{{Item: item("ai_reply"), Label: "AI reply", Unit: "reply"}}}
	later := rating.Card{Version: "3", EffectiveAt: now.Add(time.Hour), Rates: []rating.Rate{{Item: item("ai_reply"), Label: "Reply", Unit: "r"}}}
	book := rating.NewBook([]rating.Card{later, card, old})
	if rate, known := book.Rate(item("dropped"), now); !known || rate.Unit != "piece" {
		t.Errorf("a rate that is in an older card only: %+v, %v", rate, known)
	}
	counts := map[rating.Item]usage.NodeCounts{item("ai_reply"): {Credits: 1, Quantity: 2, Lines: 3}, item("gone"): {Credits: 9, Quantity: 8, Lines: 7}}
	day := sheet(usage.AccountDay, "", "2026-11-01", usage.Content{Counts: usage.Counts{Credits: 10}, Nodes: counts})
	got, err := usage.ReportByNode([]usage.Sheet{day}, book, now)
	if err != nil || len(got.Groups) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	first, second := got.Groups[0], got.Groups[1]
	if first.Key != "gone/run" || first.Label != "gone/run" || first.Unit != "" || *first.Node != counts[item("gone")] {
		t.Errorf("the costliest is %+v (%+v)", first, *first.Node)
	}
	if second.Label != "AI reply" || second.Unit != "reply" || *second.Node != counts[item("ai_reply")] {
		t.Errorf("the other is %+v (%+v)", second, *second.Node)
	}
}

func TestAgentsAreSortedByCreditsAndCountOnlyTheRange(t *testing.T) {
	month := func(agent, period, name string, days map[string]usage.Counts) usage.Sheet {
		return sheet(usage.AgentMonth, agent, period, usage.Content{Name: name, Days: days})
	}
	got, err := usage.ReportByAgent([]usage.Sheet{
		month("b", "2026-11", "", map[string]usage.Counts{"2026-11-01": {Credits: 4, Debits: 1}, "2026-11-02": {Credits: 50}}),
		month("a", "2026-11", "Newer", map[string]usage.Counts{"2026-11-01": {Credits: 2, Messages: 1}}),
		month("a", "2026-10", "Older", map[string]usage.Counts{"2026-10-31": {Credits: 2}, "2026-10-30": {Credits: 1000}}),
		month("outside", "2026-10", "Outside", map[string]usage.Counts{"2026-10-30": {Credits: 1000}}),
		month("c", "2026-10", "Third", map[string]usage.Counts{"2026-10-31": {Credits: 5}}),
	}, usage.Range{First: "2026-10-31", Last: "2026-11-01"})
	if err != nil {
		t.Fatal(err)
	}
	want := []usage.Group{
		{Key: "c", Label: "Third", Counts: usage.Counts{Credits: 5}, Counted: true},
		{Key: "a", Label: "Newer", Counts: usage.Counts{Credits: 4, Messages: 1}, Counted: true},
		{Key: "b", Label: "b", Counts: usage.Counts{Credits: 4, Debits: 1}, Counted: true},
	}
	if !slices.Equal(got.Groups, want) || got.Total != (usage.Counts{Credits: 13, Debits: 1, Messages: 1}) {
		t.Errorf("got %+v", got)
	}
}

func TestOneAgentHasItsLatestName(t *testing.T) {
	day := func(period, name string) usage.Sheet {
		return sheet(usage.AgentDay, "a", period, usage.Content{Name: name, Counts: usage.Counts{Credits: 1}})
	}
	for _, c := range []struct {
		sheets []usage.Sheet
		label  string
	}{
		{[]usage.Sheet{day("2026-11-01", "Old"), day("2026-11-02", "New")}, "New"},
		{[]usage.Sheet{day("2026-11-01", "Old"), day("2026-11-02", "")}, "Old"}, // a reversal's, or a debit's without a name
		{[]usage.Sheet{day("2026-11-01", "")}, "a"},
	} {
		got, err := usage.ReportOfAgent(c.sheets, "a")
		if err != nil || len(got.Groups) != 1 || got.Groups[0].Label != c.label || got.Groups[0].Counts != got.Total {
			t.Errorf("got %+v, %v; want the label %q", got, err, c.label)
		}
	}
	if got, err := usage.ReportOfAgent(nil, "a"); err != nil || got.Groups != nil {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
}

func TestTotalsThatOverflowAreAnError(t *testing.T) {
	huge := func(day string) usage.Sheet {
		return sheet(usage.AccountDay, "", day, usage.Content{Counts: usage.Counts{Credits: credit.Max}})
	}
	if got, err := usage.ReportByDay([]usage.Sheet{huge("2026-11-01"), huge("2026-11-02")}, usage.Range{First: "2026-11-01", Last: "2026-11-02"}); err == nil {
		t.Errorf("got %+v", got)
	}
}
