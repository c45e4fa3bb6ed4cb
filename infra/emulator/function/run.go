package function

import (
	"sync"
	"time"
)

// tailDelay is how long the log of a run is awaited after its end.
const tailDelay = 10 * time.Millisecond

// run is one invocation on its way through a process.
type run struct {
	Invocation
	id            string
	functionLimit time.Duration

	once     sync.Once
	taken    chan struct{} // closed when a process has taken the event
	start    time.Time     // when it was taken
	deadline time.Time
	outcome  chan outcome
}

type outcome struct {
	payload       []byte
	functionError string
	at            time.Time
	awaitTail     bool
}

// take marks the event as taken by a process: from here on, the timeout counts.
func (r *run) take() {
	r.once.Do(func() {
		r.start = time.Now()
		r.deadline = r.start.Add(r.functionLimit)
		close(r.taken)
	})
}

func (r *run) isTaken() bool {
	select {
	case <-r.taken:
		return true
	default:
		return false
	}
}

// failed returns the result of a run that never reached a process.
func (r *run) failed(f Failure) Result {
	return Result{RequestID: r.id, Payload: f.payload(), FunctionError: unhandled}
}

// failedWith returns the result of a run whose process did not start properly.
func (r *run) failedWith(payload []byte, e *environment) Result {
	return Result{RequestID: r.id, Payload: payload, FunctionError: unhandled, LogTail: e.output.tail()}
}

const unhandled = "Unhandled"

func failed(f Failure) outcome {
	return outcome{payload: f.payload(), functionError: unhandled, at: time.Now()}
}
