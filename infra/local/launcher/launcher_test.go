package launcher_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"drawdown/infra/local/launcher"
)

func TestClassIsMadeFromItsSource(t *testing.T) {
	source, err := os.ReadFile(launcher.Name + ".java")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile(launcher.Name + ".sha256")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  %s.java\n%x  %s.class\n", sha256.Sum256(source), launcher.Name, sha256.Sum256(launcher.Class), launcher.Name)
	if string(recorded) != want {
		t.Errorf("Loopback.class was made from another Loopback.java: run go generate\nrecorded is\n%sand here are\n%s", recorded, want)
	}
}
