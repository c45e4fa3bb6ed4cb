package report_test

import (
	"strings"
	"testing"

	"drawdown/infra/load/report"
)

func TestTableIsAligned(t *testing.T) {
	var out strings.Builder
	table := report.NewTable("operation", "RRU", "WRU")
	table.Row("debit", 2, 4.0)
	table.Row("a page of entries", 12.5, "-")
	report.New(&out).Table(table)
	want := strings.Join([]string{
		"  operation            RRU   WRU",
		"  ------------------------------",
		"  debit                  2     4",
		"  a page of entries   12.5     -",
		"",
	}, "\n")
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestOnlyMoreThanTheBudgetFails(t *testing.T) {
	var out strings.Builder
	r := report.New(&out)
	if cell := r.AtMost("debit", "RRU", 2, 2); cell != "2 / 2" {
		t.Errorf("a count within its budget reads %q", cell)
	}
	if !r.Close() {
		t.Error("a count that is just its budget fails the report")
	}
	if cell := r.AtMost("debit", "WRU", 4.5, 4); cell != "4.5 / 4 !" {
		t.Errorf("a count over its budget reads %q", cell)
	}
	if r.Close() || !strings.Contains(out.String(), "debit: 4.5 WRU, at most 4") {
		t.Errorf("a count over its budget is not told:\n%s", out.String())
	}
}
