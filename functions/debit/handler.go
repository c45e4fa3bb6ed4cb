package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/telemetry"
)

type debits interface {
	Charged(ctx context.Context, account string, debit ledger.OperationID) (*ledger.Charged, error)
}

type wallets interface {
	Wallet(ctx context.Context, account string) (*ledger.Wallet, error)
}

type handler struct {
	committer *commit.Committer
	debits    debits
	wallets   wallets
	rates     commit.Rates
	rules     ledger.Rules
	now       func() time.Time
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.PostDebit, httpapi.DecodeDebit, h.run, httpapi.EncodeDebit),
		httpapi.Handle(httpapi.GetDebit, httpapi.DecodeDebitID, h.find, httpapi.EncodeCharged),
		httpapi.Handle(httpapi.PostReversal, httpapi.DecodeReversal, h.run, httpapi.EncodeReversal),
		httpapi.Handle(httpapi.PostBatch, httpapi.DecodeBatch, h.runAll, httpapi.EncodeBatch),
		httpapi.Handle(httpapi.PostQuote, httpapi.DecodeQuote, h.quote, httpapi.EncodeQuote),
	)
}

// direct answers a direct invocation with the batch route's result objects.
func (h *handler) direct(ctx context.Context, payload []byte) ([]byte, error) {
	telemetry.Note(ctx, "route", "direct")
	call, err := httpapi.DecodeDirect(payload)
	if err != nil {
		return httpapi.EncodeDirectProblem(err)
	}
	outcomes, err := h.runAll(ctx, call.Items)
	if err != nil {
		return nil, err
	}
	return httpapi.EncodeDirect(call, outcomes)
}

func (h *handler) run(ctx context.Context, command httpapi.Command) (commit.Outcome, error) {
	outcome := h.committer.Do(ctx, command.Account, command.Command)
	count(ctx, outcome)
	return outcome, outcome.Err
}

func count(ctx context.Context, outcome commit.Outcome) {
	metric := telemetry.Accepted
	switch {
	case outcome.Err != nil:
		metric = telemetry.Refused
	case outcome.Replayed:
		metric = telemetry.Replayed
	}
	telemetry.Add(ctx, telemetry.Count(metric, 1))
}

func (h *handler) runAll(ctx context.Context, items []httpapi.BatchItem) ([]commit.Outcome, error) {
	commands := make([]commit.Addressed, len(items))
	for i, item := range items {
		commands[i] = commit.Addressed{Account: item.Account, Command: item.Command.Command, Err: item.Err}
	}
	outcomes := h.committer.RunAll(ctx, commands)
	for i, outcome := range outcomes {
		count(ctx, outcome)
		// The request as a whole succeeds, so these would not be logged elsewhere.
		if httpapi.ProblemOf(outcome.Err).Status >= http.StatusInternalServerError && outcome.Err != nil {
			telemetry.Add(ctx, telemetry.Count(telemetry.Failures, 1))
			slog.ErrorContext(ctx, "operation failed", "account", items[i].Account, "operation", items[i].Operation.String(), "error", outcome.Err.Error())
		}
	}
	return outcomes, nil
}

func (h *handler) find(ctx context.Context, id httpapi.DebitID) (*ledger.Charged, error) {
	charged, err := h.debits.Charged(ctx, id.Account, id.Operation)
	if err == nil && charged == nil {
		err = fault.New(fault.DebitNotFound, "The account has no debit %q.", id.Operation)
	}
	return charged, err
}

func (h *handler) quote(ctx context.Context, quote httpapi.Quote) (ledger.Quotation, error) {
	now := h.now()
	until := now
	if quote.OccurredAt != nil {
		until = *quote.OccurredAt
	}
	book, err := h.rates.Book(ctx, until)
	if err != nil {
		return ledger.Quotation{}, err
	}
	wallet, err := h.wallets.Wallet(ctx, quote.Account)
	if err != nil {
		return ledger.Quotation{}, err
	}
	state := ledger.State{Account: quote.Account, Wallet: wallet, Book: book, Rules: h.rules}
	return ledger.Quote(state, quote.Lines, quote.OccurredAt, now)
}
