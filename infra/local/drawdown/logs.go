package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// logTo writes lines of functions, each with the function's name: all of them, or those that tell of trouble.
func logTo(w io.Writer, all bool) func(function, line string) {
	return func(function, line string) {
		if all || isTrouble(line) {
			_, _ = fmt.Fprintf(w, "%s: %s\n", function, line) // nothing can be done about a terminal that is gone
		}
	}
}

// isTrouble says whether a line is a warning, an error, or none of the structured lines that functions log when all
// is well.
func isTrouble(line string) bool {
	if strings.TrimSpace(line) == "" {
		return false
	}
	for _, prefix := range []string{"START RequestId: ", "END RequestId: ", "REPORT RequestId: "} {
		if strings.HasPrefix(line, prefix) {
			return false
		}
	}
	var record struct {
		Level string `json:"level"`
	}
	if json.Unmarshal([]byte(line), &record) != nil {
		return true
	}
	switch strings.ToUpper(record.Level) {
	case "WARN", "ERROR", "FATAL":
		return true
	}
	return false
}
