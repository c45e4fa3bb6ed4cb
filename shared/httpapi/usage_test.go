package httpapi_test

import (
	"context"
	"encoding/csv"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/audit"
	"drawdown/shared/credit"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/usage"
)

// usageEdge serves usage, entries and the audit, and notes what was asked for.
type usageEdge struct {
	*edge
	token     string
	asked     httpapi.UsageQuery
	statement httpapi.StatementQuery
	reports   map[usage.Grouping]usage.Report
	audit     audit.Result
}

func newUsageEdge(t *testing.T) *usageEdge {
	e := &usageEdge{edge: newEdge(t), reports: reports()}
	gate := access.NewAuthenticator(e.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now })
	e.server = httpapi.NewServer(gate,
		httpapi.Handle(httpapi.GetUsage, httpapi.DecodeUsage, func(_ context.Context, query httpapi.UsageQuery) (httpapi.UsageReport, error) {
			e.asked = query
			query.Range = usage.Range{First: "2026-11-01", Last: "2026-11-02"}
			answer := httpapi.UsageReport{Query: query, Zone: "Asia/Kathmandu", AsOf: 42}
			for _, grouping := range query.Groupings {
				answer.Reports = append(answer.Reports, e.reports[grouping])
			}
			return answer, nil
		}, httpapi.EncodeUsage),
		httpapi.Handle(httpapi.ListEntries, httpapi.DecodeStatement, func(_ context.Context, query httpapi.StatementQuery) (httpapi.Listing[ledger.Entry], error) {
			e.statement = query
			return httpapi.Listing[ledger.Entry]{Limit: query.Limit}, nil
		}, httpapi.EncodeStatement),
		httpapi.Handle(httpapi.GetAudit, httpapi.DecodeAccountID, func(context.Context, string) (audit.Result, error) { return e.audit, nil }, httpapi.EncodeAudit),
	)
	e.token = e.key("", access.Admin)
	return e
}

func (e *usageEdge) get(route httpapi.Route, query map[string]string) answer {
	return e.do(call{route: route, path: map[string]string{"account_id": "acme"}, query: query, token: e.token})
}

// csv asks for the same as a spreadsheet does.
func (e *usageEdge) csv(query map[string]string) (answer, [][]string) {
	e.t.Helper()
	c := call{route: httpapi.GetUsage, path: map[string]string{"account_id": "acme"}, query: query, token: e.token}
	payload := strings.Replace(string(c.event(e.t)), `"headers":{`, `"headers":{"accept":"text/csv,*/*;q=0.5",`, 1)
	text, err := e.server.Invoke(e.t.Context(), []byte(payload))
	if err != nil {
		e.t.Fatal(err)
	}
	var got answer
	if err := json.Unmarshal(text, &got); err != nil {
		e.t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(got.Body)).ReadAll()
	if err != nil {
		e.t.Fatalf("%v in %q", err, got.Body)
	}
	return got, rows
}

func TestUsageQueries(t *testing.T) {
	e := newUsageEdge(t)
	for _, c := range []struct {
		query map[string]string
		want  httpapi.UsageQuery
	}{
		{nil, httpapi.UsageQuery{Account: "acme", Groupings: []usage.Grouping{usage.ByDay}}},
		{map[string]string{"from": "2026-11-01", "to": "2027-11-30", "group_by": "node", "agent_id": "a:1"},
			httpapi.UsageQuery{Account: "acme", Groupings: []usage.Grouping{usage.ByNode}, Agent: "a:1", Range: usage.Range{First: "2026-11-01", Last: "2027-11-30"}}},
		{map[string]string{"group_by": "channel"}, httpapi.UsageQuery{Account: "acme", Groupings: []usage.Grouping{usage.ByChannel}}},
		{map[string]string{"group_by": "agent", "from": "", "to": ""}, httpapi.UsageQuery{Account: "acme", Groupings: []usage.Grouping{usage.ByAgent}}},
		{map[string]string{"group_by": "channel,day,node"}, httpapi.UsageQuery{
			Account: "acme", Groupings: []usage.Grouping{usage.ByChannel, usage.ByDay, usage.ByNode}}},
	} {
		if got := e.get(httpapi.GetUsage, c.query); got.Status != 200 || !reflect.DeepEqual(e.asked, c.want) {
			t.Errorf("%v: %d, %+v, want %+v", c.query, got.Status, e.asked, c.want)
		}
	}
}

