package bus

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Faults are what a test may do to all buses, at any time. The zero value does nothing.
type Faults struct {
	// RefuseRequests is how many requests to put events are refused from now on, as if there were too many of them.
	RefuseRequests atomic.Int64
	// FailEntries is how many entries of requests fail from now on, each by itself.
	FailEntries atomic.Int64
	// FailDeliveries is how many deliveries to targets fail from now on. Each retry is one.
	FailDeliveries atomic.Int64
	// Duplicate has every event delivered twice to each target.
	Duplicate atomic.Bool
	// Delay has every delivery wait for a random time of up to so many nanoseconds, so that events overtake each other.
	Delay atomic.Int64

	mu   sync.Mutex
	held chan struct{} // closed by Release; nil if nothing is held back
}

// Hold holds all deliveries back that have not begun.
func (f *Faults) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = make(chan struct{})
	}
}

// Release ends a Hold. The deliveries held back begin in no order.
func (f *Faults) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held != nil {
		close(f.held)
		f.held = nil
	}
}

// pass waits as long as a delivery is held back or delayed, and says whether it may go on.
func (f *Faults) pass(stopping <-chan struct{}) bool {
	f.mu.Lock()
	held := f.held
	f.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-stopping:
		}
	}
	if most := f.Delay.Load(); most > 0 {
		pause(stopping, time.Duration(rand.Int64N(most)))
	}
	select {
	case <-stopping:
		return false
	default:
		return true
	}
}

var errInjected = errors.New("the delivery fails since a test wants it to")

func (f *Faults) delivery() error {
	if take(&f.FailDeliveries) {
		return errInjected
	}
	return nil
}

// take counts down a number of faults that are to happen, and says whether one is to happen now.
func take(left *atomic.Int64) bool {
	for {
		n := left.Load()
		if n <= 0 {
			return false
		}
		if left.CompareAndSwap(n, n-1) {
			return true
		}
	}
}
