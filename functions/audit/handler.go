package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/events"
	"drawdown/shared/access"
	"drawdown/shared/audit"
	"drawdown/shared/dynamo"
	"drawdown/shared/eventbus"
	"drawdown/shared/failures"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/telemetry"
)

const (
	accountsAPage = 100
	// reserve is what is left of an invocation's time to note where it ended.
	reserve = 30 * time.Second
	// waiting is how long a caller over HTTP waits at most.
	waiting = 25 * time.Second
	// patience is how long usage may lag before the audit rings for it.
	patience = 15 * time.Minute
	// maxFindings bounds what one message tells; the log has them all.
	maxFindings = 100
)

type handler struct {
	store    *dynamo.Client
	failures *failures.Bucket
	bus      *eventbus.Bus
	now      func() time.Time
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.GetAudit, httpapi.DecodeAccountID, h.one, httpapi.EncodeAudit),
	)
}

// one audits an account for somebody who waits: an HTTP API does so for 30 s.
func (h *handler) one(ctx context.Context, account string) (audit.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	result, err := h.audit(ctx, account)
	if errors.Is(err, context.DeadlineExceeded) {
		return result, fault.New(fault.Unavailable, "The account's ledger is too long to be folded while you wait; the nightly audit does it, and the log and the alarm of the audit function tell of drift.")
	}
	return result, err
}

func (h *handler) audit(ctx context.Context, account string) (audit.Result, error) {
	result, err := audit.Run(ctx, h.store, account, h.now())
	if err == nil {
		h.count(ctx, result)
	}
	return result, err
}

// count measures the drift and logs every place of it, for whoever the alarm wakes.
func (h *handler) count(ctx context.Context, result audit.Result) {
	telemetry.Add(ctx, telemetry.Count(telemetry.Audited, 1))
	telemetry.Add(ctx, telemetry.Count(telemetry.Drift, float64(len(result.Drift))))
	for _, drift := range result.Drift {
		slog.ErrorContext(ctx, "drift", "account", result.Account, "where", drift.Where, "ledger", drift.Ledger, "stored", drift.Stored)
	}
	if !result.Clean() {
		h.say(ctx, result)
	}
}

// say tells the bus of drift. It is dated by the account's last entry, so that
// the same state is one message however often it is audited; a bus that fails
// does not fail the audit, whose log and metric have told of the drift already,
// and which comes again.
func (h *handler) say(ctx context.Context, result audit.Result) {
	findings := make([]events.Finding, 0, min(len(result.Drift), maxFindings))
	for _, drift := range result.Drift[:min(len(result.Drift), maxFindings)] {
		findings = append(findings, events.Finding{Where: drift.Where, Ledger: drift.Ledger, Stored: drift.Stored})
	}
	message := events.New(events.AuditDrift, result.Account, result.Seq, result.LastAt, events.Drift{Findings: findings})
	if _, err := h.bus.Put(ctx, message); err != nil {
		slog.ErrorContext(ctx, "the bus has not taken the drift", "account", result.Account, "error", err.Error())
	}
}

// all audits every account, from where the last run had to end. It goes on
// until none is left or the invocation's time is nearly over. An account whose
// audit fails, or takes longer than all that time, is counted and passed over.
func (h *handler) all(ctx context.Context, _ []byte) ([]byte, error) {
	after, err := h.store.AuditCursor(ctx)
	if err != nil {
		return nil, err
	}
	audited := 0
	for {
		page, err := h.store.Profiles(ctx, after, accountsAPage)
		if err != nil {
			return nil, err
		}
		for _, profile := range page {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
				return h.pause(ctx, after, audited)
			}
			h.auditAndRing(ctx, profile.Account)
			after = profile.Account
			audited++
		}
		if len(page) < accountsAPage {
			return h.pause(ctx, "", audited)
		}
		if err := h.store.MoveAuditCursor(ctx, after); err != nil {
			return nil, err
		}
	}
}

// auditAndRing audits an account, and asks for its roll-up where that has lagged
// for longer than any stream delivers.
func (h *handler) auditAndRing(ctx context.Context, account string) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve/2))
		defer cancel()
	}
	result, err := h.audit(ctx, account)
	if err == nil && result.Behind > 0 && h.now().Sub(result.LastAt) >= patience {
		err = h.ring(ctx, account)
	}
	if err != nil {
		telemetry.Add(ctx, telemetry.Count(telemetry.AuditFailed, 1))
		slog.ErrorContext(ctx, "audit failed", "account", account, "error", err.Error())
	}
}

func (h *handler) ring(ctx context.Context, account string) error {
	call, err := json.Marshal(map[string]string{"catch_up": account})
	if err != nil {
		return err
	}
	return h.failures.Ask(ctx, account, call)
}

// pause notes where the next run goes on; an empty place means from the start.
func (h *handler) pause(ctx context.Context, after string, audited int) ([]byte, error) {
	if err := h.store.MoveAuditCursor(ctx, after); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Audited int    `json:"audited"`
		GoesOn  string `json:"goes_on_after,omitempty"`
	}{audited, after})
}
