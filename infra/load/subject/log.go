package subject

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"drawdown/shared/telemetry"
)

// Log adds up what functions say of themselves.
type Log struct {
	mu      sync.Mutex
	retries map[string]float64   // by function
	inits   map[string][]float64 // by function, in milliseconds
	trouble string               // the first line that tells of an error
}

func newLog() *Log {
	return &Log{retries: map[string]float64{}, inits: map[string][]float64{}}
}

// Retries is how often a function has tried a commit again so far.
func (l *Log) Retries(function string) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retries[function]
}

// Inits are the init durations of a function's processes so far, in milliseconds.
func (l *Log) Inits(function string) []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]float64(nil), l.inits[function]...)
}

// Trouble is the first error that a function has logged; empty for none.
func (l *Log) Trouble() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trouble
}

var initDuration = regexp.MustCompile(`\tInit Duration: ([0-9.]+) ms`)

func (l *Log) add(function, line string) {
	function = function[strings.LastIndexByte(function, '-')+1:]
	if found := initDuration.FindStringSubmatch(line); found != nil {
		ms, _ := strconv.ParseFloat(found[1], 64) // the expression lets only numbers through
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inits[function] = append(l.inits[function], ms)
		return
	}
	if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "Task timed out") {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.trouble == "" {
			l.trouble = function + ": " + line
		}
		return
	}
	// Of the rest only lines with a retry are of interest, and they are few.
	if !strings.Contains(line, `"`+telemetry.Retries+`":`) {
		return
	}
	var record map[string]any
	if json.Unmarshal([]byte(line), &record) != nil {
		return
	}
	retries, _ := record[telemetry.Retries].(float64)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retries[function] += retries
}
