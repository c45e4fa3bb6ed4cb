package main

import (
	"context"
	"testing"
	"time"

	"drawdown/shared/auditor"
	"drawdown/shared/commit/committest"
	"drawdown/shared/dynamo/dynamotest"
	"drawdown/shared/httpapi"
	"drawdown/shared/httpapi/httpapitest"
	"drawdown/shared/ledger"
	"drawdown/shared/ledger/ledgertest"
)

func TestServesItsRoutes(t *testing.T) {
	httpapitest.Serves(t, httpapi.FunctionAudit, new(handler).server(nil))
}

// short is a context whose time is over.
type short struct{ context.Context }

func (short) Deadline() (time.Time, bool) { return time.Now(), true }

func TestTheScheduleIsAnsweredWithHowFarItWent(t *testing.T) {
	tables := dynamotest.NewTables(t)
	now := func() time.Time { return ledgertest.Start }
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	outcome := committest.NewCommitter(tables.Client, now).Run(t.Context(), "acme", ledger.Command{Action: ledger.Configure{Settings: settings}})[0]
	if outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	h := &handler{&auditor.Auditor{Store: tables.Client, Now: now}}
	call := func(ctx context.Context, want string) {
		t.Helper()
		if got, err := h.all(ctx, nil); err != nil || string(got) != want {
			t.Errorf("answered with %s, %v; want %s", got, err, want)
		}
	}
	call(t.Context(), `{"audited":1}`)
	if err := tables.MoveAuditCursor(t.Context(), "Acme"); err != nil { // before acme
		t.Fatal(err)
	}
	call(short{t.Context()}, `{"audited":0,"goes_on_after":"Acme"}`)
	call(t.Context(), `{"audited":1}`)
}
