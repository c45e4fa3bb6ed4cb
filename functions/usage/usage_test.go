package main

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/rollup/rolluptest"
	"drawdown/shared/usage"
)

func TestRangesAreCompletedInTheAccountsZone(t *testing.T) {
	at := time.Date(2026, 11, 1, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		given usage.Range
		zone  string
		want  usage.Range
	}{
		{usage.Range{}, "UTC", usage.Range{First: "2026-10-03", Last: "2026-11-01"}},
		{usage.Range{}, "Asia/Kathmandu", usage.Range{First: "2026-10-04", Last: "2026-11-02"}},
		{usage.Range{First: "2026-11-01"}, "UTC", usage.Range{First: "2026-11-01", Last: "2026-11-01"}},
		{usage.Range{Last: "2026-03-01"}, "America/New_York", usage.Range{First: "2026-01-31", Last: "2026-03-01"}},
		{usage.Range{First: "2026-11-01", Last: "2026-12-31"}, "UTC", usage.Range{First: "2026-11-01", Last: "2026-12-31"}}, // may lie ahead
		{usage.Range{First: "2025-11-01", Last: "2026-11-30"}, "UTC", usage.Range{First: "2025-11-01", Last: "2026-11-30"}}, // 13 months
	} {
		if got, err := completed(c.given, c.zone, at); err != nil || got != c.want {
			t.Errorf("%+v in %s: %+v, %v; want %+v", c.given, c.zone, got, err, c.want)
		}
	}
	for _, bad := range []usage.Range{
		{First: "2026-11-02"}, {First: "2026-11-02", Last: "2026-11-01"},
		{First: "2025-11-01", Last: "2026-12-01"}, {First: "1970-01-01"},
	} {
		if got, err := completed(bad, "UTC", at); fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("%+v: %+v, %v", bad, got, err)
		}
	}
}

type fixture struct {
	*testing.T
	tables *dynamotest.Tables
	handler
}

func newFixture(t *testing.T) *fixture {
	tables := dynamotest.NewTables(t)
	now := func() time.Time { return rolluptest.Start }
	return &fixture{t, tables, handler{
		store: tables.Client, rates: committest.NewCommitter(tables.Client, now).Rates, channels: []string{"widget", "api"}, now: now,
	}}
}

// enter writes entries as commits do.
func (f *fixture) enter(account string, entries []ledger.Entry) {
	f.Helper()
	const most = 90
	var before *ledger.Wallet
	for part := range slices.Chunk(entries, most) {
		last := part[len(part)-1]
		after := ledger.Wallet{Account: account, Seq: last.Seq, LastAt: last.CreatedAt, Settings: ledger.Settings{Zone: "UTC", Status: ledger.Active}}
		verdict, err := f.tables.Commit(f.Context(), commit.Change{Before: before, After: after, Entries: part})
		if err != nil || !verdict.Committed {
			f.Fatal(verdict, err)
		}
		before = &after
	}
}

