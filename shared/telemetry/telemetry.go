// Package telemetry writes one structured log line per invocation, which carries its
// metrics in CloudWatch's embedded metric format, so that counting costs no request.
package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Namespace is the CloudWatch namespace of every metric.
const Namespace = "Drawdown"

// Metric is one measurement. Values of one name are summed within an invocation.
type Metric struct {
	Name  string
	Unit  string // CloudWatch's: Count, Milliseconds, ...
	Value float64
}

// Count is a metric that counts. Capacity units come in halves.
func Count[N int | int64 | float64](name string, n N) Metric {
	return Metric{name, "Count", float64(n)}
}

// Milliseconds is a metric of a duration.
func Milliseconds(name string, d time.Duration) Metric {
	return Metric{name, "Milliseconds", float64(d.Microseconds()) / 1000}
}

// Seconds is a metric of a duration in seconds.
func Seconds(name string, d time.Duration) Metric { return Metric{name, "Seconds", d.Seconds()} }

// The names of metrics, which alarms are set on.
const (
	Contended  = "Contended"  // commands that ran out of time against other writers
	Retries    = "Retries"    // commits that were tried again
	RoundTrips = "RoundTrips" // requests to the store
	ReadUnits  = "ReadUnits"  // read capacity consumed
	WriteUnits = "WriteUnits" // write capacity consumed

	UsageLag    = "UsageLag"    // maximum seconds from the creation of an entry to its folding
	UsageBehind = "UsageBehind" // maximum entries that usage still lacks after a run
	Folded      = "Folded"      // entries folded
	Quarantined = "Quarantined" // triggers for accounts whose folding has stopped
	Swept       = "Swept"       // failed batches that a sweep has processed
	SweepFailed = "SweepFailed" // sweeps in which a call failed again
	AuditFailed = "AuditFailed" // accounts whose audit did not finish
	Drift       = "Drift"       // stored values that an audit found to differ from the ledger
	Audited     = "Audited"     // accounts audited
	Relayed     = "Relayed"     // messages that the bus accepted
	Unrelayed   = "Unrelayed"   // records whose events could not be published and are retried
	Delivered   = "Delivered"   // webhooks that their endpoints accepted
	Undelivered = "Undelivered" // failed attempts to deliver webhooks
	Exhausted   = "Exhausted"   // webhooks that failed for good
	Latency     = "Latency"     // of the handler, in milliseconds
	Failures    = "Failures"    // answers with a fault of ours: status 500 and up
	// MoneyForNothing counts accounts that pay without receiving credits.
	MoneyForNothing = "MoneyForNothing"

	Accepted = "Accepted" // operations that took effect
	Replayed = "Replayed" // operations that were answered with their first answer
	Refused  = "Refused"  // operations that were refused
)

type record struct {
	mu      sync.Mutex
	order   []string
	metrics map[string]Metric
	notes   []slog.Attr
}

type contextKey struct{}

// Begin starts the record of one invocation.
func Begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, &record{metrics: map[string]Metric{}})
}

func from(ctx context.Context) *record {
	r, _ := ctx.Value(contextKey{}).(*record)
	return r
}

// Add adds a measurement; without a record, as in a test, it does nothing.
func Add(ctx context.Context, metric Metric) {
	r := from(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sum, known := r.metrics[metric.Name]
	if !known {
		r.order = append(r.order, metric.Name)
	}
	metric.Value += sum.Value
	r.metrics[metric.Name] = metric
}

// Peak keeps the largest measurement of its name.
func Peak(ctx context.Context, metric Metric) {
	r := from(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	largest, known := r.metrics[metric.Name]
	if !known {
		r.order = append(r.order, metric.Name)
	}
	if !known || metric.Value > largest.Value {
		r.metrics[metric.Name] = metric
	}
}

// Note adds a field to the invocation's log line.
func Note(ctx context.Context, name string, value any) {
	r := from(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, slog.Any(name, value))
}

// End writes the invocation's line in CloudWatch's embedded metric format: "_aws"
// lists the members that are metrics.
func End(ctx context.Context, log *slog.Logger, function string, now time.Time) {
	r := from(ctx)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	type definition struct {
		Name string
		Unit string
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	attributes := append([]slog.Attr{slog.String("Function", function)}, r.notes...)
	definitions := make([]definition, 0, len(r.order))
	for _, name := range r.order {
		metric := r.metrics[name]
		definitions = append(definitions, definition{name, metric.Unit})
		attributes = append(attributes, slog.Float64(name, metric.Value))
	}
	attributes = append(attributes, slog.Any("_aws", struct {
		Timestamp         int64
		CloudWatchMetrics []directive
	}{now.UnixMilli(), []directive{{Namespace, [][]string{{"Function"}}, definitions}}}))
	log.LogAttrs(ctx, slog.LevelInfo, "invocation", attributes...)
}
