package e2e

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"drawdown/shared/httpapi"
)

// lastChange is the most recent instant, not older than so much, at which the clocks of a zone were changed.
func lastChange(zone *time.Location, age time.Duration) (at time.Time, found bool) {
	offset := func(at time.Time) int { _, seconds := at.In(zone).Zone(); return seconds }
	now := time.Now().UTC().Truncate(time.Minute)
	for at = now; now.Sub(at) < age; at = at.Add(-time.Minute) {
		if offset(at) != offset(at.Add(-time.Minute)) {
			return at, true
		}
	}
	return now, false
}

func TestDaysFollowTheClocksOfTheAccount(t *testing.T) {
	t.Parallel()
	// A development stage takes debits of the last 90 days, and the days around a change must be within them.
	const reach = 85 * 24 * time.Hour
	newYork := location(t, "America/New_York")
	change, found := lastChange(newYork, reach)
	if !found { // as in late winter and late summer: then the days are as long as any, and their ends are tested all the same
		change = time.Now().Add(-20 * 24 * time.Hour).Truncate(time.Hour)
	}
	t.Logf("the clocks of New York were changed at %v: %t", change.In(newYork), found)
	for _, zone := range []struct {
		name string
		// dayOf says on which day an instant is, in plain arithmetic.
		dayOf func(time.Time) string
	}{
		{"UTC", func(at time.Time) string { return at.UTC().Format(time.DateOnly) }},
		{"Asia/Kathmandu", func(at time.Time) string { return at.UTC().Add(5*time.Hour + 45*time.Minute).Format(time.DateOnly) }},
		{"America/New_York", func(at time.Time) string {
			_, before := change.Add(-time.Minute).In(newYork).Zone()
			_, after := change.In(newYork).Zone()
			offset := before
			if !at.Before(change) {
				offset = after
			}
			return at.UTC().Add(time.Duration(offset) * time.Second).Format(time.DateOnly)
		}},
	} {
		t.Run(zone.name, func(t *testing.T) {
			t.Parallel()
			checkDays(t, zone.name, change, zone.dayOf)
		})
	}
}

// checkDays debits around the midnights and the change of clocks, each debit twice the one before: no two sets of them
// have the same sum.
func checkDays(t *testing.T, zone string, change time.Time, dayOf func(time.Time) string) {
	account := openAccount(t, settings().with("time_zone", zone))
	addGrant(t, account, body{"amount": "1000000000", "source": "promo"})
	local := change.In(location(t, zone))
	var instants []time.Time
	for days := -1; days <= 2; days++ {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+days, 0, 0, 0, 0, local.Location())
		instants = append(instants, midnight.Add(-time.Millisecond), midnight, midnight.Add(time.Millisecond), midnight.Add(12*time.Hour))
	}
	for _, around := range []time.Duration{-time.Hour, -time.Millisecond, 0, time.Hour - time.Millisecond, time.Hour} {
		instants = append(instants, change.Add(around))
	}
	var items []body
	var all facts
	worth := credits(1)
	for i, at := range instants {
		of := use("unit", worth).with("occurred_at", at.UTC()).with("conversation_id", fmt.Sprint("c", i/2)).with("messages", 1)
		items = append(items, item(account, fmt.Sprint("d-", i), of))
		all = append(all, factOf(of, dayOf(at)))
		worth *= 2
	}
	for i, r := range outcomes(t, read[results](t, admin(t).call(batch(items...)), http.StatusOK)) {
		d := r.debited(t)
		equal(t, "occurred at", d.OccurredAt.UnixMilli(), instants[i].UnixMilli())
		all[i].seq = d.Seq
	}
	awaitUsage(t, account)

	first, last := dayOf(instants[0]), dayOf(instants[0])
	for _, at := range instants {
		first, last = min(first, dayOf(at)), max(last, dayOf(at))
	}
	from, ahead := day(first).AddDate(0, 0, -3).Format(time.DateOnly), time.Now().AddDate(0, 0, 40).Format(time.DateOnly)
	checkUsage(t, account, all, from, ahead, "agent-1")
	checkUsage(t, account, all, first, last)
	var sum usageCounts
	for _, day := range daysBetween(first, last) {
		checkUsage(t, account, all, day, day)
		sum.add(usageOf(t, account, day, day, "agent", "").Total)
	}
	whole := usageOf(t, account, from, ahead, "day", "")
	equal(t, "the sum over the days", sum, whole.Total)
	equal(t, "all that was debited", whole.Total.Credits, worth-1)
	equal(t, "the days of the range", len(whole.Groups), len(daysBetween(from, ahead)))
	equal(t, "the zone", whole.TimeZone, zone)
	checkAudit(t, account)
}

