package settlement_test

import (
	"errors"
	"sync"
)

var (
	errDown = errors.New("the service is down")
	errLost = errors.New("the answer was lost")
)

// faults counts the calls of everything outside, and lets one of them fail, or
// something else happen before it.
type faults struct {
	mu     sync.Mutex
	calls  int
	at     int    // which call fails; 0: none
	after  bool   // it takes effect first, and its answer is lost
	name   string // only calls of this name are counted; empty: all
	hookAt int    // before which call the hook runs; 0: none
	hook   func()
}

// call makes a call that can fail.
func (f *faults) call(name string, effect func() error) error {
	fails, after, hook := f.next(name)
	if hook != nil {
		hook()
	}
	if fails && !after {
		return errDown
	}
	if err := effect(); err != nil {
		return err
	}
	if fails {
		return errLost
	}
	return nil
}

func (f *faults) next(name string) (fails, after bool, hook func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.name != "" && f.name != name {
		return false, false, nil
	}
	f.calls++
	if f.calls == f.hookAt {
		hook, f.hook = f.hook, nil
	}
	return f.calls == f.at, f.after, hook
}

func (f *faults) failAt(call int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.at, f.after = 0, call, after
}

// fired reports whether there were so many calls that the fault was met.
func (f *faults) fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at > 0 && f.calls >= f.at
}

func (f *faults) interruptAt(call int, hook func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.hookAt, f.hook = 0, call, hook
}

func (f *faults) interrupted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hook == nil
}

func (f *faults) none() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.at, f.hookAt, f.hook = 0, 0, 0, nil
}
