package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/usage"
)

// UsageQuery asks for an account's usage. Empty ends of the range mean the
// last thirty days up to today, in the account's zone.
type UsageQuery struct {
	Account   string
	Range     usage.Range
	Groupings []usage.Grouping // one, or several that the same sheets provide
	Agent     string           // empty: all of them
	CSV       bool
}

// DecodeUsage reads GET .../usage.
func DecodeUsage(r *Request) (UsageQuery, error) {
	account, err := r.PathID("account_id")
	if err != nil {
		return UsageQuery{}, err
	}
	problems := r.refuseUnknownQuery("from", "to", "group_by", "agent_id")
	query := UsageQuery{
		Account: account,
		Range:   usage.Range{First: r.query["from"], Last: r.query["to"]},
		Agent:   r.query["agent_id"],
		CSV:     strings.Contains(r.header["accept"], "text/csv"),
	}
	groupings, reason := readGroupings(r.query["group_by"], query.CSV)
	if query.Groupings = groupings; reason != "" {
		problems = append(problems, fault.Param{Name: "group_by", Reason: reason})
	}
	if query.Agent != "" && !isID(query.Agent) {
		problems = append(problems, fault.Param{Name: "agent_id", Reason: idRule})
	}
	problems = append(problems, checkRange(query.Range)...)
	if len(problems) > 0 {
		return query, fault.Invalid(problems...)
	}
	return query, nil
}

// readGroupings reads "day" or "day,channel,node", and returns why it is invalid.
func readGroupings(text string, inCSV bool) ([]usage.Grouping, string) {
	if text == "" {
		return []usage.Grouping{usage.ByDay}, ""
	}
	var groupings []usage.Grouping
	for word := range strings.SplitSeq(text, ",") {
		grouping := usage.Grouping(word)
		switch {
		case !slices.Contains(usage.Groupings(), grouping):
			return nil, fmt.Sprintf("must be one of %v, or several of them separated by commas", usage.Groupings())
		case slices.Contains(groupings, grouping):
			return nil, fmt.Sprintf("names %q twice", grouping)
		}
		groupings = append(groupings, grouping)
	}
	switch {
	case len(groupings) > 1 && slices.Contains(groupings, usage.ByAgent):
		return nil, `must not combine "agent" with others: agents are counted separately`
	case len(groupings) > 1 && inCSV:
		return nil, "must be one grouping, since a CSV file holds one table"
	}
	return groupings, ""
}

func checkRange(r usage.Range) []fault.Param {
	var problems []fault.Param
	for _, end := range []struct{ name, day string }{{"from", r.First}, {"to", r.Last}} {
		if end.day == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, end.day); err != nil {
			problems = append(problems, fault.Param{Name: end.name, Reason: `must be a day such as "2026-11-23"`})
		}
	}
	return problems
}

// UsageReport is the answer to a UsageQuery.
type UsageReport struct {
	Query UsageQuery // with its range filled in
	Zone  string
	AsOf  int64 // the usage includes every entry up to this seq
	// Reports are those of the query's groupings, in their order. All have the same total.
	Reports []usage.Report
}

type usageBody struct {
	AccountID string     `json:"account_id"`
	From      string     `json:"from"`
	To        string     `json:"to"`
	TimeZone  string     `json:"time_zone"`
	GroupBy   string     `json:"group_by"`
	AgentID   string     `json:"agent_id,omitempty"`
	AsOfSeq   int64      `json:"as_of_seq"`
	Total     countsBody `json:"total"`
	// Groups for a single grouping, Groupings for several.
	Groups    *[]usageGroupBody           `json:"groups,omitzero"`
	Groupings map[string][]usageGroupBody `json:"groupings,omitzero"`
}

type countsBody struct {
	Credits       string `json:"credits"`
	Debits        int64  `json:"debits"`
	Messages      int64  `json:"messages"`
	Conversations int64  `json:"conversations"`
}