func TestBadQueriesAreRefusedByTheNamesOfTheirParameters(t *testing.T) {
	e := newUsageEdge(t)
	for _, c := range []struct {
		route httpapi.Route
		query map[string]string
		names []string
	}{
		{httpapi.GetUsage, map[string]string{"from": "2026-11-31"}, []string{"from"}},
		{httpapi.GetUsage, map[string]string{"from": "2026-11-1", "to": "2026-11-01T00:00:00Z"}, []string{"from", "to"}},
		{httpapi.GetUsage, map[string]string{"group_by": "week"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"group_by": "Day"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"group_by": "day,"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"group_by": "day, node"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"group_by": "day,node,day"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"group_by": "day,agent"}, []string{"group_by"}},
		{httpapi.GetUsage, map[string]string{"agent_id": "a#b"}, []string{"agent_id"}},
		{httpapi.GetUsage, map[string]string{"agent_id": strings.Repeat("a", 65)}, []string{"agent_id"}},
		{httpapi.GetUsage, map[string]string{"limit": "5"}, []string{"limit"}},
		{httpapi.ListEntries, map[string]string{"type": "debit,lease"}, []string{"type"}},
		{httpapi.ListEntries, map[string]string{"type": "debit,"}, []string{"type"}},
		{httpapi.ListEntries, map[string]string{"from": "2026-11-01", "to": "soon"}, []string{"from", "to"}},
		{httpapi.ListEntries, map[string]string{"order": "up"}, []string{"order"}},
		{httpapi.ListEntries, map[string]string{"agent_id": "a"}, []string{"agent_id"}},
	} {
		got := e.get(c.route, c.query)
		problem := got.problem(t)
		var names []string
		for _, param := range problem.InvalidParams {
			names = append(names, param.Name)
		}
		slices.Sort(names)
		if got.Status != 422 || problem.Type != "urn:drawdown:problem:invalid-request" || !slices.Equal(names, c.names) {
			t.Errorf("%s %v: %d %s", c.route.Key(), c.query, got.Status, got.Body)
		}
	}
}

func TestStatementFilters(t *testing.T) {
	e := newUsageEdge(t)
	got := e.get(httpapi.ListEntries, map[string]string{
		"type": "debit,reversal", "from": "2026-11-01T00:00:00+05:45", "to": "2026-11-02T00:00:00.5Z", "order": "asc", "limit": "7",
	})
	f := e.statement.Filter
	if got.Status != 200 || !slices.Equal(f.Types, []ledger.EntryType{ledger.DebitEntry, ledger.ReversalEntry}) || !e.statement.Ascending || e.statement.Limit != 7 {
		t.Errorf("%d %s: %+v", got.Status, got.Body, e.statement)
	}
	if !f.From.Equal(time.Date(2026, 10, 31, 18, 15, 0, 0, time.UTC)) || !f.To.Equal(time.Date(2026, 11, 2, 0, 0, 0, 500_000_000, time.UTC)) {
		t.Errorf("from %s to %s", f.From, f.To)
	}
	if e.get(httpapi.ListEntries, nil); !e.statement.Filter.All() || e.statement.Ascending {
		t.Errorf("without a filter: %+v", e.statement)
	}
}

func counted(key, label string, n int64) usage.Group {
	return usage.Group{Key: key, Label: label, Counted: true, Counts: usage.Counts{Credits: credit.Amount(n) * 500_000, Debits: n, Messages: 2 * n, Conversations: 3 * n}}
}

