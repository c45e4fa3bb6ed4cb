// Package report lays out what was measured, and keeps what was over budget.
//
// Budgets are of things that can be counted: capacity units, requests, bytes.
// A time depends on the machine and on what else it does; where a budget is a
// time it is shown beside the measurement, and nothing follows from it.
package report

import (
	"fmt"
	"io"
)

// Report is written as it comes about.
type Report struct {
	out      io.Writer
	breaches []string
}

// New is an empty report.
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

// AtMost is a cell that shows a count beside its budget. One that is over it
// is marked, and makes the report fail.
func (r *Report) AtMost(what, unit string, counted, budget float64) string {
	text := Number(counted) + " / " + Number(budget)
	if counted <= budget {
		return text
	}
	r.breaches = append(r.breaches, fmt.Sprintf("%s: %s %s, at most %s", what, Number(counted), unit, Number(budget)))
	return text + " !"
}

// Close writes the verdict, and is false where a budget was exceeded.
func (r *Report) Close() bool {
	if len(r.breaches) == 0 {
		_, _ = fmt.Fprintln(r.out, "\nEvery counted budget is kept.")
		return true
	}
	_, _ = fmt.Fprintln(r.out, "\nOVER BUDGET")
	for _, breach := range r.breaches {
		line(r.out, breach)
	}
	return false
}