func TestUsageQueriesAreChecked(t *testing.T) {
	t.Parallel()
	account, other := openFunded(t, 10*credit), openFunded(t, 10*credit)
	spend(t, account, credit)
	ask := func(c client, account, query string) answer {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return c.call(request{route: httpapi.GetUsage, path: []string{account}, query: values})
	}
	for query, names := range map[string][]string{
		"group_by=hour":                     {"group_by"},
		"group_by=Day":                      {"group_by"},
		"from=2026-13-01&to=yesterday":      {"from", "to"},
		"from=2026-11-31":                   {"from"},
		"to=2026-11-01T00:00:00Z":           {"to"},
		"from=2026-11-02&to=2026-11-01":     {"from"},
		"from=2025-01-01&to=2026-02-01":     {"from"}, // 13 months and a day
		"agent_id=two+words":                {"agent_id"},
		"limit=5&cursor=x&group=day":        {"limit", "cursor", "group"},
		"group_by=week&agent_id=%21&from=1": {"group_by", "agent_id", "from"},
	} {
		t.Log(query)
		invalid(t, ask(admin(t), account, query), names...)
	}
	invalid(t, ask(admin(t), "not an id", ""), "account_id")
	refused(t, ask(admin(t), "no.such.account", ""), http.StatusNotFound, "account-not-found")
	longest := read[usageBody](t, ask(admin(t), account, "from=2025-01-01&to=2026-01-31"), http.StatusOK) // 13 months
	equal(t, "the days of 13 months", len(longest.Groups), 365+31)

	// What is not said: thirty days up to today where the account is, by day.
	usual := read[usageBody](t, ask(admin(t), account, ""), http.StatusOK)
	equal(t, "the usual grouping", usual.GroupBy, "day")
	equal(t, "the usual days", len(usual.Groups), 30)
	equal(t, "the first usual day", usual.Groups[0].Key, usual.From)
	equal(t, "the last usual day", usual.Groups[29].Key, usual.To)
	if usual.To != today() && usual.To != time.Now().Add(-time.Minute).In(berlin).Format(time.DateOnly) {
		t.Errorf("the last usual day is %s, want today", usual.To)
	}
	equal(t, "the first of a range with an end", read[usageBody](t, ask(admin(t), account, "to=2026-03-15"), http.StatusOK).From, "2026-02-14")

	// Whose it is to see.
	bound, free := client{t, issueKey(t, account, "read").Key}, client{t, issueKey(t, "", "read").Key}
	equal(t, "the account", read[usageBody](t, ask(bound, account, "group_by=agent"), http.StatusOK).AccountID, account)
	equal(t, "the account", read[usageBody](t, ask(free, other, "group_by=agent"), http.StatusOK).AccountID, other)
	for _, id := range []string{other, "no.such.account", "not an id"} {
		refused(t, ask(bound, id, "group_by=hour"), http.StatusForbidden, "forbidden")
	}
	for _, scope := range []string{"debit", "purchase"} {
		refused(t, ask(client{t, issueKey(t, account, scope).Key}, account, ""), http.StatusForbidden, "forbidden")
	}
	audits := request{route: httpapi.GetAudit, path: []string{account}}
	refused(t, bound.call(audits), http.StatusForbidden, "forbidden")
	refused(t, admin(t).call(request{route: httpapi.GetAudit, path: []string{"no.such.account"}}), http.StatusNotFound, "account-not-found")
	equal(t, "a clean audit", read[auditBody](t, client{t, issueKey(t, "", "admin").Key}.call(audits), http.StatusOK).Clean, true)
}