// reports has a report of each grouping.
func reports() map[usage.Grouping]usage.Report {
	return map[usage.Grouping]usage.Report{
		usage.ByDay:     {Groups: []usage.Group{counted("2026-11-01", "2026-11-01", 1), counted("2026-11-02", "2026-11-02", 0)}},
		usage.ByAgent:   {Groups: []usage.Group{counted("a1", `=HYPERLINK("x";"y")`, 5), counted("-1", "Ünïcode, \"quoted\"\nname", 3), counted("a2", "@sum", 0)}},
		usage.ByChannel: {Groups: []usage.Group{{Key: "api", Label: "API", Counts: usage.Counts{Credits: -1}}}},
		usage.ByNode: {Groups: []usage.Group{{
			Key: "ai_reply/run", Label: "AI reply", Counts: usage.Counts{Credits: 7}, Unit: "+reply", Node: &usage.NodeCounts{Credits: 7, Quantity: 1_500_000, Lines: 4},
		}}},
	}
}

// A spreadsheet has the columns that the grouping knows, with JSON's numbers.
func TestCSVSaysWhatJSONSays(t *testing.T) {
	e := newUsageEdge(t)
	columns := map[usage.Grouping][]string{
		usage.ByDay:     {"key", "label", "credits", "debits", "messages", "conversations"},
		usage.ByAgent:   {"key", "label", "credits", "debits", "messages", "conversations"},
		usage.ByChannel: {"key", "label", "credits"},
		usage.ByNode:    {"key", "label", "credits", "quantity", "unit", "lines"},
	}
	for grouping := range reports() {
		query := map[string]string{"group_by": string(grouping)}
		plain := e.get(httpapi.GetUsage, query)
		var body struct {
			From    string           `json:"from"`
			To      string           `json:"to"`
			Zone    string           `json:"time_zone"`
			AsOfSeq int64            `json:"as_of_seq"`
			Groups  []map[string]any `json:"groups"`
		}
		if err := json.Unmarshal([]byte(plain.Body), &body); err != nil || body.AsOfSeq != 42 || body.Zone != "Asia/Kathmandu" || body.From != "2026-11-01" || body.To != "2026-11-02" {
			t.Fatalf("%v: %s", err, plain.Body)
		}
		got, rows := e.csv(query)
		if got.Headers["Content-Type"] != "text/csv; charset=utf-8" || !strings.Contains(got.Headers["Content-Disposition"], "usage-acme-by-"+string(grouping)) {
			t.Errorf("headers %v", got.Headers)
		}
		if got.Headers["Vary"] != "Accept" || plain.Headers["Vary"] != "Accept" {
			t.Errorf("by %s: a cache may mix the two up", grouping)
		}
		if !slices.Equal(rows[0], columns[grouping]) || len(rows) != len(body.Groups)+1 {
			t.Fatalf("by %s: %q", grouping, rows)
		}
		for i, row := range rows[1:] {
			group := body.Groups[i]
			if len(group) != len(rows[0]) {
				t.Errorf("by %s: JSON says %v, the columns are %v", grouping, group, rows[0])
			}
			for j, column := range rows[0] {
				want := group[column]
				if n, ok := want.(float64); ok {
					want = strconv.FormatInt(int64(n), 10)
				}
				if cell := strings.TrimPrefix(row[j], "'"); cell != want {
					t.Errorf("by %s: %s is %q, JSON says %q", grouping, column, cell, want)
				}
				number := column != "key" && column != "label" && column != "unit"
				if first := row[j][:1]; !number && strings.ContainsAny(first, "=+-@\t\r") {
					t.Errorf("by %s: a spreadsheet takes %q for a formula", grouping, row[j])
				}
			}
		}
	}
}

