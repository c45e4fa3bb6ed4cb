package cpu

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"drawdown/infra/load/report"
	"drawdown/infra/load/subject"
	"drawdown/infra/load/usual"
)

const (
	// benchTime is how long each benchmark runs at least.
	benchTime = "500ms"
	// budget is what the design allows for a debit, all in. It is a time, so it is
	// shown next to the measurements and not enforced.
	budget = 500 * time.Microsecond
	// processDebits are counted in the function's own process, after as many for
	// warming up.
	processDebits = 300
)

// Measure runs the benchmarks, and debits in the real process, and reports both.
func Measure(ctx context.Context, r *report.Report) error {
	testing.Init()
	if err := flag.Set("test.benchtime", benchTime); err != nil {
		return err
	}
	r.Section(fmt.Sprintf("3. CPU and allocations of a debit (budget all in: %v, not enforced)", budget))
	table := report.NewTable("part", "CPU us", "allocs", "KB")
	for _, benchmark := range Benchmarks() {
		result := testing.Benchmark(benchmark.Run)
		if result.N == 0 {
			return fmt.Errorf("cpu: the benchmark %q fails", benchmark.Name)
		}
		table.Row(benchmark.Name, micros(result.Extra[cpuMetric]), result.AllocsPerOp(),
			fmt.Sprintf("%.1f", float64(result.AllocedBytesPerOp())/1024))
	}
	spent, err := inProcess(ctx)
	if err != nil {
		return err
	}
	table.Row("the function's process, all in", micros(float64(spent.Nanoseconds())/1000), "-", "-")
	r.Table(table)
	r.Note(
		"User and kernel time, including the collector's. An invocation decodes the event, checks the key, reads,",
		"decides, commits and encodes; canned answers replace the network but not the SDK's own work. The last row",
		fmt.Sprintf("is the real process over %d debits one by one, with HTTP to the Runtime API and DynamoDB Local, and log", processDebits),
		"lines.",
	)
	return nil
}

// inProcess returns the CPU time of a debit in the real function's process; 0 where
// the system does not report it.
func inProcess(ctx context.Context) (time.Duration, error) {
	platform, err := subject.Start(ctx)
	if err != nil {
		return 0, err
	}
	defer platform.Close(ctx)
	if err := platform.Open(ctx, account); err != nil {
		return 0, err
	}
	debit := func(series string) error {
		for n := range processDebits {
			if err := platform.Debit(ctx, account, usual.OperationID(series, n)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := debit("warm"); err != nil {
		return 0, err
	}
	before := subject.CPU(platform.PIDsOf("debit"))
	if err := debit("debit"); err != nil {
		return 0, err
	}
	return (subject.CPU(platform.PIDsOf("debit")) - before) / processDebits, nil
}

func micros(n float64) string { return fmt.Sprintf("%.1f", n) }
