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

// Timeout bounds one try, from the first look-up of a name to the answer's end.
const Timeout = 10 * time.Second

// MaxTries is how often a delivery is tried by itself.
func MaxTries() int { return len(delays()) + 1 }

// jitterParts says by how much a wait may be longer than the schedule says, by a
// fifth of it, so that what failed together does not come back together.
const jitterParts = 5

// The statuses of HTTP that decide; all others are another try.
const (
	firstTaken  = 200
	firstBeyond = 300
	gone        = 410
)

// Result is what came of one try.
type Result struct {
	Status int    // of HTTP; 0: there was no answer
	Error  string // why there was none, or none that counts
}

// Delivered reports whether the endpoint has taken the event.
func (r Result) Delivered() bool { return r.Status >= firstTaken && r.Status < firstBeyond }

// Gone reports whether the endpoint wants no events any more.
func (r Result) Gone() bool { return r.Status == gone }

// After is the delivery after a try at an instant: delivered, due again, or
// failed for want of further tries.
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
		d.NextAttemptAt = at.Add(wait + rand.N(wait/jitterParts)) //nolint:gosec // a jitter, no secret
	}
	return d
}

// Abandoned is the delivery that is not tried any more, with the reason.
func (d Delivery) Abandoned(reason string) Delivery {
	d.State, d.LastError, d.NextAttemptAt = Failed, reason, time.Time{}
	return d
}
