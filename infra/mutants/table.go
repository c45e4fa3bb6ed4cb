package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// printTable prints the result for each mutant, and reports whether all were
// killed. It ignores write errors, which the run could not repair.
func printTable(out io.Writer, results []result, took time.Duration) bool {
	count := map[verdict]int{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range results {
		count[r.verdict]++
		outcome := r.outcome
		if r.verdict == invalid {
			outcome = "INVALID: " + outcome
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", r.Guard, r.where, outcome)
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(out, "\n%d mutants in %s: %d killed, %d survived, %d invalid\n",
		len(results), took.Round(time.Second), count[killed], count[survived], count[invalid])
	return count[killed] == len(results)
}
