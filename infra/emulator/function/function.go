// Package function runs Lambda functions as processes of their real, compiled binaries under a server of the Lambda
// Runtime API.
//
// As in Lambda, a process (an "execution environment") handles one invocation at a time, is reused for the next one,
// and starts when no idle one is left. Unlike in Lambda, an invocation beyond the limit of processes is not throttled
// but waits its turn, first come, first served: a laptop has few cores, and a burst should be slow there, not fail.
// An idle process is taken most recently used first, so that a quiet time leaves few warm ones in use.
package function

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Lambda's documented limits.
const (
	// PayloadLimit bounds the payload of a request and of a response, in bytes.
	PayloadLimit = 6 << 20
	// AsyncPayloadLimit bounds the payload of an asynchronous invocation, in bytes.
	AsyncPayloadLimit = 1 << 20
	// initLimit bounds the time from the start of a process to its first wait for an event.
	initLimit = 10 * time.Second
	// stopGrace is how long a process may take to end after SIGTERM.
	stopGrace = 500 * time.Millisecond
	// tailLimit bounds the part of the log that a caller may ask for, in bytes.
	tailLimit = 4 << 10
)

// Version is the only version of a function: publishing versions is not
// supported.
const Version = "$LATEST"

// Config describes a function and how it runs.
type Config struct {
	Name         string
	ARN          string
	Bootstrap    string   // absolute path of the binary, which is also its argv[0]
	Environment  []string // all of it, apart from what differs between processes
	Timeout      time.Duration
	MemoryMB     int
	MaxProcesses int
	RetryWaits   []time.Duration   // before each retry of an asynchronous invocation; DefaultRetryWaits if nil
	Log          func(line string) // receives every line that a process writes, and the platform's own
}

// Invocation is one event for a function.
type Invocation struct {
	Payload       []byte
	ClientContext string // JSON, or empty
	TraceID       string // generated if empty
	WantTail      bool   // the caller reads the LogTail
}

// Result is the outcome of an invocation.
type Result struct {
	RequestID string
	Payload   []byte // the function's answer, or an error in Lambda's shape
	// FunctionError is "Unhandled" if the function failed, and empty if it answered.
	FunctionError string
	// LogTail holds the last lines logged during the invocation; without WantTail it may lack some.
	LogTail []byte
}

// Failure is the shape in which Lambda describes a failed invocation.
type Failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Function is a function that can be invoked.
type Function struct {
	config Config

	mu        sync.Mutex
	idle      []*environment // the most recently used one last
	all       map[*environment]struct{}
	waiting   []chan *environment // the longest waiting first
	closed    bool
	async     Async
	stopping  context.Context
	interrupt context.CancelFunc
	pending   sync.WaitGroup // asynchronous invocations
	starting  sync.WaitGroup // processes that are being started
}

// New returns a function. No process starts before the first invocation.
func New(config Config) *Function {
	f := &Function{config: config, all: map[*environment]struct{}{}, async: DefaultAsync(config.RetryWaits)}
	f.stopping, f.interrupt = context.WithCancel(context.Background())
	return f
}

// Name returns the function's name.
func (f *Function) Name() string { return f.config.Name }

// ARN returns the function's ARN.
func (f *Function) ARN() string { return f.config.ARN }

// Invoke runs one event and waits for the outcome, which may be the function's
// failure.
func (f *Function) Invoke(in Invocation) Result {
	run := &run{
		id:            NewRequestID(),
		Invocation:    in,
		taken:         make(chan struct{}),
		outcome:       make(chan outcome, 1),
		functionLimit: f.config.Timeout,
	}
	if run.TraceID == "" {
		run.TraceID = NewTraceID()
	}
	for {
		env, err := f.acquire(run)
		if err != nil {
			return run.failed(Failure{"Runtime.Unknown", err.Error()})
		}
		if result, done := env.handle(run); done {
			return result
		}
		// The process ended before it took the event: try another one.
	}
}

// acquire finds a process for the run: an idle one, a new one, or the next to become idle.
func (f *Function) acquire(r *run) (*environment, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errStopped
	}
	if n := len(f.idle); n > 0 {
		env := f.idle[n-1]
		f.idle = f.idle[:n-1]
		f.mu.Unlock()
		return env, nil
	}
	if len(f.all) < f.config.MaxProcesses {
		env := newEnvironment(f)
		f.all[env] = struct{}{}
		f.starting.Add(1)
		f.mu.Unlock()
		err := env.start()
		f.starting.Done()
		if err != nil {
			f.remove(env)
			return nil, fmt.Errorf("RequestId: %s Error: %w", r.id, err)
		}
		return env, nil
	}
	turn := make(chan *environment, 1)
	f.waiting = append(f.waiting, turn)
	f.mu.Unlock()
	if env := <-turn; env != nil {
		return env, nil
	}
	return f.acquire(r)
}

// release makes a process available again, to the invocation that has waited longest if any.
func (f *Function) release(env *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.all[env]; !ok || f.closed {
		return
	}
	if len(f.waiting) > 0 {
		f.waiting[0] <- env
		f.waiting = f.waiting[1:]
		return
	}
	f.idle = append(f.idle, env)
}

// remove forgets a process, so that there is room for another one.
func (f *Function) remove(env *environment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.all[env]; !ok {
		return
	}
	delete(f.all, env)
	f.idle = slices.DeleteFunc(f.idle, func(e *environment) bool { return e == env })
	if len(f.waiting) > 0 {
		close(f.waiting[0]) // it looks again, and starts a new one
		f.waiting = f.waiting[1:]
	}
}

// PIDs lists the function's processes.
func (f *Function) PIDs() []int {
	var pids []int
	for _, env := range f.environments() {
		if pid := env.pid(); pid != 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// Kill sends SIGKILL to all processes of the function, and returns to how many.
func (f *Function) Kill() int {
	killed := 0
	for _, env := range f.environments() {
		if env.pid() == 0 {
			continue
		}
		// Forgotten first: no invocation that comes from here on may be given to it.
		f.remove(env)
		env.kill()
		killed++
	}
	return killed
}

func (f *Function) environments() []*environment {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*environment, 0, len(f.all))
	for env := range f.all {
		list = append(list, env)
	}
	return list
}

// Close stops all processes: SIGTERM, and after a short grace SIGKILL. Invocations under way fail.
func (f *Function) Close() {
	f.mu.Lock()
	f.closed = true
	f.interrupt()
	for _, turn := range f.waiting {
		close(turn)
	}
	f.waiting, f.idle = nil, nil
	f.mu.Unlock()
	f.starting.Wait() // none starts from here on
	var stops sync.WaitGroup
	for _, env := range f.environments() {
		stops.Go(env.stop)
	}
	stops.Wait()
	f.pending.Wait()
}

// NewRequestID returns a random UUID, as services assign to requests.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// NewTraceID returns the value of an X-Ray trace header.
func NewTraceID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), b[:12], b[12:])
}

func (f Failure) payload() []byte {
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // two strings always have a JSON form
	}
	return data
}
