package dynamolocal_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"drawdown/infra/emulator/dynamolocal"
)

func TestClassIsMadeFromItsSource(t *testing.T) {
	source, err := os.ReadFile(dynamolocal.Name + ".java")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile(dynamolocal.Name + ".sha256")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%x  %s.java\n%x  %s.class\n", sha256.Sum256(source), dynamolocal.Name, sha256.Sum256(dynamolocal.Class), dynamolocal.Name)
	if string(recorded) != want {
		t.Errorf("Loopback.class was made from another Loopback.java: run go generate\nrecorded is\n%sand here are\n%s", recorded, want)
	}
}
