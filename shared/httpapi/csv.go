package httpapi

import (
	"regexp"
	"strings"
)

// Tables follow RFC 4180 and are safe to open in a spreadsheet.
// The Usage page writes its files by the same rule (csv.ts); testdata/csv.json
// holds both to it.

// formula matches the start of a text that a spreadsheet would read as a formula.
// Users choose names.
var formula = regexp.MustCompile(`^[\t-\r\p{Z}\x{feff}]*[=+\-@|%\t\r\n]`)

// textCell escapes a text. Numbers need no escaping.
func textCell(text string) string {
	if formula.MatchString(text) {
		text = "'" + text
	}
	if strings.ContainsAny(text, "\",\r\n") {
		return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return text
}

// writeCSV joins rows of cells into a table.
func writeCSV(rows [][]string) string {
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(strings.Join(row, ","))
		text.WriteString("\r\n")
	}
	return text.String()
}
