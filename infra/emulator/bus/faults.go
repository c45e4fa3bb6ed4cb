package bus

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"drawdown/infra/emulator/faults"
)

// Faults are what a test can make go wrong on all buses, at any time. The zero
// value does nothing.
type Faults struct {
	faults.Gate
	// RefuseRequests is how many requests to put events are refused from now on, as if throttled.
	RefuseRequests atomic.Int64
	// FailEntries is how many entries of requests fail from now on, each by itself.
	FailEntries atomic.Int64
	// FailDeliveries is how many deliveries to targets fail from now on. Each retry is one.
	FailDeliveries atomic.Int64
	// Duplicate has every event delivered twice to each target.
	Duplicate atomic.Bool
	// Delay makes every delivery wait for a random time of up to so many nanoseconds, so that events overtake each
	// other.
	Delay atomic.Int64
}

// pass waits as long as a delivery is held back or delayed, and reports whether it may go on.
func (f *Faults) pass(stopping <-chan struct{}) bool {
	if !f.Pass(stopping) {
		return false
	}
	most := f.Delay.Load()
	return most <= 0 || faults.Pause(stopping, time.Duration(rand.Int64N(most)))
}

var errInjected = errors.New("the delivery fails since a test wants it to")

func (f *Faults) delivery() error {
	if faults.Take(&f.FailDeliveries) {
		return errInjected
	}
	return nil
}
