package function_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"drawdown/infra/emulator/function"
)

var bootstrap string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "probe-")
	if err != nil {
		panic(err)
	}
	bootstrap = filepath.Join(dir, "probe", "bootstrap")
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-o", bootstrap, "../testdata/probe")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the probe does not build: %v\n%s", err, output)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

func start(t *testing.T, change func(*function.Config)) (*function.Function, *journal) {
	t.Helper()
	j := &journal{}
	config := function.Config{
		Name: "test-probe", ARN: "arn:aws:lambda:us-east-1:000000000000:function:test-probe", Bootstrap: bootstrap,
		Environment: []string{"PATH=" + os.Getenv("PATH")},
		Timeout:     20 * time.Second, MemoryMB: 256, MaxProcesses: 3, Log: j.add,
	}
	if change != nil {
		change(&config)
	}
	f := function.New(config)
	t.Cleanup(func() {
		pids := f.PIDs()
		f.Close()
		for _, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				t.Errorf("process %d has outlived its function", pid)
			}
		}
	})
	return f, j
}

type about struct {
	PID         int               `json:"pid"`
	Served      int               `json:"served"`
	Args        []string          `json:"args"`
	Environment []string          `json:"environment"`
	RequestID   string            `json:"request_id"`
	ARN         string            `json:"arn"`
	TraceID     string            `json:"trace_id"`
	Client      map[string]string `json:"client"`
	LeftMS      int64             `json:"left_ms"`
}

func ask(t *testing.T, f *function.Function, command string) about {
	t.Helper()
	result := f.Invoke(function.Invocation{Payload: []byte(command)})
	if result.FunctionError != "" {
		t.Errorf("%s fails: %s", command, result.Payload)
		return about{}
	}
	var a about
	if err := json.Unmarshal(result.Payload, &a); err != nil {
		t.Errorf("%s answers %s: %v", command, result.Payload, err)
	}
	return a
}

func mustFail(t *testing.T, f *function.Function, command, errorType, message string) {
	t.Helper()
	result := f.Invoke(function.Invocation{Payload: []byte(command)})
	var failure function.Failure
	if err := json.Unmarshal(result.Payload, &failure); err != nil {
		t.Fatalf("%s answers %s: %v", command, result.Payload, err)
	}
	pattern := regexp.MustCompile("^" + message + "$")
	if result.FunctionError != "Unhandled" || failure.Type != errorType || !pattern.MatchString(failure.Message) {
		t.Errorf("%s: got %q %s, want %s matching %q", command, result.FunctionError, result.Payload, errorType, message)
	}
}

func TestOneProcessServesOneAfterAnother(t *testing.T) {
	t.Parallel()
	f, j := start(t, nil)
	first := ask(t, f, `{}`)
	for i := 2; i <= 20; i++ {
		next := ask(t, f, `{}`)
		if next.PID != first.PID || next.Served != i {
			t.Fatalf("invocation %d went to process %d as its number %d, not to %d", i, next.PID, next.Served, first.PID)
		}
		if next.RequestID == first.RequestID || next.TraceID == first.TraceID {
			t.Fatalf("invocation %d has ids of the first", i)
		}
	}
	if want := []string{bootstrap}; !slices.Equal(first.Args, want) {
		t.Errorf("arguments are %q, want %q", first.Args, want)
	}
	if first.ARN != f.ARN() || first.LeftMS < 19_000 || first.LeftMS > 20_000 {
		t.Errorf("ARN %q, %d ms left", first.ARN, first.LeftMS)
	}
	reports := regexp.MustCompile(`(?m)^REPORT RequestId: [0-9a-f-]{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t`+
		`Memory Size: 256 MB\tMax Memory Used: \d+ MB(\tInit Duration: \d+\.\d\d ms)?$`).FindAllStringSubmatch(j.String(), -1)
	if len(reports) != 20 || reports[0][1] == "" || reports[1][1] != "" {
		t.Errorf("the reports are not as expected: %q", reports)
	}
}

