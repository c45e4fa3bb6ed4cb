package stack

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden template")

// assetHash is the only thing in a template that differs from build to build.
var assetHash = regexp.MustCompile(`[0-9a-f]{64}\.zip`)

// TestGolden shows every change of the deployed template in review. Update it
// with: go test ./infra/stack -update
func TestGolden(t *testing.T) {
	got := normalise(t, readAssembly(t, prod+".template.json"))
	path := filepath.Join("testdata", "template.golden.json")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(gotLines), len(wantLines)) {
		if !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Fatalf("the template differs from %s at line %d:\n got %s\nwant %s\n"+
				"if that is meant, run: go test ./infra/stack -update", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("the template has %d lines, %s has %d; if that is meant, run: go test ./infra/stack -update",
		len(gotLines), path, len(wantLines))
}

// normalise orders the template's keys, indents it and blanks asset hashes.
func normalise(t *testing.T, text []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return assetHash.ReplaceAll(out.Bytes(), []byte("<asset>.zip"))
}
