package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"drawdown/events"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/stripepay"
	"drawdown/shared/telemetry"
)

// bus takes messages, and answers with the positions of those that it has not taken.
type bus interface {
	Put(ctx context.Context, messages ...events.Message) ([]int, error)
}

type handler struct {
	keys stripepay.Keys
	bus  bus
	now  func() time.Time
}

func (h *handler) server() *httpapi.Server {
	return httpapi.NewServer(nil, // the signature is the key
		httpapi.Handle(httpapi.StripeWebhook, httpapi.DecodeStripeWebhook, h.take, httpapi.EncodeReceived),
	)
}

// take checks who has sent a notice and puts it on the bus. Nothing is done
// about it here: Stripe waits for the answer, and sends again what gets none.
func (h *handler) take(ctx context.Context, signed httpapi.SignedNotice) (struct{}, error) {
	notice, err := h.verify(ctx, signed)
	if err != nil {
		return struct{}{}, err
	}
	telemetry.Note(ctx, "event", notice.ID)
	telemetry.Note(ctx, "event_type", notice.Type)
	if !settled(notice.Type) || notice.ObjectID == "" {
		telemetry.Note(ctx, "ignored", true)
		return struct{}{}, nil
	}
	_, err = h.bus.Put(ctx, events.NoticeOf(events.Notice{
		ID: notice.ID, Type: notice.Type, ObjectID: notice.ObjectID, ObjectType: notice.ObjectType, CreatedAt: notice.Created,
	}))
	if err != nil {
		refusal := fault.New(fault.Unavailable, "The notice could not be passed on; nothing was done about it. Send it again.")
		return struct{}{}, fmt.Errorf("webhook: %w: %w", refusal, err)
	}
	return struct{}{}, nil
}

func (h *handler) verify(ctx context.Context, signed httpapi.SignedNotice) (stripepay.Notice, error) {
	_, secret, err := h.keys.Keys(ctx)
	if err != nil {
		refusal := fault.New(fault.Unavailable, "The keys for payments could not be read. Send the notice again.")
		return stripepay.Notice{}, fmt.Errorf("webhook: %w: %w", refusal, err)
	}
	if secret == "" {
		return stripepay.Notice{}, fault.New(fault.PaymentsUnavailable,
			"No webhook secret is configured. Put the endpoint's signing secret into the deployment's secret of Stripe's keys, as its member webhook_secret; it is in force within a minute.")
	}
	notice, err := stripepay.Verify(signed.Payload, signed.Signature, []string{secret}, h.now())
	if errors.Is(err, stripepay.ErrSignature) {
		slog.WarnContext(ctx, "a webhook is forged, stale, or of another endpoint's secret", "error", err.Error())
		return notice, fault.New(fault.InvalidSignature,
			"The Stripe-Signature header does not fit the body and the endpoint's signing secret, or is older than five minutes.")
	}
	if err != nil {
		slog.ErrorContext(ctx, "a webhook is signed and cannot be read", "error", err.Error())
		return notice, fault.New(fault.InvalidRequest, "The body is signed, and is no event of Stripe's.")
	}
	return notice, nil
}