func TestParallelInvocationsStartProcessesUpToTheLimit(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	var mu sync.Mutex
	seen := map[int]int{}
	var calls sync.WaitGroup
	for range 9 {
		calls.Go(func() {
			a := ask(t, f, `{"sleep_ms":150}`)
			mu.Lock()
			defer mu.Unlock()
			seen[a.PID]++
		})
	}
	calls.Wait()
	if len(seen) != 3 || len(f.PIDs()) != 3 {
		t.Errorf("9 invocations at once went to the processes %v, want 3", seen)
	}
}

func TestTheMostRecentlyUsedProcessIsReused(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	var slow about
	var calls sync.WaitGroup
	calls.Go(func() { slow = ask(t, f, `{"sleep_ms":600}`) })
	calls.Go(func() { ask(t, f, `{}`) })
	calls.Wait()
	if next := ask(t, f, `{}`); next.PID != slow.PID {
		t.Errorf("process %d was used last, and %d is taken", slow.PID, next.PID)
	}
}

func TestWaitingIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	f, _ := start(t, func(c *function.Config) { c.MaxProcesses = 1 })
	ask(t, f, `{}`)
	var mu sync.Mutex
	var order []int
	var calls sync.WaitGroup
	calls.Go(func() { ask(t, f, `{"sleep_ms":500}`) })
	for i := range 5 {
		time.Sleep(60 * time.Millisecond)
		calls.Go(func() {
			served := ask(t, f, `{}`).Served
			mu.Lock()
			defer mu.Unlock()
			if served != i+3 {
				t.Errorf("the invocation that came as number %d was served as number %d", i+3, served)
			}
			order = append(order, i)
		})
	}
	calls.Wait()
	if len(order) != 5 {
		t.Errorf("%d of 5 invocations came back", len(order))
	}
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	t.Parallel()
	f, j := start(t, func(c *function.Config) { c.Timeout = time.Second })
	before := ask(t, f, `{}`)
	began := time.Now()
	mustFail(t, f, `{"sleep_ms":30000}`, "Sandbox.Timedout", `RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds`)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the timeout took %s", took)
	}
	if syscall.Kill(before.PID, 0) == nil {
		t.Errorf("process %d is still there", before.PID)
	}
	if after := ask(t, f, `{}`); after.PID == before.PID || after.Served != 1 {
		t.Errorf("the next invocation went to process %d as its number %d", after.PID, after.Served)
	}
	if !strings.Contains(j.String(), "Task timed out after 1.00 seconds") {
		t.Errorf("the log does not tell of the timeout:\n%s", j)
	}
}

func TestTheEndOfAProcessFailsItsInvocation(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	mustFail(t, f, `{"do":"exit","exit_code":7}`, "Runtime.ExitError", `RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 7`)
	mustFail(t, f, `{"do":"exit"}`, "Runtime.ExitError", `RequestId: [0-9a-f-]{36} Error: Runtime exited without providing a reason`)
	if a := ask(t, f, `{}`); a.Served != 1 {
		t.Errorf("the next invocation is number %d of its process", a.Served)
	}
}

func TestAPanicIsReportedAndItsProcessReplaced(t *testing.T) {
	t.Parallel()
	f, _ := start(t, func(c *function.Config) { c.MaxProcesses = 1 })
	for range 5 {
		mustFail(t, f, `{"do":"panic"}`, "string", "the probe panics")
		if a := ask(t, f, `{}`); a.Served != 1 {
			t.Fatalf("the next invocation is number %d of its process", a.Served)
		}
	}
}

func TestAnErrorLeavesTheProcess(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	mustFail(t, f, `{"do":"fail"}`, "errorString", "the probe fails")
	if a := ask(t, f, `{}`); a.Served != 2 {
		t.Errorf("the next invocation is number %d of its process", a.Served)
	}
}