// checkCSV sees that a report as CSV says just what it says as JSON.
func checkCSV(t *testing.T, account, from, to, agentID string) {
	t.Helper()
	for _, grouping := range groupings {
		r := usageRequest(account, from, to, grouping, agentID)
		want := read[usageBody](t, admin(t).call(r), http.StatusOK)
		r.header = http.Header{"Accept": {"text/csv"}}
		a := admin(t).call(r)
		equal(t, "the status", a.Status, http.StatusOK)
		equal(t, "the content type", a.Header.Get("Content-Type"), "text/csv; charset=utf-8")
		equal(t, "Vary", a.Header.Get("Vary"), "Accept")
		equal(t, "Content-Disposition", a.Header.Get("Content-Disposition"), fmt.Sprintf("attachment; filename=%q",
			strings.ReplaceAll(fmt.Sprintf("usage-%s-by-%s-%s-%s.csv", account, grouping, from, to), ":", "_")))
		rows, err := csv.NewReader(strings.NewReader(string(a.Body))).ReadAll()
		if err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
		columns := map[string][]string{
			"channel": {"key", "label", "credits"}, "node": {"key", "label", "credits", "quantity", "unit", "lines"},
			"day": {"key", "label", "credits", "debits", "messages", "conversations"}, "agent": {"key", "label", "credits", "debits", "messages", "conversations"},
		}[grouping]
		told := [][]string{columns}
		for _, group := range want.Groups {
			told = append(told, cellsOf(group))
		}
		equal(t, "the CSV by "+grouping, asJSON(t, rows), asJSON(t, told))
	}
}

// cellsOf are the cells that a group has as CSV.
func cellsOf(g usageGroup) []string {
	cell := func(text string) string { // a spreadsheet must not take it for a formula
		if strings.IndexAny(text, "=+-@") == 0 {
			return "'" + text
		}
		return text
	}
	cells := []string{cell(g.Key), cell(g.Label), g.Credits.String()}
	switch {
	case g.Debits != nil:
		for _, n := range []int64{*g.Debits, *g.Messages, *g.Conversations} {
			cells = append(cells, strconv.FormatInt(n, 10))
		}
	case g.Lines != nil:
		cells = append(cells, g.Quantity.String(), cell(*g.Unit), strconv.FormatInt(*g.Lines, 10))
	}
	return cells
}

// detailedEntry is an entry with as much of its details as tells them apart.
type detailedEntry struct {
	entry
	Debit, Grant, Reversal map[string]any
}

// statement reads entries to the end, of pages that may be shorter than they could be.
func statement(t *testing.T, account, query string) []detailedEntry {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	limit, err := strconv.Atoi(values.Get("limit"))
	if err != nil {
		t.Fatal(err)
	}
	var all []detailedEntry
	for {
		r := request{route: httpapi.ListEntries, path: []string{account}, query: values}
		got := read[page[detailedEntry]](t, admin(t).call(r), http.StatusOK)
		if len(got.Data) > limit {
			t.Fatalf("a page of %d entries, want at most %d", len(got.Data), limit)
		}
		all = append(all, got.Data...)
		if got.NextCursor == nil {
			return all
		}
		values.Set("cursor", *got.NextCursor)
	}
}

// checkStatements compares filtered statements with what the whole one has of it.
func checkStatements(t *testing.T, account string) {
	t.Helper()
	whole := statement(t, account, "order=asc&limit=200")
	for _, e := range whole {
		detailed := map[string]bool{"debit": e.Debit != nil, "grant": e.Grant != nil, "reversal": e.Reversal != nil}
		for kind, there := range detailed {
			equal(t, fmt.Sprintf("entry %d, a %s, has detail %s", e.Seq, e.Type, kind), there, kind == e.Type)
		}
	}
	early, late := whole[len(whole)/5].CreatedAt, whole[len(whole)*4/5].CreatedAt
	if !early.Before(late) {
		t.Fatal("all entries were made at once")
	}
	cases := []struct {
		kinds string
		limit int
	}{{"", 200}, {"debit", 150}, {"grant", 2}, {"reversal,settings", 1}, {"expiry", 7}}
	for i, c := range cases {
		for j, times := range [][2]time.Time{{}, {early, time.Time{}}, {time.Time{}, late}, {early, late}} {
			checkStatement(t, account, whole, c.limit, c.kinds, times[0], times[1], []string{"asc", "desc"}[(i+j)%2])
		}
	}
}

