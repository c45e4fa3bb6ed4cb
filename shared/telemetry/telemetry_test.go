package telemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/telemetry"
)

var at = time.Date(2026, 11, 23, 9, 30, 0, 125_000_000, time.UTC)

// end ends the record of ctx and gives its log line, without the logger's own time.
func end(ctx context.Context) string {
	var line bytes.Buffer
	handler := slog.NewJSONHandler(&line, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	telemetry.End(ctx, slog.New(handler), "debit", at)
	return line.String()
}

// CloudWatch reads this form; a change of it silences every metric and alarm.
func TestLineIsInTheEmbeddedMetricFormat(t *testing.T) {
	ctx := telemetry.Begin(t.Context())
	telemetry.Note(ctx, "route", "POST /v1/debits/batch")
	telemetry.Add(ctx, telemetry.Count(telemetry.ReadUnits, 1.5))
	telemetry.Note(ctx, "status", 200)
	telemetry.Add(ctx, telemetry.Milliseconds("Latency", 12_345*time.Microsecond))
	telemetry.Add(ctx, telemetry.Count(telemetry.ReadUnits, 0.5))
	const want = `{"level":"INFO","msg":"invocation","Function":"debit","route":"POST /v1/debits/batch","status":200,` +
		`"ReadUnits":2,"Latency":12.345,` +
		`"_aws":{"Timestamp":1795426200125,"CloudWatchMetrics":[{"Namespace":"Drawdown","Dimensions":[["Function"]],` +
		`"Metrics":[{"Name":"ReadUnits","Unit":"Count"},{"Name":"Latency","Unit":"Milliseconds"}]}]}}` + "\n"
	if got := end(ctx); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestLineWithoutMetrics(t *testing.T) {
	const want = `{"level":"INFO","msg":"invocation","Function":"debit",` +
		`"_aws":{"Timestamp":1795426200125,"CloudWatchMetrics":[{"Namespace":"Drawdown","Dimensions":[["Function"]],"Metrics":[]}]}}` + "\n"
	if got := end(telemetry.Begin(t.Context())); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestRecordsAreApart(t *testing.T) {
	one, other := telemetry.Begin(t.Context()), telemetry.Begin(t.Context())
	telemetry.Add(one, telemetry.Count(telemetry.Retries, 1))
	if bare := end(telemetry.Begin(t.Context())); end(other) != bare || end(one) == bare {
		t.Error("one invocation counts into another's record")
	}
}

func TestWithoutARecordNothingHappens(t *testing.T) {
	telemetry.Add(t.Context(), telemetry.Count(telemetry.Retries, 1))
	telemetry.Note(t.Context(), "a", 1)
	if got := end(t.Context()); got != "" {
		t.Errorf("a line without a record: %s", got)
	}
}

func TestMeasurementsMayComeAtOnce(t *testing.T) {
	const routines, each = 16, 100
	ctx := telemetry.Begin(t.Context())
	var running sync.WaitGroup
	for routine := range routines {
		running.Go(func() {
			for range each {
				telemetry.Add(ctx, telemetry.Count(telemetry.RoundTrips, 1))
				telemetry.Add(ctx, telemetry.Count(telemetry.WriteUnits, 0.5))
			}
			telemetry.Note(ctx, "note"+strconv.Itoa(routine), 1)
		})
	}
	running.Wait()
	var line map[string]any
	if err := json.Unmarshal([]byte(end(ctx)), &line); err != nil {
		t.Fatal(err)
	}
	if line[telemetry.RoundTrips] != float64(routines*each) || line[telemetry.WriteUnits] != float64(routines*each)/2 ||
		line["note15"] != 1.0 {
		t.Errorf("got %v", line)
	}
}