// Several groupings of the same sheets come in one answer, each as it comes alone.
func TestSeveralGroupingsAreToldAtOnce(t *testing.T) {
	e := newUsageEdge(t)
	joined := map[string]any{}
	for _, grouping := range []usage.Grouping{usage.ByDay, usage.ByChannel, usage.ByNode} {
		var alone map[string]any
		if err := json.Unmarshal([]byte(e.get(httpapi.GetUsage, map[string]string{"group_by": string(grouping)}).Body), &alone); err != nil {
			t.Fatal(err)
		}
		joined[string(grouping)] = alone["groups"]
	}
	query := map[string]string{"group_by": "day,channel,node"}
	var body map[string]any
	if err := json.Unmarshal([]byte(e.get(httpapi.GetUsage, query).Body), &body); err != nil {
		t.Fatal(err)
	}
	if _, there := body["groups"]; there || body["group_by"] != query["group_by"] || !reflect.DeepEqual(body["groupings"], any(joined)) {
		t.Errorf("together %v, one by one %v", body, joined)
	}
}

// No groups are an empty list, not a missing one.
func TestAnAgentThatDidNothingHasAnEmptyList(t *testing.T) {
	e := newUsageEdge(t)
	e.reports = nil
	for query, want := range map[string]string{"node": `"groups":[]`, "node,channel": `"groupings":{"channel":[],"node":[]}`} {
		if got := e.get(httpapi.GetUsage, map[string]string{"group_by": query}); !strings.Contains(got.Body, want) {
			t.Errorf("by %s: %s", query, got.Body)
		}
	}
}

// What a grouping cannot know is left out, never zero.
func TestWhatAGroupingCannotKnowIsLeftOut(t *testing.T) {
	e := newUsageEdge(t)
	for grouping, want := range map[usage.Grouping][]string{
		usage.ByChannel: {"credits", "key", "label"}, usage.ByNode: {"credits", "key", "label", "lines", "quantity", "unit"},
		usage.ByDay: {"conversations", "credits", "debits", "key", "label", "messages"},
	} {
		got := e.get(httpapi.GetUsage, map[string]string{"group_by": string(grouping)})
		var body struct {
			Groups []map[string]any `json:"groups"`
		}
		if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range body.Groups[0] {
			names = append(names, name)
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("by %s: %v, want %v", grouping, names, want)
		}
	}
}

func TestAuditAnswersTheProofOrTheDrift(t *testing.T) {
	e := newUsageEdge(t)
	e.audit = audit.Result{
		Account: "acme", Seq: 9, Mark: usage.Mark{Seq: 8}, Sheets: 3, Lapsed: credit.Credit,
		Entries: map[ledger.EntryType]int64{ledger.DebitEntry: 2}, Sums: map[ledger.EntryType]credit.Amount{ledger.DebitEntry: 5 * credit.Credit},
	}
	const clean = `{"account_id":"acme","clean":true,"seq":9,"entries":{"debit":2},"credits":{"debit":"5"},"lapsed":"1",` +
		`"balance":{"available":"0","overage_used":"0"},"usage":{"seq":8,"sheets":3,"quarantined":false},"drift":[]}`
	if got := e.get(httpapi.GetAudit, nil); got.Status != 200 || got.Body != clean {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	e.audit.Drift = []audit.Drift{{Where: "wallet seq", Ledger: "9", Stored: "8"}}
	e.audit.Mark.Quarantine = "why"
	got := e.get(httpapi.GetAudit, nil)
	for _, want := range []string{`"clean":false`, `"quarantined":true`, `"drift":[{"where":"wallet seq","ledger":"9","stored":"8"}]`} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("%s is not in %s", want, got.Body)
		}
	}
	e.token = e.key("acme", access.Read)
	if got := e.get(httpapi.GetAudit, nil); got.Status != 403 {
		t.Errorf("with an account's own key: %d", got.Status)
	}
}

func TestACSVFileHoldsOneGrouping(t *testing.T) {
	e := newUsageEdge(t)
	c := call{route: httpapi.GetUsage, path: map[string]string{"account_id": "acme"}, query: map[string]string{"group_by": "day,node"}, token: e.token}
	payload := strings.Replace(string(c.event(t)), `"headers":{`, `"headers":{"accept":"text/csv",`, 1)
	text, err := e.server.Invoke(t.Context(), []byte(payload))
	var got answer
	if err := errors.Join(err, json.Unmarshal(text, &got)); err != nil || got.Status != 422 {
		t.Errorf("%d %s, %v", got.Status, got.Body, err)
	}
}
