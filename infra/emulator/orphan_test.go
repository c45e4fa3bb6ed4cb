package emulator_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/infra/emulator"
)

// runsPlatform makes the test binary run a platform of this assembly instead of the tests.
const runsPlatform = "EMULATOR_TEST_RUNS_PLATFORM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(runsPlatform); dir != "" {
		runPlatform(dir)
	}
	os.Exit(m.Run())
}

// runPlatform starts some processes, says their ids, and waits to be killed.
func runPlatform(dir string) {
	p, err := emulator.Start(context.Background(), options(dir))
	if err != nil {
		panic(err)
	}
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			payload := strings.NewReader(`{"sleep_ms":300}`)
			url := p.InvokeURL() + "/2015-03-31/functions/probe-echo/invocations"
			request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, payload)
			if err != nil {
				panic(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				panic(err)
			}
			_ = response.Body.Close()
		})
	}
	calls.Wait()
	for _, pid := range p.Processes() {
		fmt.Println("pid", pid)
	}
	fmt.Println("up")
	select {}
}

func TestNoProcessOutlivesAKilledPlatform(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the children end when they notice, which takes them longer")
	}
	command := exec.CommandContext(context.Background(), os.Args[0])
	command.Env = append(os.Environ(), runsPlatform+"="+assembly(t, nil), "TMPDIR="+t.TempDir())
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.StdoutPipe()
	check(t, err)
	check(t, command.Start())
	var pids []int
	for lines := bufio.NewScanner(output); lines.Scan() && lines.Text() != "up"; {
		if pid, err := strconv.Atoi(strings.TrimPrefix(lines.Text(), "pid ")); err == nil {
			pids = append(pids, pid)
		}
	}
	check(t, command.Process.Kill())
	_ = command.Wait()  // it was killed, as it should be
	if len(pids) != 3 { // two of the function, and DynamoDB Local
		t.Fatalf("the processes are %v: %s", pids, &stderr)
	}
	for _, pid := range pids {
		for range 100 {
			if ended(pid) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if !ended(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
}
