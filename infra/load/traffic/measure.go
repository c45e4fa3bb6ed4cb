package traffic

import (
	"context"
	"fmt"
	"strings"

	"drawdown/infra/load/report"
)

var (
	callerCounts = []int{1, 4, 16}
	batchSizes   = []int{1, 10, 100}
)

// Measure runs the phases and reports their results.
func Measure(ctx context.Context, r *report.Report) error {
	r.Section("2. Debits a second through the running platform")
	table := report.NewTable("phase", "debits/s", "requests", "p50 ms", "p99 ms", "tries a commit", "503", "5xx", "CPU ms a debit")
	results := map[phase]figures{}
	var failures []string
	show := func(name string, p phase) error {
		f, err := p.run(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		results[p] = f
		if f.failed > 0 {
			failures = append(failures, strings.TrimSpace(name)+" failed: "+f.trouble)
		}
		table.Row(name, round(f.perSecond(), 0), len(f.latencies), round(f.latency(0.5), 1), round(f.latency(0.99), 1),
			round(f.tries(), 2), f.contended, f.failed, round(f.cpuPerDebit(), 3))
		return nil
	}
	for _, batch := range batchSizes {
		for _, callers := range callerCounts {
			p := phase{callers, 1, batch}
			if err := show(p.name(), p); err != nil {
				return err
			}
		}
	}
	apart := phase{callers: 16, accounts: 16, batch: 1}
	if err := show(apart.name(), apart); err != nil {
		return err
	}
	r.Table(table)
	r.Note(
		fmt.Sprintf("Each phase sends requests for %s after %s of warm-up, on a fresh platform, because DynamoDB Local slows", phaseTime, warmUp),
		"down as stream records accumulate. Callers, gateway, functions and database share this machine. 503:",
		"debits that could not be committed within their invocation because of other writers; 5xx: other",
		"failures. CPU is that of the debit function's processes, per accepted debit.",
	)
	for _, failed := range failures {
		r.Note(failed)
	}
	ratios(r, results, apart)
	return nil
}

func (p phase) name() string {
	name := fmt.Sprintf("%2d callers, ", p.callers)
	if p.callers == 1 {
		name = " 1 caller,  "
	}
	if p.accounts > 1 {
		name += fmt.Sprintf("%d accounts, ", p.accounts)
	}
	if p.batch == 1 {
		return name + "one by one"
	}
	return name + fmt.Sprintf("batches of %d", p.batch)
}

func ratios(r *report.Report, results map[phase]figures, apart phase) {
	r.Section("   Compared: debits/s of one account, and as a multiple of one caller's, one by one")
	header := []string{"callers"}
	for _, batch := range batchSizes {
		if batch == 1 {
			header = append(header, "one by one")
		} else {
			header = append(header, fmt.Sprintf("batches of %d", batch))
		}
	}
	table := report.NewTable(append(header, "16 accounts")...)
	base := results[phase{1, 1, 1}].perSecond()
	side := func(p phase) string {
		f, measured := results[p]
		if !measured || base == 0 {
			return "-"
		}
		return fmt.Sprintf("%.0f  x%.1f", f.perSecond(), f.perSecond()/base)
	}
	for _, callers := range callerCounts {
		row := []any{callers}
		for _, batch := range batchSizes {
			row = append(row, side(phase{callers, 1, batch}))
		}
		together := "-"
		if callers == apart.callers {
			together = side(apart)
		}
		table.Row(append(row, together)...)
	}
	r.Table(table)
}

func round(n float64, decimals int) string { return fmt.Sprintf("%.*f", decimals, n) }
