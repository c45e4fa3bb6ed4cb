package dynamolocal

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
)

func TestClassIsMadeFromItsSource(t *testing.T) {
	source, err := os.ReadFile(className + ".java")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile(className + ".sha256")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  %s.java\n%x  %s.class\n", sha256.Sum256(source), className, sha256.Sum256(class), className)
	if string(recorded) != want {
		t.Errorf("Loopback.class was made from another Loopback.java: run go generate\nrecorded is\n%sand here are\n%s", recorded, want)
	}
}
