package boot

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/telemetry"
)

// newLogger writes JSON lines that carry the invocation's request id.
func newLogger() *slog.Logger {
	return slog.New(requestID{slog.NewJSONHandler(os.Stdout, nil)})
}

// requestID adds the invocation's id to every line that is written with its context.
type requestID struct{ slog.Handler }

func (h requestID) Handle(ctx context.Context, record slog.Record) error {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		record.AddAttrs(slog.String("request_id", invocation.AwsRequestID))
	}
	return h.Handler.Handle(ctx, record)
}

func observe(ctx context.Context, spent dynamo.Spent) {
	telemetry.Add(ctx, telemetry.Count(telemetry.RoundTrips, 1))
	telemetry.Add(ctx, telemetry.Count(telemetry.ReadUnits, spent.ReadUnits))
	telemetry.Add(ctx, telemetry.Count(telemetry.WriteUnits, spent.WriteUnits))
}

func countRetry(ctx context.Context, cause commit.Cause) {
	if cause == commit.GaveUp {
		telemetry.Add(ctx, telemetry.Count(telemetry.Contended, 1))
		return
	}
	telemetry.Add(ctx, telemetry.Count(telemetry.Retries, 1))
	telemetry.Add(ctx, telemetry.Count(telemetry.Retries+"."+string(cause), 1))
}
