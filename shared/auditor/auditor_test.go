package auditor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"drawdown/events"
	"drawdown/shared/audit"
	"drawdown/shared/commit/committest"
	"drawdown/shared/dynamo"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/eventbus/eventbustest"
	"drawdown/shared/failures/failurestest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
	"drawdown/shared/rollup"
)

type fixture struct {
	Auditor
	tables  *dynamotest.Tables
	bucket  *failurestest.Bucket
	said    *eventbustest.Bus
	queries atomic.Int64 // of the audit; each account takes at least two
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{bucket: failurestest.New(t), said: eventbustest.New(t)}
	f.tables = dynamotest.NewTables(t, dynamotest.WithObserver(func(_ context.Context, spent dynamo.Spent) {
		if spent.Request == "Query" {
			f.queries.Add(1)
		}
	}))
	f.Auditor = Auditor{Store: f.tables.Client, Bus: f.said.Bus, CatchUp: f.bucket.AskCatchUp, Now: func() time.Time { return ledgertest.Start }}
	return f
}

func (f *fixture) open(t *testing.T, account string) {
	t.Helper()
	committer := committest.NewCommitter(f.tables.Client, func() time.Time { return ledgertest.Start })
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	if outcome := committer.Run(t.Context(), account, ledger.Command{Action: ledger.Configure{Settings: settings}})[0]; outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	folder := &rollup.Folder{Store: f.tables.Client, Now: time.Now, Page: 10}
	if _, err := folder.CatchUp(t.Context(), account, 1); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) run(ctx context.Context, t *testing.T) Progress {
	t.Helper()
	got, err := f.All(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if cursor, err := f.tables.AuditCursor(context.WithoutCancel(ctx)); err != nil || cursor != got.After {
		t.Errorf("the cursor is %q, %v; the answer %+v", cursor, err, got)
	}
	return got
}

// ending is the context of an invocation whose time is nearly over once so many
// queries have been sent.
type ending struct {
	context.Context
	f     *fixture
	after int64
}

func (e ending) Deadline() (time.Time, bool) {
	if e.f.queries.Load() >= e.after {
		return time.Now().Add(reserve - time.Second), true
	}
	return time.Now().Add(time.Hour), true
}

func TestTheAuditOfAllPausesAndGoesOn(t *testing.T) {
	f := newFixture(t)
	const accounts = 12
	for i := range accounts {
		f.open(t, fmt.Sprintf("acme-%02d", i))
	}
	if got := f.run(t.Context(), t); got != (Progress{Audited: accounts}) {
		t.Errorf("with all the time: %+v", got)
	}
	if got := f.run(ending{t.Context(), f, 0}, t); got != (Progress{}) {
		t.Errorf("with no time: %+v", got)
	}
	audited, pauses := 0, 0
	for {
		before := audited
		got := f.run(ending{t.Context(), f, f.queries.Load() + 8}, t)
		audited += got.Audited
		if got.After == "" {
			break
		}
		if want := fmt.Sprintf("acme-%02d", audited-1); got.After != want || audited == before {
			t.Fatalf("it goes on after %q, want %q", got.After, want)
		}
		pauses++
	}
	if audited != accounts || pauses == 0 {
		t.Errorf("%d accounts audited with %d pauses", audited, pauses)
	}
}

func TestTheAuditAsksForAccountsThatLagTooLong(t *testing.T) {
	f := newFixture(t)
	f.open(t, "folded")
	f.open(t, "lagging")
	committer := committest.NewCommitter(f.tables.Client, func() time.Time { return ledgertest.Start.Add(time.Hour) })
	settings := ledger.Settings{Name: "Other", Zone: "UTC", Status: ledger.Active}
	if outcome := committer.Run(t.Context(), "lagging", ledger.Command{Action: ledger.Configure{Settings: settings}})[0]; outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	for _, c := range []struct {
		since time.Duration
		asked []string
	}{{patience - time.Second, nil}, {patience, []string{"asked/lagging"}}} {
		f.Now = func() time.Time { return ledgertest.Start.Add(time.Hour + c.since) }
		f.run(t.Context(), t)
		objects := f.bucket.Objects()
		if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, c.asked) {
			t.Errorf("after %s, asked is %q", c.since, got)
		}
		if call := objects["asked/lagging"]; len(c.asked) > 0 && !strings.Contains(call, `{"catch_up":"lagging"}`) {
			t.Errorf("the call is %s", call)
		}
	}
}

// Drift is published on the bus, under the same id however often it is found; a
// failing bus does not prevent the audit's result.
func TestDriftIsSaid(t *testing.T) {
	f := newFixture(t)
	f.open(t, "clean")
	f.report(t.Context(), audit.Result{Account: "clean", Seq: 1})
	if said := f.said.Said(); len(said) != 0 {
		t.Errorf("without drift it says %+v", said)
	}
	drifts := make([]audit.Drift, maxFindings+1)
	drifts[0] = audit.Drift{Where: "wallet available", Ledger: "12.5", Stored: "12"}
	result := audit.Result{Account: "acme", Seq: 42, LastAt: ledgertest.Start, Drift: drifts}
	for range 2 {
		f.report(t.Context(), result)
	}
	said := f.said.Said()
	if len(said) != 2 || said[0] != said[1] {
		t.Fatalf("said %+v", said)
	}
	message, err := events.Decode([]byte(said[0].Detail))
	if err != nil || message.ID != "acme#42#audit.drift" || said[0].DetailType != "audit.drift" || !message.OccurredAt.Equal(ledgertest.Start) {
		t.Errorf("the message is %+v, %v", message, err)
	}
	drift, ok := message.Data.(*events.Drift)
	if !ok || len(drift.Findings) != maxFindings || drift.Findings[0] != (events.Finding{Where: "wallet available", Ledger: "12.5", Stored: "12"}) {
		t.Errorf("the drift is %+v", message.Data)
	}
	f.said.Break(true)
	f.report(t.Context(), result)
}
