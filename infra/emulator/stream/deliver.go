package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"drawdown/infra/emulator/faults"
	"drawdown/infra/emulator/function"
)

// The wait before a batch is delivered again doubles from the first to the most. Lambda waits longer.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 2 * time.Second
)

// segment is a batch, or what is left of one.
type segment struct {
	records  []record
	failures int // deliveries that failed and count as tries
	invoked  int // deliveries in all
	last     function.Result
}

// deliver delivers a batch until each of its records is processed or given up.
func (m *Mapping) deliver(ctx context.Context, shard string, batch []record) {
	for work := []segment{{records: batch}}; len(work) > 0; {
		left, ok := m.attempt(ctx, shard, work[0])
		if !ok {
			return
		}
		work = append(left, work[1:]...)
	}
}

// attempt delivers a segment once, and returns what is left of it, in order. It is not ok if the mapping stops.
func (m *Mapping) attempt(ctx context.Context, shard string, s segment) (left []segment, ok bool) {
	if s.failures > 0 && !faults.Pause(ctx.Done(), backoff(s.failures)) {
		return nil, false
	}
	if !m.config.Faults.Pass(ctx.Done()) {
		return nil, false
	}
	if old := m.tooOld(s.records); old > 0 {
		m.giveUp(shard, recordAgeExceeded, s.until(old))
		return s.from(old), true
	}
	if faults.Take(&m.config.Faults.DropBatches) {
		return nil, true
	}
	failed := m.invoke(&s)
	if failed == len(s.records) {
		return nil, true
	}
	if ctx.Err() != nil {
		return nil, false // it failed because the platform is stopping
	}
	return m.afterFailure(shard, s, failed), true
}

// afterFailure returns what is left of a segment whose records are processed up to the failed one.
func (m *Mapping) afterFailure(shard string, s segment, failed int) []segment {
	if m.config.Bisect && failed > 0 {
		return s.from(failed) // split at the failed record
	}
	if m.config.Bisect && len(s.records) > 1 {
		half := (len(s.records) + 1) / 2
		return append(s.until(half).from(0), s.from(half)...)
	}
	// Only a delivery that splits nothing counts as an attempt.
	s.failures++
	rest := s.from(failed)
	if m.config.MaxRetries != Unlimited && s.failures > m.config.MaxRetries {
		m.giveUp(shard, retryAttemptsExhausted, rest[0])
		return nil
	}
	return rest
}

// invoke delivers the segment, and returns how many of its records, counted from the first, are processed.
func (m *Mapping) invoke(s *segment) int {
	in := function.Invocation{Payload: payload(m.config.Faults.order(s.records))}
	injected := m.config.Faults
	twice := injected.Duplicate.Load() // as it is when the delivery begins
	s.invoked++
	s.last = m.config.Invoke(in)
	dealt := m.dealtWith(s)
	if dealt == len(s.records) && twice {
		s.invoked++
		s.last = m.config.Invoke(in)
		dealt = m.dealtWith(s)
	}
	if dealt == len(s.records) && faults.Take(&injected.DropAnswers) {
		return 0
	}
	return dealt
}

// dealtWith reads the function's answer. Lambda delivers again from the failed record with the lowest sequence number,
// and the whole batch if the answer names none of its records or is malformed.
func (m *Mapping) dealtWith(s *segment) int {
	if s.last.FunctionError != "" {
		return 0
	}
	if !m.config.ReportsFailures {
		return len(s.records)
	}
	if answer := bytes.TrimSpace(s.last.Payload); len(answer) == 0 {
		return len(s.records)
	}
	var answer struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	if json.Unmarshal(s.last.Payload, &answer) != nil {
		return 0
	}
	positions := make(map[any]int, len(s.records))
	for i, r := range s.records {
		positions[r.sequence] = i
	}
	lowest := len(s.records)
	for _, failure := range answer.Failures {
		id, isString := failure["itemIdentifier"].(string)
		position, known := positions[id]
		if !isString || !known {
			return 0
		}
		lowest = min(lowest, position)
	}
	return lowest
}

// tooOld returns how many of the records, counted from the first, are too old to
// be delivered.
func (m *Mapping) tooOld(records []record) int {
	for i, r := range records {
		if time.Since(r.read) < m.config.MaxAge {
			return i
		}
	}
	return len(records)
}

// from returns the segment without the records before the n-th, or nothing.
func (s segment) from(n int) []segment {
	if n == len(s.records) {
		return nil
	}
	s.records = s.records[n:]
	return []segment{s}
}

// until returns the segment with only the records before the n-th.
func (s segment) until(n int) segment {
	s.records = s.records[:n:n]
	return s
}

func backoff(failures int) time.Duration {
	return min(firstBackoff<<min(failures-1, 10), mostBackoff)
}
