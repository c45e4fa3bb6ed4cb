package capacity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"drawdown/infra/load/report"
	"drawdown/infra/load/subject"
	"drawdown/infra/load/usual"
	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/dynamo"
	"drawdown/shared/ledger"
	"drawdown/shared/usage"
)

const (
	busy       = "busy" // the account whose usage is read
	busyAgents = 100    // active every day
	busyDebits = 60     // for its statement
	busyGrants = 24     // for its history

	// pageBudget is the most that the Usage page may cost, in RRU, for 30 days and
	// 100 agents.
	pageBudget = 60
)

// The ranges. Thirty days that end on a 29th after a month of 31 days cover as much
// of two months as possible, and agents have a sheet a month. They are in the
// future, away from the debits of the statement.
var (
	period   = usage.Range{First: "2030-12-31", Last: "2031-01-29"}
	previous = usage.Range{First: "2030-12-01", Last: "2030-12-30"}
	longest  = usage.Range{First: "2029-12-30", Last: "2031-01-29"}
)

// call is a request of the Usage page, or of another reader.
type call struct {
	name   string
	path   string // of the HTTP API, without the account where it is about one
	months int    // months that it touches, and so the most Queries
	run    func(ctx context.Context) error
}

// reader does what the usage function does, over metered tables.
type reader struct {
	*dynamo.Ledger
	*dynamo.Usage
	*dynamo.Catalog
	*dynamo.Billing
}

func (q *reader) balance(ctx context.Context) error {
	wallet, err := q.Wallet(ctx, busy)
	if err == nil && wallet == nil {
		err = errors.New("there is no wallet")
	}
	return err
}

func (q *reader) entries(ctx context.Context) error {
	entries, err := q.Entries(ctx, busy, ledger.Page{Limit: pageLimit, Descending: true})
	if err == nil && len(entries) != pageLimit {
		err = fmt.Errorf("the page has %d entries", len(entries))
	}
	return err
}

// history reads the entries other than debits, as many as a filter looks at.
func (q *reader) history(ctx context.Context) error {
	const filtered = 500
	entries, err := q.Entries(ctx, busy, ledger.Page{Limit: filtered, Descending: true, NoDebits: true})
	if err == nil && len(entries) < busyGrants {
		err = fmt.Errorf("the history has %d entries", len(entries))
	}
	return err
}

func (q *reader) plans(ctx context.Context) error {
	_, err := q.Plans(ctx)
	return err
}

func (q *reader) packs(ctx context.Context) error {
	_, err := q.Packs(ctx)
	return err
}

func (q *reader) subscription(ctx context.Context) error {
	_, err := cashier.Look(ctx, q, busy, time.Now())
	return err
}

func (q *reader) bills(ctx context.Context) error {
	const shown = 10
	bills, err := q.Bills(ctx, busy, billing.BillPlace{}, shown+1)
	if err == nil && len(bills) == 0 {
		return q.balance(ctx) // which shows that the account exists
	}
	return err
}

// usage reads the wallet, for the time zone, the mark, and then the sheets.
func (q *reader) usage(ctx context.Context, sheets int, read func() ([]usage.Sheet, error)) error {
	if err := q.balance(ctx); err != nil {
		return err
	}
	if _, err := q.LaggingMark(ctx, busy); err != nil {
		return err
	}
	found, err := read()
	if err == nil && len(found) != sheets {
		err = fmt.Errorf("%d sheets were read of %d", len(found), sheets)
	}
	return err
}

// together asks for a range by day, channel and node, all from one reading of its sheets.
func (q *reader) together(within usage.Range) call {
	joined := q.by(usage.ByDay, within)
	joined.name = fmt.Sprintf("usage by day, channel and node, %d days", len(within.Days()))
	joined.path = usagePath(usage.ByDay+","+usage.ByChannel+","+usage.ByNode, within)
	return joined
}

