package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	commandStartLimit = 2 * time.Minute
	commandStopLimit  = 20 * time.Second
)

// running is the command that make run starts.
type running struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer // to be read once it has ended
	done           chan error
}

func startCommand(t *testing.T, binary, temp string, port int) *running {
	t.Helper()
	// Should it outlive its test, the end of the test's context kills it.
	command := &running{done: make(chan error, 1)}
	command.Cmd = exec.CommandContext(t.Context(), binary, "-assembly", os.Getenv(assemblyVariable), "-dynamodb", os.Getenv(dynamodbVariable))
	command.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "DEMO=0", "ADMIN_KEY=", "TMPDIR="+temp)
	command.Stdout, command.Stderr = &command.stdout, &command.stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { command.done <- command.Wait() }()
	return command
}

// wait is the exit code, if the command ends in time.
func (c *running) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case err := <-c.done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("the command has not ended within %v", limit)
		return 0
	}
}

func TestTheCommandLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "drawdown")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "../local/drawdown").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	temp := t.TempDir()
	port := freePort(t)
	first := startCommand(t, binary, temp, port)
	url := fmt.Sprintf("http://127.0.0.1:%d/healthz", port)
	healthy := eventually(t, commandStartLimit, func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close() // only its status is of interest
		return response.StatusCode == http.StatusOK
	})
	if !healthy {
		t.Fatalf("%s is not healthy after %v", url, commandStartLimit)
	}

	// A second one on the same port says so in one line.
	second := startCommand(t, binary, temp, port)
	if code := second.wait(t, commandStopLimit); code == 0 {
		t.Error("on a port that is taken, the command ends with code 0")
	}
	said := second.stderr.String()
	if strings.Count(said, "\n") != 1 || !strings.HasSuffix(said, "\n") || !strings.Contains(said, strconv.Itoa(port)) || second.stdout.Len() > 0 {
		t.Errorf("on a port that is taken, the command says %q and %q", said, second.stdout.String())
	}

	children := childrenOf(t, first.Process.Pid)
	if len(children) < 2 { // DynamoDB Local, and what has answered
		t.Errorf("the children of the command are %v", children)
	}
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) == 0 {
		t.Errorf("the command keeps its files elsewhere: %v, %v", left, err)
	}
	began := time.Now()
	if err := first.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := first.wait(t, commandStopLimit); code != 0 {
		t.Errorf("interrupted, the command ends with code %d: %s", code, first.stderr.String())
	}
	t.Logf("it ended %v after it was interrupted", time.Since(began).Round(time.Millisecond))
	if first.stderr.Len() > 0 {
		t.Errorf("the command warns of %q", first.stderr.String())
	}
	for _, pid := range children {
		if !ended(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if left, err := filepath.Glob(filepath.Join(temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // it has served its purpose
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// childrenOf lists the processes that a process has started.
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for line := range strings.Lines(string(output)) {
		var pid, ppid int
		if _, err := fmt.Sscan(line, &pid, &ppid); err == nil && ppid == parent {
			children = append(children, pid)
		}
	}
	return children
}

// ended says whether there is no process with this id any more.
func ended(pid int) bool { return syscall.Kill(pid, 0) != nil }
