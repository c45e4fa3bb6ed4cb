// Package faults has the building blocks of the faults that a test can cause in
// a service.
package faults

import (
	"sync"
	"sync/atomic"
	"time"
)

// Gate lets a test hold deliveries back. The zero value is open.
type Gate struct {
	mu   sync.Mutex
	held chan struct{} // closed by Release; nil if nothing is held back
}

// Hold holds back all deliveries that have not started.
func (g *Gate) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = make(chan struct{})
	}
}

// Release ends a Hold. The deliveries held back start in no particular order.
func (g *Gate) Release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// Pass waits while deliveries are held back, and reports whether this one may continue, which is false once stop is
// closed.
func (g *Gate) Pass(stop <-chan struct{}) bool {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-stop:
		}
	}
	select {
	case <-stop:
		return false
	default:
		return true
	}
}

// Take counts down a number of faults to cause, and reports whether to cause one now.
func Take(left *atomic.Int64) bool {
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

// Pause waits, and reports whether the wait ended before stop was closed.
func Pause(stop <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}
