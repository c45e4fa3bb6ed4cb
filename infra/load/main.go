// Command load measures the platform against the budgets of its design: what an
// operation, a roll-up and the Usage page cost, how many debits a second one
// account takes, what a debit costs in CPU and allocations, and the size and cold
// start of the functions. It prints a report. It fails if a counted budget is
// exceeded; times are shown, but never make it fail.
//
// `make bench` builds what it needs and runs it from the root of the repository.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"drawdown/infra/load/capacity"
	"drawdown/infra/load/cpu"
	"drawdown/infra/load/report"
	"drawdown/infra/load/start"
	"drawdown/infra/load/traffic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r := report.New(os.Stdout)
	r.Machine()
	err := measure(ctx, r)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !r.Close() {
		os.Exit(1)
	}
}

func measure(ctx context.Context, r *report.Report) error {
	for _, section := range []func(context.Context, *report.Report) error{
		capacity.Measure, traffic.Measure, cpu.Measure, start.Measure,
	} {
		if err := section(ctx, r); err != nil {
			return err
		}
	}
	return nil
}
