// Package lambdaio is the Lambda edge: it runs one handler per invocation, on raw
// payloads, inside a telemetry record, and distinguishes HTTP events from direct
// invocations.
package lambdaio

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"drawdown/shared/telemetry"
)

// Handler answers one invocation.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Func is a function that is a Handler.
type Func func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke implements Handler.
func (f Func) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

// AnswerMargin is the time reserved for an invocation's answer: work in progress at
// the deadline ends with an error that the caller receives, rather than with the
// invocation, which would report nothing.
const AnswerMargin = 250 * time.Millisecond

// Recorded runs the handler inside a telemetry record, ends its context before
// the invocation times out, and turns a panic into an error, so that one
// bad event does not cost the environment.
func Recorded(handler Handler, log *slog.Logger, function string, now func() time.Time) Handler {
	return Func(func(ctx context.Context, payload []byte) (answer []byte, err error) {
		ctx = telemetry.Begin(ctx)
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-AnswerMargin))
			defer cancel()
		}
		start := time.Now()
		defer func() {
			telemetry.Add(ctx, telemetry.Milliseconds(telemetry.Latency, time.Since(start)))
			if broken := recover(); broken != nil {
				log.ErrorContext(ctx, "panic", "panic", broken, "stack", string(debug.Stack()))
				err = fmt.Errorf("lambdaio: panic: %v", broken)
			}
			telemetry.End(ctx, log, function, now())
		}()
		return handler.Invoke(ctx, payload)
	})
}

// Failing is the handler of a function that could not start: every invocation fails
// with the reason, so that alarms fire and the log explains why.
func Failing(reason error) Handler {
	return Func(func(context.Context, []byte) ([]byte, error) { return nil, reason })
}

// ByOrigin routes HTTP events to one handler and direct invocations to another.
func ByOrigin(http, direct Handler) Handler {
	return Func(func(ctx context.Context, payload []byte) ([]byte, error) {
		if isHTTP(payload) {
			return http.Invoke(ctx, payload)
		}
		return direct.Invoke(ctx, payload)
	})
}
