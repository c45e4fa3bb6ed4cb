package subject

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"drawdown/shared/telemetry"
)

// Log adds up what functions log.
type Log struct {
	mu      sync.Mutex
	retries map[string]float64   // by function
	inits   map[string][]float64 // by function, in milliseconds
	spent   map[string]Spent     // by function
	trouble string               // the first line with an error
}

// Spent is what a function's invocations have used of the store, by their own
// account.
type Spent struct {
	Invocations int // those that have used any
	Requests    float64
	ReadUnits   float64 // as DynamoDB Local reports them
}

func newLog() *Log {
	return &Log{retries: map[string]float64{}, inits: map[string][]float64{}, spent: map[string]Spent{}}
}

// Spent returns what a function has used so far.
func (l *Log) Spent(function string) Spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.spent[function]
}

// Retries returns how often a function has retried a commit so far.
func (l *Log) Retries(function string) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retries[function]
}

// Inits returns the init durations of a function's processes so far, in
// milliseconds.
func (l *Log) Inits(function string) []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]float64(nil), l.inits[function]...)
}

// Trouble returns the first error that a function has logged, or "".
func (l *Log) Trouble() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trouble
}

var initDuration = regexp.MustCompile(`\tInit Duration: ([0-9.]+) ms`)

func (l *Log) add(function, line string) {
	function = function[strings.LastIndexByte(function, '-')+1:]
	if found := initDuration.FindStringSubmatch(line); found != nil {
		ms, _ := strconv.ParseFloat(found[1], 64) // the expression matches only numbers
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
	// Of the rest only an invocation's own log line matters: what it reads in
	// functions that only read, and its retries, which are few.
	if !strings.Contains(line, `"`+telemetry.Retries+`":`) && !(reads[function] && strings.Contains(line, `"`+telemetry.RoundTrips+`":`)) {
		return
	}
	var record map[string]any
	if json.Unmarshal([]byte(line), &record) != nil {
		return
	}
	value := func(metric string) float64 { n, _ := record[metric].(float64); return n }
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retries[function] += value(telemetry.Retries)
	if requests := value(telemetry.RoundTrips); requests > 0 {
		spent := l.spent[function]
		l.spent[function] = Spent{spent.Invocations + 1, spent.Requests + requests, spent.ReadUnits + value(telemetry.ReadUnits)}
	}
}

// reads are the functions whose reads are added up. The lines of the others, of
// which there are many while debits are measured, are not parsed for that.
var reads = map[string]bool{"usage": true}