// by asks for a range grouped by day, channel or node, which read the same sheets,
// or by agent.
func (q *reader) by(grouping usage.Grouping, within usage.Range) call {
	months := monthsOf(within)
	return call{
		name: fmt.Sprintf("usage by %s, %d days", grouping, len(within.Days())), path: usagePath(grouping, within), months: len(months),
		run: func(ctx context.Context) error {
			if grouping == usage.ByAgent {
				return q.usage(ctx, busyAgents*len(months), func() ([]usage.Sheet, error) {
					first, last := within.Months()
					return q.LaggingAgentMonths(ctx, busy, first, last)
				})
			}
			return q.usage(ctx, len(within.Days()), func() ([]usage.Sheet, error) {
				return q.Days(ctx, busy, within.First, within.Last)
			})
		},
	}
}

func (q *reader) ofAgent(within usage.Range) call {
	agent := usual.Agent(0).ID
	return call{
		name: fmt.Sprintf("usage of one agent, %d days", len(within.Days())), months: len(monthsOf(within)),
		path: usagePath(usage.ByNode, within) + "&agent_id=" + agent,
		run: func(ctx context.Context) error {
			return q.usage(ctx, len(within.Days()), func() ([]usage.Sheet, error) {
				return q.AgentDays(ctx, busy, agent, within.First, within.Last)
			})
		},
	}
}

func usagePath(grouping usage.Grouping, within usage.Range) string {
	return fmt.Sprintf("/usage?group_by=%s&from=%s&to=%s", grouping, within.First, within.Last)
}

// page returns the requests that the Usage page makes when it opens.
func (q *reader) page() []call {
	before := q.by(usage.ByDay, previous)
	before.name += " before"
	return []call{
		{"balance", "/balance", 0, q.balance},
		q.together(period), before, q.by(usage.ByAgent, period),
		{"credit history", "/entries?limit=10&type=grant,reversal,expiry", 1, q.history},
		{"plans on sale", "/v1/plans", 1, q.plans}, {"packs on sale", "/v1/packs", 1, q.packs},
		{"subscription", "/subscription", 0, q.subscription}, {"automatic refill", "/auto-refill", 0, q.balance},
		{"billing history", "/billing-history?limit=10", 1, q.bills},
	}
}

// others returns the requests that it makes on a click, and the longest ranges.
func (q *reader) others() []call {
	return []call{
		q.ofAgent(period), {"page of 50 entries", "/entries?limit=50", 1, q.entries},
		q.by(usage.ByDay, longest), q.by(usage.ByNode, longest), q.by(usage.ByAgent, longest),
	}
}

// monthsOf groups the days of a range by month.
func monthsOf(within usage.Range) [][]string {
	var months [][]string
	for i, day := range within.Days() {
		if i == 0 || day[len("2006-01-"):] == "01" {
			months = append(months, nil)
		}
		months[len(months)-1] = append(months[len(months)-1], day)
	}
	return months
}

// openBusy opens the account with usage for the longest range, and a statement.
func openBusy(ctx context.Context, platform *subject.Subject) error {
	tables := platform.Tables()
	committer := platform.Committer(tables)
	if err := usual.Open(ctx, committer, busy); err != nil {
		return err
	}
	for i := range busyGrants {
		gift := ledger.Keyed(usual.Operation("given", i), ledger.AddGrant{Amount: 1, Source: ledger.FromPromo})
		if err := committer.Do(ctx, busy, gift).Err; err != nil {
			return err
		}
	}
	talk := usual.NewTalk(busyAgents, time.Now())
	debits := make([]ledger.Command, busyDebits)
	for i := range debits {
		debits[i] = ledger.Keyed(usual.Operation("busy", i), talk.Next().Debit)
	}
	for _, outcome := range committer.Run(ctx, busy, debits...) {
		if outcome.Err != nil {
			return outcome.Err
		}
	}
	return newFiller(platform.DB(), platform.Names()).fill(ctx, busy, busySheets())
}

func busySheets() []usage.Delta {
	var sheets []usage.Delta
	for _, day := range longest.Days() {
		sheets = append(sheets, accountDay(day, busyAgents))
	}
	for _, day := range period.Days() {
		sheets = append(sheets, agentDay(0, day))
	}
	for _, days := range monthsOf(usage.Range{First: longest.First[:len("2006-01-")] + "01", Last: longest.Last}) {
		for agent := range busyAgents {
			sheets = append(sheets, agentMonth(agent, days))
		}
	}
	return sheets
}

