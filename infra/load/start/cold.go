package start

import (
	"context"
	"fmt"
	"slices"
	"time"

	"drawdown/infra/load/report"
	"drawdown/infra/load/subject"
	"drawdown/infra/load/usual"
)

const (
	function   = "debit"
	coldStarts = 20
	// startBudget is the design's, on a machine with two cores. It is a time, so it
	// is shown and not enforced.
	startBudget = 60 * time.Millisecond
	account     = "usual"
)

// Measure reports the sizes, and times cold starts.
func Measure(ctx context.Context, r *report.Report) error {
	if err := reportSizes(r); err != nil {
		return err
	}
	platform, err := subject.Start(ctx)
	if err != nil {
		return err
	}
	defer platform.Close(ctx)
	if err := platform.Open(ctx, account); err != nil {
		return err
	}
	// The first start reads the binary from the disk; it is not measured.
	if err := platform.Debit(ctx, account, usual.OperationID("warm", 0)); err != nil {
		return err
	}
	known := len(platform.Log.Inits(function))
	firsts := make([]float64, 0, coldStarts)
	for n := range coldStarts {
		platform.Kill(function)
		start := time.Now()
		if err := platform.Debit(ctx, account, usual.OperationID("cold", n)); err != nil {
			return err
		}
		firsts = append(firsts, time.Since(start).Seconds()*1000)
	}
	reportStarts(r, platform.Log.Inits(function)[known:], firsts)
	return nil
}

func reportStarts(r *report.Report, inits, firsts []float64) {
	r.Section(fmt.Sprintf("   %d cold starts of the debit function (ms; budget of an init %d, not enforced)", len(inits), startBudget.Milliseconds()))
	table := report.NewTable("what", "least", "median", "most")
	for _, row := range []struct {
		name   string
		values []float64
	}{
		{"init: spawn to the first wait for an event", inits},
		{"first debit over HTTP, init included", firsts},
	} {
		if len(row.values) == 0 {
			continue
		}
		sorted := slices.Sorted(slices.Values(row.values))
		table.Row(row.name, ms(sorted[0]), ms(median(sorted)), ms(sorted[len(sorted)-1]))
	}
	r.Table(table)
}

// median returns the middle of sorted values, or the mean of the two in the middle.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func ms(n float64) string { return fmt.Sprintf("%.1f", n) }