func checkStatement(t *testing.T, account string, whole []detailedEntry, limit int, kinds string, from, to time.Time, order string) {
	t.Helper()
	var want []int64
	for _, e := range whole {
		if (kinds == "" || slices.Contains(strings.Split(kinds, ","), e.Type)) &&
			(from.IsZero() || !e.CreatedAt.Before(from)) && (to.IsZero() || e.CreatedAt.Before(to)) {
			want = append(want, e.Seq)
		}
	}
	query := url.Values{"limit": {fmt.Sprint(limit)}, "order": {order}}
	if kinds != "" {
		query.Set("type", kinds)
	}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			query.Set(name, at.Format(time.RFC3339Nano))
		}
	}
	var got []int64
	for _, e := range statement(t, account, query.Encode()) {
		got = append(got, e.Seq)
	}
	if order == "desc" {
		slices.Reverse(got)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the statement %s has entries %d, want %d", query.Encode(), got, want)
	}
}

func TestAMonthOfFiveHundredAgents(t *testing.T) {
	t.Parallel()
	const agents, inABatch = 500, 100
	chance := seeded(t)
	account := openFunded(t, 1_000_000*credit)
	last := time.Now().In(berlin)
	first := time.Date(last.Year(), last.Month()-1, 1, 0, 0, 0, 0, berlin)
	month := first.AddDate(0, 1, 0).Sub(first)
	from, to := first.Format(time.DateOnly), first.AddDate(0, 1, -1).Format(time.DateOnly)
	names := []string{"Plain", "", "With, a comma", `With "quotes"`, "=SUM(A1:A9)", "-1+2", "Жанна", "@home"}
	var all facts
	var items, sent []body
	for i := range agents {
		at := first.Add(time.Duration(chance.Int64N(int64(month)))).Truncate(time.Millisecond)
		of := use([]string{"unit", "ai_reply", "free"}[i%3], credits(1+chance.IntN(60))*credit/4). // so many are alike
														with("agent", body{"id": fmt.Sprintf("agent-%03d", (i*7)%agents), "name": names[i%len(names)]}).
														with("channel", channels[i%len(channels)].id).with("occurred_at", at.UTC()).with("messages", i%3)
		if i%2 == 0 {
			of = of.with("conversation_id", "c")
		}
		sent = append(sent, of)
		items = append(items, item(account, fmt.Sprint("d-", i), of))
		all = append(all, factOf(of, at.Format(time.DateOnly)))
	}
	// The agent of the first debit is called otherwise in the end.
	renamed := sent[0].with("agent", body{"id": "agent-000", "name": "Renamed"})
	items = append(items, item(account, "renamed", renamed))
	all = append(all, factOf(renamed, all[0].day))
	for start := 0; start < len(items); start += inABatch {
		part := items[start:min(start+inABatch, len(items))]
		for i, r := range outcomes(t, read[results](t, admin(t).call(batch(part...)), http.StatusOK)) {
			all[start+i].seq = r.debited(t).Seq
		}
		addGrant(t, account, body{"amount": "1", "source": "promo"})
	}
	back := all[3] // of one line, of which a part is given back
	read[reversed](t, admin(t).call(reversal(account, "d-3", "back", body{"reason": "r", "credits": "0.2"})), http.StatusCreated)
	back.counts, back.conversation, back.seq = usageCounts{Credits: -amount("0.2")}, "", back.seq+agents*2
	back.nodes = []nodeFact{{key: back.nodes[0].key, credits: -amount("0.2")}}
	all = append(all, back)
	awaitUsage(t, account)

	checkUsage(t, account, all, from, to, "agent-000", "agent-003")
	middle := first.AddDate(0, 0, 14).Format(time.DateOnly)
	checkUsage(t, account, all, middle, first.AddDate(0, 2, 0).Format(time.DateOnly), "agent-007")
	groups := usageOf(t, account, from, to, "agent", "").Groups
	equal(t, "agents", len(groups), agents)
	for _, group := range groups {
		if group.Key == "agent-000" {
			equal(t, "the label of an agent that was renamed", group.Label, "Renamed")
		}
	}
	checkCSV(t, account, from, to, "")
	checkCSV(t, account, from, to, "agent-004")
	checkAudit(t, account)
	checkStatements(t, account)
}

func TestStatementFiltersAreChecked(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	for query, names := range map[string][]string{
		"type=bonus":                     {"type"},
		"type=debit,":                    {"type"},
		"from=2026-11-01&to=x":           {"from", "to"},
		"type=debit&since=2026-11-01":    {"since"},
		"cursor=MTow&from=x&type=Debit":  {"cursor", "from", "type"},
		"order=up&limit=201&group_by=to": {"order", "limit", "group_by"},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(query)
		invalid(t, admin(t).call(request{route: httpapi.ListEntries, path: []string{account}, query: values}), names...)
	}
}
