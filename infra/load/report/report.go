// Package report lays out what was measured, and records what was over budget.
//
// Budgets apply to things that can be counted: capacity units, requests, bytes. A
// time depends on the machine and on what else it does; a budget for a time is
// shown next to the measurement, and not enforced.
package report

import (
	"fmt"
	"io"
)

// Report is written as it is filled.
type Report struct {
	out      io.Writer
	breaches []string
}

// New returns an empty report.
func New(out io.Writer) *Report { return &Report{out: out} }

// Section begins a part of the report.
func (r *Report) Section(title string) { _, _ = fmt.Fprintf(r.out, "\n%s\n\n", title) }

// Table writes a table.
func (r *Report) Table(t *Table) { t.write(r.out) }

// Note writes lines that explain the table above them.
func (r *Report) Note(lines ...string) {
	_, _ = fmt.Fprintln(r.out)
	for _, text := range lines {
		line(r.out, text)
	}
}

// AtMost returns a cell with a count and its budget. A count that is over budget is
// marked, and makes the report fail.
func (r *Report) AtMost(what, unit string, counted, budget float64) string {
	text := Number(counted) + " / " + Number(budget)
	if counted <= budget {
		return text
	}
	r.breaches = append(r.breaches, fmt.Sprintf("%s: %s %s, at most %s", what, Number(counted), unit, Number(budget)))
	return text + " !"
}

// Close writes the verdict, and returns false if a budget was exceeded.
func (r *Report) Close() bool {
	if len(r.breaches) == 0 {
		_, _ = fmt.Fprintln(r.out, "\nAll counts are within their budgets.")
		return true
	}
	_, _ = fmt.Fprintln(r.out, "\nOVER BUDGET")
	for _, breach := range r.breaches {
		line(r.out, breach)
	}
	return false
}
