package webhooks

import (
	"math/rand/v2"
	"time"
)

// delays are the waits between the tries of a delivery, the first of which is
// made at once: some 75 hours in all, as Standard Webhooks recommends.
func delays() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// Timeout bounds one try, from resolving the name to the end of the response.
const Timeout = 10 * time.Second

// MaxTries is how often a delivery is tried automatically.
func MaxTries() int { return len(delays()) + 1 }

// jitterParts limits how much longer than scheduled a wait may be, to a fifth of
// it, so that deliveries that failed together are not retried together.
const jitterParts = 5

// The HTTP statuses that are final; all others lead to another try.
const (
	firstTaken  = 200
	firstBeyond = 300
	gone        = 410
)

// Result is the result of one try.
type Result struct {
	Status int    // of HTTP; 0: there was no answer
	Error  string // why there was none, or it was not a success
}

// Delivered reports whether the endpoint accepted the event.
func (r Result) Delivered() bool { return r.Status >= firstTaken && r.Status < firstBeyond }

// Gone reports whether the endpoint no longer accepts events.
func (r Result) Gone() bool { return r.Status == gone }

// After is the delivery after a try at an instant: delivered, scheduled for a
// retry, or failed after the last try.
func (d Delivery) After(r Result, at time.Time) Delivery {
	d.Attempts++
	d.Step++
	d.LastStatus, d.LastError, d.LastAttemptAt = r.Status, r.Error, at
	d.NextAttemptAt = time.Time{}
	waits := delays()
	switch {
	case r.Delivered():
		d.State = Delivered
	case r.Gone() || d.Step > len(waits):
		d.State = Failed
	default:
		d.State = Pending
		wait := waits[d.Step-1]
		d.NextAttemptAt = at.Add(wait + rand.N(wait/jitterParts)) //nolint:gosec // a jitter, not a secret
	}
	return d
}

// Abandoned is the delivery without further tries, with the reason.
func (d Delivery) Abandoned(reason string) Delivery {
	d.State, d.LastError, d.NextAttemptAt = Failed, reason, time.Time{}
	return d
}
