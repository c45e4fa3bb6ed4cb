package boot

import (
	"context"

	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/telemetry"
)

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
