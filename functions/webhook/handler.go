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

// bus accepts messages and returns the positions of those that it did not accept.
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

// take verifies the sender of a notice and puts it on the bus. The notice is not
// settled here: Stripe waits for the answer, and retries if it gets none.
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
		refusal := fault.New(fault.Unavailable, "The event could not be queued. Send it again.")
		return struct{}{}, fmt.Errorf("webhook: %w: %w", refusal, err)
	}
	return struct{}{}, nil
}

func (h *handler) verify(ctx context.Context, signed httpapi.SignedNotice) (stripepay.Notice, error) {
	_, secret, err := h.keys.Keys(ctx)
	if err != nil {
		refusal := fault.New(fault.Unavailable, "The payment keys could not be read. Send the event again.")
		return stripepay.Notice{}, fmt.Errorf("webhook: %w: %w", refusal, err)
	}
	if secret == "" {
		return stripepay.Notice{}, fault.New(fault.PaymentsUnavailable,
			"No webhook secret is configured. Store the endpoint's signing secret as webhook_secret in the deployment's secret with Stripe's keys; it takes effect within a minute.")
	}
	notice, err := stripepay.Verify(signed.Payload, signed.Signature, []string{secret}, h.now())
	if errors.Is(err, stripepay.ErrSignature) {
		slog.WarnContext(ctx, "a webhook is forged, stale, or signed with another endpoint's secret", "error", err.Error())
		return notice, fault.New(fault.InvalidSignature,
			"The Stripe-Signature header does not match the body and the endpoint's signing secret, or is more than five minutes old.")
	}
	if err != nil {
		slog.ErrorContext(ctx, "a signed webhook cannot be decoded", "error", err.Error())
		return notice, fault.New(fault.InvalidRequest, "The body is signed, but is not a Stripe event.")
	}
	return notice, nil
}