func TestUsageIsOneQueryWhateverIsAsked(t *testing.T) {
	f := newFixture(t)
	entries := make([]ledger.Entry, 6)
	for i := range entries {
		entries[i] = rolluptest.WideDebit("acme", int64(i+1), 0, 3)
		ledger.DetailOf[*ledger.Charge](&entries[i]).Day = []string{"2026-10-30", "2026-10-31", "2026-11-01"}[i%3]
		ledger.DetailOf[*ledger.Charge](&entries[i]).Agent.ID = []string{"a1", "a2"}[i/3]
	}
	f.enter("acme", entries)
	folder := &rollup.Folder{Store: f.tables.Client, Now: time.Now, Page: 10}
	if _, err := folder.CatchUp(t.Context(), "acme", 6); err != nil {
		t.Fatal(err)
	}
	asked := [][]usage.Grouping{{usage.ByDay, usage.ByNode, usage.ByChannel}}
	for _, grouping := range usage.Groupings() {
		asked = append(asked, []usage.Grouping{grouping})
	}
	for _, agent := range []string{"", "a2", "absent"} {
		for _, groupings := range asked {
			f.tables.Requests.Take()
			got, err := f.usage(t.Context(), httpapi.UsageQuery{
				Account: "acme", Agent: agent, Groupings: groupings, Range: usage.Range{First: "2026-10-31", Last: "2026-11-01"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if requests := f.tables.Requests.Take(); !slices.Equal(requests, []string{"GetItem", "GetItem", "Query"}) {
				t.Errorf("by %s, agent %q: requests %v", groupings, agent, requests)
			}
			want := usage.Counts{Credits: 4 * 3 * credit.Micro, Debits: 4, Messages: 4, Conversations: 4} // nodes of 0, 1 and 2 micro-credits
			switch agent {
			case "a2":
				want = usage.Counts{Credits: 2 * 3 * credit.Micro, Debits: 2, Messages: 2, Conversations: 2}
			case "absent":
				want = usage.Counts{}
			}
			if got.AsOf != 6 || got.Zone != "UTC" || len(got.Reports) != len(groupings) {
				t.Errorf("by %s, agent %q: %d reports as of %d in %s", groupings, agent, len(got.Reports), got.AsOf, got.Zone)
			}
			for i, report := range got.Reports {
				var sum credit.Amount
				for _, group := range report.Groups {
					sum += group.Credits
				}
				if report.Total != want || sum != want.Credits {
					t.Errorf("by %s, agent %q: total %+v, groups of %s, want %+v", groupings[i], agent, report.Total, sum, want)
				}
			}
		}
	}
	if _, err := f.usage(t.Context(), httpapi.UsageQuery{Account: "nobody", Groupings: []usage.Grouping{usage.ByDay}}); fault.CodeOf(err) != fault.AccountNotFound {
		t.Errorf("of no account: %v", err)
	}
}

// statement reads all pages of a query, and fails where one has more than its
// limit or the pages have no end.
func (f *fixture) statement(query httpapi.StatementQuery) (seqs []int64, pages int) {
	f.Helper()
	for pages = 1; pages < 500; pages++ {
		f.tables.Requests.Take()
		listing, err := f.entries(f.Context(), query)
		if err != nil {
			f.Fatal(err)
		}
		if requests := f.tables.Requests.Take(); len(requests) > 2 {
			f.Fatalf("a page takes %v", requests)
		}
		shown := listing.Read[:min(len(listing.Read), listing.Limit)]
		for _, entry := range shown {
			seqs = append(seqs, entry.Seq)
		}
		// As the page's encoder does: past a full page, after its last; else where the listing says.
		switch {
		case len(listing.Read) > listing.Limit:
			query.After = shown[len(shown)-1].Seq
		case listing.Next != "":
			query.After, _ = strconv.ParseInt(listing.Next, 10, 64)
		default:
			return seqs, pages
		}
	}
	f.Fatalf("no end after %d pages", pages)
	return nil, 0
}

func TestAStatementHasEveryEntryOnceAcrossItsPages(t *testing.T) {
	f := newFixture(t)
	entries := make([]ledger.Entry, 2*filteredPage+150)
	for i := range entries {
		seq := int64(i + 1)
		entries[i] = ledger.Entry{Account: "acme", Operation: ledger.OperationID(fmt.Sprintf("op-%d", seq)), Seq: seq, Detail: &ledger.Expiry{}, CreatedAt: rolluptest.Start.Add(time.Duration(i/3) * time.Second)}
		if seq%100 == 0 || seq < 4 {
			entries[i] = rolluptest.WideDebit("acme", seq, 0, 1)
			entries[i].CreatedAt = rolluptest.Start.Add(time.Duration(i/3) * time.Second)
		}
	}
	f.enter("acme", entries)
	instant := func(seconds int) time.Time { return rolluptest.Start.Add(time.Duration(seconds) * time.Second) }
	for name, filter := range map[string]ledger.Filter{
		"all":             {},
		"debits":          {Types: []ledger.EntryType{ledger.DebitEntry}},
		"grants":          {Types: []ledger.EntryType{ledger.GrantEntry}},
		"debits, expiry":  {Types: []ledger.EntryType{ledger.DebitEntry, ledger.ExpiryEntry}},
		"from":            {From: instant(370)},
		"to":              {To: instant(10)},
		"an hour amid":    {From: instant(150), To: instant(160)},
		"nothing at all":  {From: instant(150), To: instant(150)},
		"debits of a day": {Types: []ledger.EntryType{ledger.DebitEntry}, From: instant(60), To: instant(200)},
	} {
		var want []int64
		for i := range entries {
			if e := entries[i]; (len(filter.Types) == 0 || slices.Contains(filter.Types, e.Type())) &&
				(filter.From.IsZero() || !e.CreatedAt.Before(filter.From)) && (filter.To.IsZero() || e.CreatedAt.Before(filter.To)) {
				want = append(want, e.Seq)
			}
		}
		for _, limit := range []int{3, 200} {
			if limit == 3 && len(want) > 100 {
				continue // many pages, and nothing new
			}
			for _, ascending := range []bool{true, false} {
				got, pages := f.statement(httpapi.StatementQuery{Account: "acme", Limit: limit, Ascending: ascending, Filter: filter})
				if !ascending {
					slices.Reverse(got)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, %d a page, ascending %t: %d entries, want %d", name, limit, ascending, len(got), len(want))
				}
				if most := len(want)/limit + len(entries)/filteredPage + 2; pages > most {
					t.Errorf("%s, %d a page, ascending %t: %d pages", name, limit, ascending, pages)
				}
			}
		}
	}
	// What lies between many debits is found at once.
	debits := make([]ledger.Entry, filteredPage+50)
	for i := range debits {
		debits[i] = rolluptest.WideDebit("busy", int64(i+1), 0, 1)
	}
	debits[1] = ledger.Entry{Account: "busy", Operation: "given", Seq: 2, Detail: &ledger.Expiry{}, CreatedAt: debits[1].CreatedAt}
	f.enter("busy", debits)
	others := ledger.Filter{Types: []ledger.EntryType{ledger.GrantEntry, ledger.ExpiryEntry}}
	if got, pages := f.statement(httpapi.StatementQuery{Account: "busy", Limit: 5, Filter: others}); !slices.Equal(got, []int64{2}) || pages != 1 {
		t.Errorf("between %d debits %v is found, on %d pages", len(debits)-1, got, pages)
	}
	if got, pages := f.statement(httpapi.StatementQuery{Account: "acme", Limit: 50, Ascending: true, Filter: ledger.Filter{To: instant(5)}}); len(got) != 15 || pages != 1 {
		t.Errorf("what lies past the filter's end is read: %d entries on %d pages", len(got), pages)
	}
	if _, err := f.entries(t.Context(), httpapi.StatementQuery{Account: "nobody", Limit: 5}); fault.CodeOf(err) != fault.AccountNotFound {
		t.Errorf("of no account: %v", err)
	}
}