func TestInitErrors(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]function.Failure{
		"exit":   {Type: "Runtime.ExitError", Message: `RequestId: .* Error: Runtime exited with error: exit status 3`},
		"report": {Type: "Probe.Init", Message: `cannot start`},
		"hang":   {Type: "Sandbox.Timedout", Message: `RequestId: .* Error: Init timed out after 10\.00 seconds`},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			f, _ := start(t, func(c *function.Config) { c.Environment = append(c.Environment, "PROBE_INIT="+how) })
			mustFail(t, f, `{}`, want.Type, want.Message)
			if pids := f.PIDs(); len(pids) != 0 {
				t.Errorf("the processes %v are left", pids)
			}
		})
	}
}

func TestCloseSendsSIGTERM(t *testing.T) {
	t.Parallel()
	f, j := start(t, func(c *function.Config) { c.Environment = append(c.Environment, "PROBE_SIGTERM=1") })
	ask(t, f, `{}`)
	f.Close()
	if log := j.String(); !strings.Contains(log, "SIGTERM received") || strings.Contains(log, "WARNING") {
		t.Errorf("the log is\n%s", log)
	}
	mustFail(t, f, `{}`, "Runtime.Unknown", "the platform is stopping")
}

func TestKill(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			mustFail(t, f, `{"sleep_ms":5000}`, "Runtime.ExitError", `RequestId: .* Error: Runtime exited with error: signal: killed`)
		})
	}
	time.Sleep(500 * time.Millisecond)
	if killed := f.Kill(); killed != 2 {
		t.Errorf("%d processes killed, want 2", killed)
	}
	calls.Wait()
	for range 10 { // no invocation may be lost to a process that is killed while it is idle
		ask(t, f, `{}`)
		if killed := f.Kill(); killed != 1 {
			t.Errorf("%d processes killed, want 1", killed)
		}
	}
}

func TestAnAnswerHasALimit(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	result := f.Invoke(function.Invocation{Payload: []byte(fmt.Sprintf(`{"do":"large","size":%d}`, function.PayloadLimit-2))})
	if result.FunctionError != "" || len(result.Payload) != function.PayloadLimit {
		t.Errorf("an answer of the largest size: %s, %d bytes", result.FunctionError, len(result.Payload))
	}
	mustFail(t, f, fmt.Sprintf(`{"do":"large","size":%d}`, function.PayloadLimit-1),
		"Function.ResponseSizeTooLarge", `Response payload size exceeded maximum allowed payload size \(6291456 bytes\)\.`)
}

func TestTheTailIsOfThisInvocation(t *testing.T) {
	t.Parallel()
	f, j := start(t, nil)
	ask(t, f, `{"say":"earlier"}`)
	for range 5000 { // it may still be on its way through the pipe
		if strings.Contains(j.String(), "earlier") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	result := f.Invoke(function.Invocation{Payload: []byte(`{"say":"hello"}`), WantTail: true})
	want := regexp.MustCompile(`^START RequestId: \S+ Version: \$LATEST\nhello\nEND RequestId: \S+\nREPORT .*\n$`)
	if !want.Match(result.LogTail) {
		t.Errorf("the tail is %q", result.LogTail)
	}
}

func TestClientContextIsPassedOn(t *testing.T) {
	t.Parallel()
	f, _ := start(t, nil)
	result := f.Invoke(function.Invocation{Payload: []byte(`{}`), ClientContext: `{"custom":{"a":"b"}}`, TraceID: "Root=1-2-3"})
	var a about
	if err := json.Unmarshal(result.Payload, &a); err != nil || a.Client["a"] != "b" || a.TraceID != "Root=1-2-3" {
		t.Errorf("got %s, %v", result.Payload, err)
	}
}

func TestAsynchronousInvocationsEndWithTheFunction(t *testing.T) {
	t.Parallel()
	f, j := start(t, func(c *function.Config) { c.RetryWaits = []time.Duration{time.Minute} })
	f.InvokeAsync(function.Invocation{Payload: []byte(`{"say":"later","do":"fail"}`)})
	for range 100 {
		if strings.Contains(j.String(), "later") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.Contains(j.String(), "later") {
		t.Errorf("the log is\n%s", j)
	}
	began := time.Now()
	f.Close() // must not wait for the next try
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %s", took)
	}
}
