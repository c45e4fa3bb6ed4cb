// Package schedule parses the schedule expressions of EventBridge, rate(...) and cron(...), and computes when they are
// due.
package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Schedule computes when something is due.
type Schedule interface {
	// Next returns the first time after the given one, in UTC, or zero if there is none.
	Next(after time.Time) time.Time
}

// Parse reads an expression.
func Parse(expression string) (Schedule, error) {
	if inner, ok := inside(expression, "rate"); ok {
		return parseRate(inner)
	}
	if inner, ok := inside(expression, "cron"); ok {
		return parseCron(inner)
	}
	return nil, fmt.Errorf("%q is neither rate(...) nor cron(...)", expression)
}

// Running is a running schedule.
type Running struct {
	stop chan struct{}
	done sync.WaitGroup
}

// Start calls fire with the time whenever the schedule is due, until it is stopped or never due again. Times that were
// missed by a minute or more, because the machine slept, are skipped.
func Start(s Schedule, fire func(time.Time)) *Running {
	r := &Running{stop: make(chan struct{})}
	r.done.Go(func() { r.follow(s, fire) })
	return r
}

// Stop stops it. It may be called once.
func (r *Running) Stop() { close(r.stop) }

// Wait returns when, after Stop, the last call of fire has ended.
func (r *Running) Wait() { r.done.Wait() }

func (r *Running) follow(s Schedule, fire func(time.Time)) {
	for due := s.Next(time.Now()); !due.IsZero(); due = s.Next(due) {
		timer := time.NewTimer(time.Until(due))
		select {
		case <-timer.C:
			fire(due)
		case <-r.stop:
			timer.Stop()
			return
		}
		if now := time.Now(); now.Sub(due) >= time.Minute {
			due = now
		}
	}
}

func inside(expression, function string) (string, bool) {
	inner, ok := strings.CutPrefix(expression, function+"(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}

// rate is due in equal intervals.
type rate time.Duration

// Next implements Schedule.
func (r rate) Next(after time.Time) time.Time { return after.UTC().Add(time.Duration(r)) }

var (
	rateForm  = regexp.MustCompile(`^([1-9][0-9]{0,5}) (minute|hour|day)(s?)$`)
	rateUnits = map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
)

// parseRate is as strict as EventBridge, which requires the unit in the singular after a 1 and in the plural otherwise.
func parseRate(inner string) (Schedule, error) {
	parts := rateForm.FindStringSubmatch(inner)
	if parts == nil || (parts[1] == "1") != (parts[3] == "") {
		return nil, fmt.Errorf("rate(%s) is not of the form rate(5 minutes) or rate(1 hour)", inner)
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return nil, err
	}
	return rate(time.Duration(n) * rateUnits[parts[2]]), nil
}
