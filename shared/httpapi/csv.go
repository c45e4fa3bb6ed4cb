package httpapi

import (
	"regexp"
	"strings"
)

// Tables are written as RFC 4180 has them, and are safe to open in a spreadsheet.
// The Usage page writes its files by the same rule (csv.ts); testdata/csv.json
// holds both to it.

// formula is what a spreadsheet would take for one at the start of a text. Names
// are chosen by users.
var formula = regexp.MustCompile(`^[\t-\r\p{Z}\x{feff}]*[=+\-@|%\t\r\n]`)

// textCell is the cell of a text. Numbers need none of it: they stand as they are.
func textCell(text string) string {
	if formula.MatchString(text) {
		text = "'" + text
	}
	if strings.ContainsAny(text, "\",\r\n") {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

// writeCSV makes a table of rows of cells.
func writeCSV(rows [][]string) string {
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(strings.Join(row, ","))
		text.WriteString("\r\n")
	}
	return text.String()
}
