// Package auditor audits accounts, one on request and all of them over time, and
// reports drift to the log, the metrics and the event bus. Where usage has
// lagged for longer than any stream delay, it requests a roll-up.
//
// Package audit defines what is checked of an account.
package auditor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"drawdown/events"
	"drawdown/shared/audit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/telemetry"
)

const (
	accountsAPage = 100
	// reserve is the part of a call's time that is kept to save where it ended.
	reserve = 30 * time.Second
	// waiting is the longest that a caller waits for an audit.
	waiting = 25 * time.Second
	// patience is how long usage may lag before its roll-up is requested.
	patience = 15 * time.Minute
	// maxFindings bounds what one message lists; the log has them all.
	maxFindings = 100
)

// Store is what is audited, the accounts by id, and the account after which the
// audit of all goes on; "" is before the first.
type Store interface {
	audit.Store
	Profiles(ctx context.Context, after string, limit int) ([]ledger.Profile, error)
	AuditCursor(ctx context.Context) (string, error)
	MoveAuditCursor(ctx context.Context, after string) error
}

// Bus publishes messages, and returns the positions of those that failed.
type Bus interface {
	Put(ctx context.Context, messages ...events.Message) ([]int, error)
}

// Auditor audits. Its fields are set once, before its first use.
type Auditor struct {
	Store Store
	Bus   Bus
	// CatchUp requests an account's roll-up in a later call.
	CatchUp func(ctx context.Context, account string) error
	Now     func() time.Time
}

// Progress is how far the audit of all accounts has come.
type Progress struct {
	Audited int    // accounts, by this call
	After   string // where the next call goes on; empty: from the start
}

// One audits an account for a caller that waits: an HTTP API waits for 30 s.
func (a *Auditor) One(ctx context.Context, account string) (audit.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, waiting)
	defer cancel()
	result, err := a.audit(ctx, account)
	if errors.Is(err, context.DeadlineExceeded) {
		return result, fault.New(fault.Unavailable, "The account's ledger is too long to audit within one request. The nightly audit covers it and reports drift in its log and alarm.")
	}
	return result, err
}

func (a *Auditor) audit(ctx context.Context, account string) (audit.Result, error) {
	result, err := audit.Run(ctx, a.Store, account, a.Now())
	if err == nil {
		a.report(ctx, result)
	}
	return result, err
}

// report measures the drift and logs every place of it, for the engineer who handles
// the alarm.
func (a *Auditor) report(ctx context.Context, result audit.Result) {
	telemetry.Add(ctx, telemetry.Count(telemetry.Audited, 1))
	telemetry.Add(ctx, telemetry.Count(telemetry.Drift, len(result.Drift)))
	for _, drift := range result.Drift {
		slog.ErrorContext(ctx, "drift", "account", result.Account, "where", drift.Where, "ledger", drift.Ledger, "stored", drift.Stored)
	}
	if !result.Clean() {
		a.say(ctx, result)
	}
}

// say publishes the drift. The message is dated by the account's last entry, so
// that the same state is one message however often it is audited. A failing bus
// does not fail the audit, whose log and metric have reported the drift
// already, and which runs again.
func (a *Auditor) say(ctx context.Context, result audit.Result) {
	findings := make([]events.Finding, 0, min(len(result.Drift), maxFindings))
	for _, drift := range result.Drift[:min(len(result.Drift), maxFindings)] {
		findings = append(findings, events.Finding{Where: drift.Where, Ledger: drift.Ledger, Stored: drift.Stored})
	}
	message := events.New(events.AuditDrift, result.Account, result.Seq, result.LastAt, events.Drift{Findings: findings})
	if _, err := a.Bus.Put(ctx, message); err != nil {
		slog.ErrorContext(ctx, "publishing the drift failed", "account", result.Account, "error", err.Error())
	}
}

// All audits every account, from where the last call had to end. It goes on
// until none is left or the call's time is nearly over. An account whose audit
// fails, or takes longer than all that time, is counted and skipped.
func (a *Auditor) All(ctx context.Context) (Progress, error) {
	after, err := a.Store.AuditCursor(ctx)
	if err != nil {
		return Progress{}, err
	}
	audited := 0
	for {
		page, err := a.Store.Profiles(ctx, after, accountsAPage)
		if err != nil {
			return Progress{}, err
		}
		for _, profile := range page {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
				return Progress{audited, after}, a.Store.MoveAuditCursor(ctx, after)
			}
			a.auditOfAll(ctx, profile.Account)
			after = profile.Account
			audited++
		}
		if len(page) < accountsAPage {
			after = ""
		}
		if err := a.Store.MoveAuditCursor(ctx, after); err != nil || after == "" {
			return Progress{audited, after}, err
		}
	}
}

// auditOfAll audits an account, and requests its roll-up if that has lagged for
// longer than any stream delay.
func (a *Auditor) auditOfAll(ctx context.Context, account string) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve/2))
		defer cancel()
	}
	result, err := a.audit(ctx, account)
	if err == nil && result.Behind > 0 && a.Now().Sub(result.LastAt) >= patience {
		err = a.CatchUp(ctx, account)
	}
	if err != nil {
		telemetry.Add(ctx, telemetry.Count(telemetry.AuditFailed, 1))
		slog.ErrorContext(ctx, "audit failed", "account", account, "error", err.Error())
	}
}
