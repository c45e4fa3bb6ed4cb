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
	// budget is what the design allows a debit, all in. It is a time, and so
	// shown beside the measurements and not enforced.
	budget = 500 * time.Microsecond
	// processDebits are counted in the function's own process, after as many
	// that warm it up.
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
		"User and kernel time, with the collector's share. An invocation decodes the event, checks the key, reads,",
		"decides, commits and encodes; canned answers leave out the network and keep the SDK's own work. The last",
		fmt.Sprintf("is that of the real process over %d debits one by one, with HTTP towards the Runtime API and DynamoDB", processDebits),
		"Local, and log lines.",
	)
	return nil
}

// inProcess is the CPU time of a debit in the real function's process; 0 where
// the system does not tell.
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
