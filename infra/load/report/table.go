package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is rows of text under a header. The first column is aligned left, the
// others right, since they contain numbers.
type Table struct {
	header []string
	rows   [][]string
}

// NewTable returns a table with these columns.
func NewTable(header ...string) *Table { return &Table{header: header} }

// Row adds a row; values are written as fmt.Sprint writes them, floats with as
// many decimals as they need, at most three.
func (t *Table) Row(values ...any) {
	row := make([]string, len(values))
	for i, value := range values {
		row[i] = cell(value)
	}
	t.rows = append(t.rows, row)
}

func cell(value any) string {
	number, isFloat := value.(float64)
	if !isFloat {
		return fmt.Sprint(value)
	}
	return Number(number)
}

// Number formats a number with as many decimals as it needs, at most three.
func Number(n float64) string {
	text := fmt.Sprintf("%.3f", n)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

const gap = "   "

// write writes the table, indented, with a rule under its header.
func (t *Table) write(w io.Writer) {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	total := len(gap) * (len(widths) - 1)
	for _, width := range widths {
		total += width
	}
	line(w, align(t.header, widths))
	line(w, strings.Repeat("-", total))
	for _, row := range t.rows {
		line(w, align(row, widths))
	}
}

func align(row []string, widths []int) string {
	padded := make([]string, len(row))
	for i, text := range row {
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		if i == 0 {
			padded[i] = text + padding
		} else {
			padded[i] = padding + text
		}
	}
	return strings.TrimRight(strings.Join(padded, gap), " ")
}

func line(w io.Writer, text string) { _, _ = fmt.Fprintln(w, "  "+text) }
