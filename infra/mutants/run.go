package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// bound is how long a test may run.
	bound = 4 * time.Minute
	// compiling is how long its compilation may take before.
	compiling = 10 * time.Minute
	// dying is how long the processes of a command may take to end once they are
	// told to.
	dying = 10 * time.Second
)

// verdict is the result for a mutant.
type verdict int

const (
	killed verdict = iota
	survived
	invalid // it does not apply or compile, or its test proves nothing
)

type result struct {
	mutant
	where   string // file:line
	verdict verdict
	outcome string // in words
}

// tryAll tries mutants in the copies in parallel, those of one package in the
// same copy. The results are in the order of the mutants; each is also reported
// as soon as it is known.
func tryAll(ctx context.Context, copies []*scratch, mutants []mutant, tell func(result)) ([]result, error) {
	results := make([]result, len(mutants))
	work := make(chan []int, len(mutants))
	for _, group := range groups(mutants) {
		work <- group
	}
	close(work)
	var telling sync.Mutex
	var running sync.WaitGroup
	for _, place := range copies {
		running.Go(func() {
			for group := range work {
				baselines := map[string]string{}
				for _, i := range group {
					results[i] = place.try(ctx, mutants[i], baselines)
					telling.Lock()
					tell(results[i])
					telling.Unlock()
				}
			}
		})
	}
	running.Wait()
	return results, ctx.Err()
}

// groups returns the indexes of the mutants by package, the largest group first,
// since it may take the longest.
func groups(mutants []mutant) [][]int {
	byPackage := map[string][]int{}
	var order []string
	for i, m := range mutants {
		if byPackage[m.pkg()] == nil {
			order = append(order, m.pkg())
		}
		byPackage[m.pkg()] = append(byPackage[m.pkg()], i)
	}
	sorted := make([][]int, len(order))
	for i, name := range order {
		sorted[i] = byPackage[name]
	}
	slices.SortStableFunc(sorted, func(a, b []int) int { return len(b) - len(a) })
	return sorted
}

// try applies one mutant to the copy, runs its test, and restores the copy.
// Baselines holds what is wrong with tests of the unchanged copy, by command.
func (s *scratch) try(ctx context.Context, m mutant, baselines map[string]string) result {
	r := result{mutant: m, where: m.File, verdict: invalid}
	name := filepath.Join(s.dir, filepath.FromSlash(m.File))
	text, err := os.ReadFile(name)
	if err != nil {
		r.outcome = err.Error()
		return r
	}
	mutated, line, err := m.apply(string(text))
	if err != nil {
		r.outcome = err.Error()
		return r
	}
	r.where = fmt.Sprintf("%s:%d", m.File, line)
	wrong, known := baselines[m.Test]
	if !known {
		wrong = s.baseline(ctx, m)
		baselines[m.Test] = wrong
	}
	if wrong != "" {
		r.outcome = "without the mutation " + wrong
		return r
	}
	if err := overwrite(name, mutated); err != nil {
		r.outcome = err.Error()
		return r
	}
	start := time.Now()
	ended, err := s.test(ctx, m)
	r.verdict, r.outcome = judge(ended, err, m.Timeout > 0, time.Since(start))
	if err := overwrite(name, string(text)); err != nil {
		r.verdict, r.outcome = invalid, err.Error()
	}
	return r
}

// baseline returns what is wrong with a mutant's test on the unchanged copy, or
// "".
func (s *scratch) baseline(ctx context.Context, m mutant) string {
	ended, err := s.test(ctx, m)
	switch {
	case err != nil:
		return "the test cannot be run: " + err.Error()
	case ended.timedOut:
		return "the test does not end"
	case !ended.passed:
		return "the test is red: " + tail(ended.output)
	case ended.idle:
		return "there are no tests to run"
	}
	return ""
}

// ended is how a test command ended.
type ended struct {
	passed   bool
	idle     bool // no test ran: there is none by that name, or all were skipped
	unbuilt  bool
	timedOut bool
	failing  string // the first test that failed
	output   string
}

var (
	passes   = regexp.MustCompile(`(?m)^--- PASS: `)
	failures = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	unbuilts = regexp.MustCompile(`(?m)^FAIL\s.*\[(build|setup) failed\]|^make: \*\*\* `)
)

// test runs a mutant's test.
func (s *scratch) test(ctx context.Context, m mutant) (ended, error) {
	limit := bound
	if m.Timeout > 0 {
		limit = m.Timeout
	}
	command, isGo := strings.CutPrefix(m.Test, "go test ")
	if isGo {
		command = fmt.Sprintf("go test -vet=off -v -timeout=%s %s", limit, command)
	}
	if m.Platform {
		if out, err := s.command(ctx, compiling, "make -s local"); err != nil {
			return ended{unbuilt: true, output: out}, ctx.Err()
		}
	}
	out, err := s.command(ctx, limit+compiling, command)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, context.DeadlineExceeded) {
		return ended{}, err
	}
	e := ended{
		passed: err == nil, output: out, idle: isGo && !passes.MatchString(out), unbuilt: unbuilts.MatchString(out),
		timedOut: errors.Is(err, context.DeadlineExceeded) || isGo && strings.Contains(out, "panic: test timed out after"),
	}
	if found := failures.FindStringSubmatch(out); found != nil {
		e.failing = found[1]
	}
	return e, ctx.Err()
}

// command runs a shell command in the copy, and ends all its processes when it
// ends.
func (s *scratch) command(ctx context.Context, limit time.Duration, command string) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	shell := exec.CommandContext(bounded, "bash", "-c", command)
	shell.Dir, shell.Env = s.dir, s.environment()
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGTERM) }
	shell.WaitDelay = dying
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	err := shell.Run()
	if shell.Process != nil {
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // whatever is still running
	}
	if bounded.Err() != nil {
		err = bounded.Err()
	}
	return out.String(), err
}

// judge interprets the end of a mutant's test.
func judge(e ended, err error, mayHang bool, took time.Duration) (verdict, string) {
	seconds := fmt.Sprintf(" in %.0f s", took.Seconds())
	switch {
	case err != nil:
		return invalid, err.Error()
	case e.unbuilt:
		return invalid, "does not compile: " + tail(e.output)
	case e.timedOut && mayHang:
		return killed, "killed by a timeout" + seconds
	case e.timedOut:
		return invalid, "the test does not end, and its entry has no timeout"
	case e.passed:
		return survived, "SURVIVED" + seconds
	case e.failing == "":
		return killed, "killed by a crash or an exit" + seconds
	}
	return killed, "killed by " + e.failing + seconds
}

// tail returns the end of an output, in one line.
func tail(output string) string {
	const most = 300
	line := strings.Join(strings.Fields(output), " ")
	if len(line) > most {
		line = "... " + strings.ToValidUTF8(line[len(line)-most:], "")
	}
	return line
}

func overwrite(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), info.Mode().Perm())
}