type usageGroupBody struct {
	Key           string  `json:"key"`
	Label         string  `json:"label"`
	Credits       string  `json:"credits"`
	Debits        *int64  `json:"debits,omitempty"`
	Messages      *int64  `json:"messages,omitempty"`
	Conversations *int64  `json:"conversations,omitempty"`
	Quantity      *string `json:"quantity,omitempty"`
	Unit          *string `json:"unit,omitempty"`
	Lines         *int64  `json:"lines,omitempty"`
}

// EncodeUsage answers a usage query, as JSON or as CSV.
func EncodeUsage(u UsageReport) Response {
	if u.Query.CSV {
		return usageCSV(u)
	}
	total := u.Reports[0].Total
	words := make([]string, len(u.Reports))
	told := make(map[string][]usageGroupBody, len(u.Reports))
	for i, report := range u.Reports {
		words[i] = string(u.Query.Groupings[i])
		told[words[i]] = encodeUsageGroups(report.Groups)
	}
	body := usageBody{
		AccountID: u.Query.Account, From: u.Query.Range.First, To: u.Query.Range.Last, TimeZone: u.Zone,
		GroupBy: strings.Join(words, ","), AgentID: u.Query.Agent, AsOfSeq: u.AsOf,
		Total: countsBody{total.Credits.String(), total.Debits, total.Messages, total.Conversations},
	}
	if len(words) == 1 {
		groups := told[words[0]]
		body.Groups = &groups
	} else {
		body.Groupings = told
	}
	return OK(body).With("Vary", "Accept")
}

func encodeUsageGroups(groups []usage.Group) []usageGroupBody {
	bodies := make([]usageGroupBody, len(groups))
	for i, group := range groups {
		bodies[i] = encodeUsageGroup(group)
	}
	return bodies
}

func encodeUsageGroup(g usage.Group) usageGroupBody {
	body := usageGroupBody{Key: g.Key, Label: g.Label, Credits: g.Credits.String()}
	if g.Counted {
		body.Debits, body.Messages, body.Conversations = &g.Debits, &g.Messages, &g.Conversations
	}
	if g.Node != nil {
		quantity := g.Node.Quantity.String()
		body.Quantity, body.Lines = &quantity, &g.Node.Lines
		if g.Unit != "" {
			body.Unit = &g.Unit
		}
	}
	return body
}

// usageCSV has the columns of the grouping and a row for each group.
func usageCSV(u UsageReport) Response {
	header := []string{"key", "label", "credits"}
	grouping := u.Query.Groupings[0]
	switch grouping {
	case usage.ByNode:
		header = append(header, "quantity", "unit", "lines")
	case usage.ByDay, usage.ByAgent:
		header = append(header, "debits", "messages", "conversations")
	case usage.ByChannel:
	}
	rows := [][]string{header}
	for _, g := range u.Reports[0].Groups {
		row := []string{textCell(g.Key), textCell(g.Label), g.Credits.String()}
		if g.Counted {
			row = append(row, strconv.FormatInt(g.Debits, 10), strconv.FormatInt(g.Messages, 10), strconv.FormatInt(g.Conversations, 10))
		}
		if g.Node != nil {
			row = append(row, g.Node.Quantity.String(), textCell(g.Unit), strconv.FormatInt(g.Node.Lines, 10))
		}
		rows = append(rows, row)
	}
	name := fmt.Sprintf("usage-%s-by-%s-%s-%s.csv", u.Query.Account, grouping, u.Query.Range.First, u.Query.Range.Last)
	return Response{Status: 200, ContentType: "text/csv; charset=utf-8", Text: writeCSV(rows)}.
		With("Content-Disposition", fmt.Sprintf("attachment; filename=%q", strings.ReplaceAll(name, ":", "_"))).
		With("Vary", "Accept").
		With("Drawdown-As-Of-Seq", strconv.FormatInt(u.AsOf, 10)).
		With("Drawdown-Time-Zone", u.Zone)
}
