package bus

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"drawdown/infra/emulator/faults"
)

// The wait before an event is delivered again doubles from the first to the most. EventBridge waits longer.
const (
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 5 * time.Second
)

// EventBridge's defaults, which are also its limits.
const (
	MaxRetries = 185
	MaxAge     = 24 * time.Hour
)

// Target is where matching events go.
type Target struct {
	ARN     string
	Deliver func(event []byte) error

	Input     []byte   // instead of the event, if not nil
	InputPath []string // the path to the part of the event that is delivered; all of it if empty

	MaxRetries int           // after the first delivery
	MaxAge     time.Duration // of an event that is still delivered
	// DeadLetter receives what cannot be delivered, with the reason; nil to discard it.
	DeadLetter func(event []byte, told map[string]string)
}

// Dispatch begins the deliveries of an event to all targets of a rule, whether or not its pattern matches.
func (s *Store) Dispatch(r Rule, event []byte) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.stopped {
		return
	}
	for _, t := range r.Targets {
		payload, ok := t.payload(event)
		if !ok {
			s.log(fmt.Sprintf("%s: the event has nothing at %s for %s", r.ARN, strings.Join(t.InputPath, "."), t.ARN))
			continue
		}
		times := 1
		if s.faults.Duplicate.Load() {
			times = 2
		}
		for range times {
			s.deliveries.Go(func() { s.deliver(r, t, payload) })
		}
	}
}

// payload returns what a target gets of an event. It is not ok if the event
// lacks it.
func (t Target) payload(event []byte) (payload []byte, ok bool) {
	if t.Input != nil {
		return t.Input, true
	}
	for _, name := range t.InputPath {
		var members map[string]json.RawMessage
		if json.Unmarshal(event, &members) != nil {
			return nil, false
		}
		if event, ok = members[name]; !ok {
			return nil, false
		}
	}
	return event, true
}

// ParsePath reads an InputPath of the form $.detail.order.
func ParsePath(path string) ([]string, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok || strings.ContainsAny(rest, "[]*()?@") || rest == "." {
		return nil, fmt.Errorf("a path like $.detail is expected, not %q", path)
	}
	if rest == "" {
		return nil, nil
	}
	names := strings.Split(rest, ".")
	if names[0] != "" {
		return nil, fmt.Errorf("a path like $.detail is expected, not %q", path)
	}
	for _, name := range names[1:] {
		if name == "" {
			return nil, fmt.Errorf("a name is missing in %q", path)
		}
	}
	return names[1:], nil
}

// deliver delivers to one target until it accepts the event or the attempts are
// used up.
func (s *Store) deliver(r Rule, t Target, payload []byte) {
	began := time.Now()
	for retries := 0; ; retries++ {
		if !s.faults.pass(s.stopping) {
			return
		}
		err := s.faults.delivery()
		if err == nil {
			err = t.Deliver(payload)
		}
		if err == nil {
			return
		}
		wait := backoff(retries)
		switch {
		case retries >= t.MaxRetries:
			s.giveUp(r, t, payload, err, "MaximumRetryAttempts", retries)
			return
		case time.Since(began)+wait > t.MaxAge:
			s.giveUp(r, t, payload, err, "MaximumEventAgeInSeconds", retries)
			return
		}
		if !faults.Pause(s.stopping, wait) {
			return
		}
	}
}

func (s *Store) giveUp(r Rule, t Target, payload []byte, err error, condition string, retries int) {
	note := fmt.Sprintf("%s: an event is given up after %d retries to %s (%s): %v", r.ARN, retries, t.ARN, condition, err)
	if t.DeadLetter == nil {
		s.log(note + "; it is lost")
		return
	}
	s.log(note)
	t.DeadLetter(payload, map[string]string{
		"RULE_ARN": r.ARN, "TARGET_ARN": t.ARN, "ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": err.Error(),
		"EXHAUSTED_RETRY_CONDITION": condition, "RETRY_ATTEMPTS": strconv.Itoa(retries),
	})
}

func backoff(retries int) time.Duration { return min(firstBackoff<<min(retries, 10), mostBackoff) }