func measureQueries(ctx context.Context, r *report.Report, platform *subject.Subject) error {
	if err := openBusy(ctx, platform); err != nil {
		return err
	}
	meter := NewMeter(platform.DB(), schemaOf(platform.Names()))
	tables := platform.Tables(meter.Install)
	q := &reader{tables.Ledger, tables.Usage, tables.Catalog, tables.Billing}
	t := queryTable{
		report: r, meter: meter, platform: platform,
		table: report.NewTable("call", "requests", "in sequence", "Queries", "RRU", "the function: requests", "Local: read"),
	}
	// The first call by node reads the rate cards, which are cached from then on.
	if err := platform.Get(ctx, "/v1/accounts/"+busy+usagePath(usage.ByNode, period)); err != nil {
		return err
	}
	var page Cost
	for _, c := range q.page() {
		cost, err := t.row(ctx, c)
		if err != nil {
			return err
		}
		page.Requests, page.Queries, page.Counted = page.Requests+cost.Requests, page.Queries+cost.Queries, page.Counted.Plus(cost.Counted)
	}
	t.table.Row("Usage page in total", page.Requests, "", page.Queries, r.AtMost("Usage page in total", "RRU", page.Counted.Read, pageBudget), "", "")
	for _, c := range q.others() {
		if _, err := t.row(ctx, c); err != nil {
			return err
		}
	}
	r.Section(fmt.Sprintf("   Usage of an account of %d agents, all active every day (counted / budget)", busyAgents))
	r.Table(t.table)
	r.Note(
		"The thirty days are chosen to cover as much of two months as possible. The budget of each call is one",
		"Query for each month touched. The same calls are made to the running function too, which reports how many",
		"requests it made and what DynamoDB Local reports as read: these must equal the counts here.",
	)
	return reportSheets(ctx, r, meter, q.Usage)
}

type queryTable struct {
	report   *report.Report
	table    *report.Table
	meter    *Meter
	platform *subject.Subject
}

// row measures a call, and compares it with what the function reports for the same
// call.
func (t *queryTable) row(ctx context.Context, c call) (Cost, error) {
	if err := c.run(ctx); err != nil {
		return Cost{}, fmt.Errorf("%s: %w", c.name, err)
	}
	cost, err := t.meter.Take()
	if err != nil {
		return Cost{}, fmt.Errorf("%s: %w", c.name, err)
	}
	said, err := t.said(ctx, c.path)
	if err != nil {
		return Cost{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if int(said.Requests) != cost.Requests || said.ReadUnits != cost.Reported.Read {
		return Cost{}, fmt.Errorf("%s: %d requests that read %v units are measured, and the function makes %v that read %v: this benchmark is out of date",
			c.name, cost.Requests, cost.Reported.Read, said.Requests, said.ReadUnits)
	}
	t.table.Row(c.name, cost.Requests, cost.Depth,
		t.report.AtMost(c.name, "Queries", float64(cost.Queries), float64(c.months)),
		cost.Counted.Read, said.Requests, said.ReadUnits)
	return cost, nil
}

// said returns what the usage function reports for one call, a moment after its
// answer.
func (t *queryTable) said(ctx context.Context, path string) (subject.Spent, error) {
	before := t.platform.Log.Spent(usageFunction)
	if !strings.HasPrefix(path, "/v1/") {
		path = "/v1/accounts/" + busy + path
	}
	if err := t.platform.Get(ctx, path); err != nil {
		return subject.Spent{}, err
	}
	for deadline := time.Now().Add(lineWait); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if after := t.platform.Log.Spent(usageFunction); after.Invocations == before.Invocations+1 {
			return subject.Spent{Invocations: 1, Requests: after.Requests - before.Requests, ReadUnits: after.ReadUnits - before.ReadUnits}, nil
		}
	}
	return subject.Spent{}, errors.New("the function has not reported what it has read")
}

const (
	usageFunction = "usage"
	lineWait      = 5 * time.Second
)
