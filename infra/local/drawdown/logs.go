package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// logTo writes lines of functions, each with the function's name: all of them, or only warnings and errors.
func logTo(w io.Writer, all bool) func(function, line string) {
	return func(function, line string) {
		if all || isTrouble(line) {
			_, _ = fmt.Fprintf(w, "%s: %s\n", function, line) // the terminal may be gone
		}
	}
}

// isTrouble reports whether a line is a warning, an error, or not one of the structured lines that functions log.
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
