// Package process starts the programs that the emulator runs, and sees to it that none outlives the platform.
//
// Every child leads a process group of its own, so that a signal reaches whatever it has started too, and so that a
// Ctrl-C in the terminal reaches the platform alone, which then stops its children in order. On Linux the kernel kills
// the children should the platform die without a chance to do so itself. Elsewhere the children notice: functions
// lose the Runtime API and exit, and DynamoDB Local ends with its standard input.
package process

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Child is a program that has been started.
type Child struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it ended; read it only once done is closed
}

// Start starts the command. When the program and all readers of its output have ended, Done is closed.
func Start(cmd *exec.Cmd) (*Child, error) {
	cmd.SysProcAttr = attributes()
	if err := fork(cmd); err != nil {
		return nil, err
	}
	c := &Child{cmd: cmd, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// PID returns the child's process id, which is also that of its group.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Ended reports whether the child has ended.
func (c *Child) Ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// Err returns how the child ended, as os/exec puts it ("exit status 1", "signal: killed"); it waits for the end.
func (c *Child) Err() error {
	<-c.done
	return c.err
}

// Kill sends SIGKILL to the child's whole group, unless the child has ended.
func (c *Child) Kill() { c.signal(syscall.SIGKILL) }

// Stop asks the child to end with SIGTERM, kills it after the grace, and waits
// for its end.
func (c *Child) Stop(grace time.Duration) {
	c.signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
	}
	c.Kill()
	<-c.done
}

func (c *Child) signal(s syscall.Signal) {
	if !c.Ended() { // afterwards the id may be another process's
		_ = syscall.Kill(-c.PID(), s) // fails only if the group has just ended
	}
}

var (
	forkOnce sync.Once
	forks    chan forkRequest
)

type forkRequest struct {
	cmd    *exec.Cmd
	result chan error
}

// fork starts the command from one thread that lives as long as this process: the kernel ties the death signal of a
// child to the thread that forked it, and Go may end threads at any time.
func fork(cmd *exec.Cmd) error {
	forkOnce.Do(func() {
		forks = make(chan forkRequest)
		go func() {
			runtime.LockOSThread()
			for r := range forks {
				r.result <- r.cmd.Start()
			}
		}()
	})
	result := make(chan error, 1)
	forks <- forkRequest{cmd, result}
	return <-result
}
