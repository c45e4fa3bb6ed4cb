package function

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/process"
)

var errStopped = errors.New("the platform is stopping")

// environment is one process of a function with a Runtime API server of its own.
type environment struct {
	function *Function
	child    *process.Child
	listener net.Listener
	server   *http.Server
	started  time.Time
	output   *lines

	events  chan *run     // holds at most one event that the process has not taken
	ready   chan struct{} // closed when the process first asks for an event
	initErr chan []byte   // the error that the process reported instead
	closing chan struct{} // closed when the process has ended or is about to be stopped

	mu           sync.Mutex
	current      *run // what the process has taken and not answered
	once         struct{ ready, closing sync.Once }
	initDuration time.Duration // reported with the first invocation, zero from then on
}

func newEnvironment(f *Function) *environment {
	return &environment{
		function: f,
		events:   make(chan *run, 1),
		ready:    make(chan struct{}),
		initErr:  make(chan []byte, 1),
		closing:  make(chan struct{}),
	}
}

// start starts the process and its Runtime API server.
func (e *environment) start() error {
	var listen net.ListenConfig
	listener, err := listen.Listen(e.function.stopping, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := e.function.config
	e.output = newLines(config.Log)
	// It is stopped in its own way, not by a context.
	cmd := exec.CommandContext(context.Background(), config.Bootstrap)
	cmd.Dir = filepath.Dir(config.Bootstrap)
	cmd.Env = append(append([]string{}, config.Environment...),
		"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(),
		"AWS_LAMBDA_LOG_STREAM_NAME="+logStream(),
	)
	cmd.Stdout, cmd.Stderr = e.output, e.output
	// A grandchild that holds the output open must not keep the end of the process from being noticed.
	cmd.WaitDelay = time.Second
	server := &http.Server{Handler: e.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	e.started = time.Now()
	child, err := process.Start(cmd)
	if err != nil {
		_ = listener.Close()
		return err
	}
	e.mu.Lock()
	e.listener, e.server, e.child = listener, server, child
	e.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // ends when the server is closed
	go func() {
		<-child.Done()
		e.function.remove(e)
		e.once.closing.Do(func() { close(e.closing) })
		_ = server.Close()
		e.output.flush()
	}()
	return nil
}

func (e *environment) pid() int {
	if child := e.process(); child != nil {
		return child.PID()
	}
	return 0
}

func (e *environment) process() *process.Child {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.child
}

func (e *environment) kill() {
	if child := e.process(); child != nil {
		child.Kill()
	}
}

func (e *environment) stop() {
	if child := e.process(); child != nil {
		child.Stop(stopGrace)
	}
}

// discard kills the process and waits for its end, so that its place is free.
func (e *environment) discard() {
	e.function.remove(e)
	e.kill()
	<-e.child.Done()
}

// handle passes the run to the process and waits for the outcome. It is not done if the process ended, or hung, before
// it took the event.
func (e *environment) handle(r *run) (result Result, done bool) {
	if failure, ok := e.awaitInit(r); !ok {
		return r.failedWith(failure, e), true
	}
	e.output.begin()
	e.events <- r // never blocks: only this run uses the process
	timeout := time.NewTimer(e.function.config.Timeout)
	defer timeout.Stop()
	select {
	case <-r.taken:
		timeout.Reset(time.Until(r.deadline))
	case <-e.child.Done():
		return e.afterEnd(r)
	case <-timeout.C: // hung after its last answer
		e.discard()
		return e.afterEnd(r)
	}
	select {
	case o := <-r.outcome:
		return e.finish(r, o), true
	case <-e.child.Done():
		return e.afterEnd(r)
	case <-timeout.C:
		e.discard()
		limit := e.function.config.Timeout.Seconds()
		e.log(fmt.Sprintf("%s %s Task timed out after %.2f seconds", timestamp(), r.id, limit))
		return e.finish(r, failed(Failure{"Sandbox.Timedout",
			fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", r.id, limit)})), true
	}
}

// afterEnd returns the outcome of a run whose process has ended.
func (e *environment) afterEnd(r *run) (Result, bool) {
	e.function.remove(e)
	select {
	case o := <-r.outcome: // it answered before it ended
		return e.finish(r, o), true
	default:
	}
	if r.isTaken() {
		return e.finish(r, failed(e.exitFailure(r))), true
	}
	if e.function.stopping.Err() != nil {
		return e.finish(r, failed(Failure{"Runtime.Unknown", errStopped.Error()})), true
	}
	return Result{}, false
}

func (e *environment) exitFailure(r *run) Failure {
	cause := "Runtime exited without providing a reason"
	if err := e.child.Err(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		cause = "Runtime exited with error: " + err.Error()
	}
	message := fmt.Sprintf("RequestId: %s Error: %s", r.id, cause)
	e.log(message + "\nRuntime.ExitError")
	return Failure{"Runtime.ExitError", message}
}

// awaitInit waits until the process asks for its first event; otherwise it returns the failure's payload.
func (e *environment) awaitInit(r *run) (failure []byte, ok bool) {
	timer := time.NewTimer(time.Until(e.started.Add(initLimit)))
	defer timer.Stop()
	select {
	case <-e.ready:
		return nil, true
	default:
	}
	select {
	case <-e.ready:
		return nil, true
	case failure = <-e.initErr:
		e.discard()
	case <-e.child.Done():
		e.function.remove(e)
		select {
		case failure = <-e.initErr:
		default:
			failure = e.exitFailure(r).payload()
		}
	case <-timer.C:
		e.discard()
		message := fmt.Sprintf("RequestId: %s Error: Init timed out after %.2f seconds", r.id, initLimit.Seconds())
		failure = Failure{"Sandbox.Timedout", message}.payload()
	}
	e.log(fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: error", ms(time.Since(e.started))))
	return failure, false
}

// finish reports the run and makes the process available again. The process may still be finishing its last run, and
// takes the next event when it asks for one.
func (e *environment) finish(r *run, o outcome) Result {
	if o.awaitTail {
		// What the function wrote before its answer may still be on its way through the pipe.
		time.Sleep(tailDelay)
	}
	report := e.report(r, o)
	e.log("END RequestId: " + r.id)
	e.log(report)
	result := Result{RequestID: r.id, Payload: o.payload, FunctionError: o.functionError, LogTail: e.output.tail()}
	e.function.release(e)
	return result
}

func (e *environment) report(r *run, o outcome) string {
	e.mu.Lock()
	init := e.initDuration
	e.initDuration = 0
	e.mu.Unlock()
	duration := time.Since(r.start)
	if !o.at.IsZero() {
		duration = o.at.Sub(r.start)
	}
	billed := (duration + init + time.Millisecond - 1) / time.Millisecond
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		r.id, ms(duration), billed, e.function.config.MemoryMB, e.peakMemoryMB())
	if init > 0 {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", ms(init))
	}
	return line
}

// peakMemoryMB returns the most memory that the process has used, where the
// system reports it.
func (e *environment) peakMemoryMB() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.child.PID()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	_, _ = fmt.Sscan(rest, &kb) // zero if it is not there
	return kb >> 10
}

func (e *environment) log(line string) { e.output.line(line) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func timestamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

func logStream() string {
	return time.Now().UTC().Format("2006/01/02") + "/[" + Version + "]" + strings.ReplaceAll(NewRequestID(), "-", "")
}
