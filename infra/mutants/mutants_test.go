package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tiny is a module with one guard, and tests that notice when it breaks, or do
// not.
var tiny = map[string]string{
	"go.mod":   "module tiny\n\ngo 1.26\n",
	"tiny.go":  "package tiny\n\nfunc Room(used, limit int) bool {\n\treturn used < limit\n}\n",
	"other.go": "package tiny\n\nvar Other = 1\n",
	"tiny_test.go": `package tiny

import (
	"testing"
	"time"
)

func TestEdge(t *testing.T) {
	if Room(1, 1) {
		t.Error("passed its limit")
	}
}

func TestFarFromIt(t *testing.T) {
	if !Room(0, 5) {
		t.Error("no room")
	}
}

func TestRed(t *testing.T) { t.Error("red before") }

func TestSkipped(t *testing.T) { t.Skip("not here") }

func TestWaits(t *testing.T) {
	for !Room(0, 5) {
		time.Sleep(time.Millisecond)
	}
}
`,
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func edge(test, with string) mutant {
	return mutant{Guard: "Nothing passes its limit.", File: "tiny.go", Old: "used < limit", New: with, Test: "go test . -run '^" + test + "$'"}
}

func TestEachMutantIsKilledSurvivesOrIsInvalid(t *testing.T) {
	t.Setenv("GOFLAGS", "-count=1")
	place := &scratch{dir: t.TempDir()}
	write(t, place.dir, tiny)
	hanging := edge("TestWaits", "used > limit")
	hanging.Timeout = time.Second
	cases := []struct {
		mutant
		verdict
		says string
	}{
		{edge("TestEdge", "used <= limit"), killed, "killed by TestEdge in "},
		{edge("TestEdge", "func() bool { panic(1) }()"), killed, "killed by TestEdge in "},
		{hanging, killed, "killed by a timeout"},
		{edge("TestFarFromIt", "used <= limit"), survived, "SURVIVED"},
		{edge("TestEdge", "used <= Limit"), invalid, "does not compile"},
		{edge("TestRed", "used <= limit"), invalid, "without the mutation the test is red"},
		{edge("TestNone", "used <= limit"), invalid, "without the mutation there are no tests to run"},
		{edge("TestSkipped", "used <= limit"), invalid, "without the mutation there are no tests to run"},
		{mutant{File: "tiny.go", Old: "float64", New: "uint", Test: "go test ."}, invalid, "the text to replace is there 0 times"},
		{mutant{File: "tiny.go", Old: "limit", New: "most", Test: "go test ."}, invalid, "the text to replace is there 2 times"},
		{mutant{File: "absent.go", Old: "limit", New: "most", Test: "go test ."}, invalid, "no such file"},
		{mutant{File: "other.go", Old: "1", New: "2", Test: "grep -q 'Other = 1' other.go"}, killed, "killed by a crash or an exit"},
		{mutant{File: "other.go", Old: "1", New: "2", Test: "grep -q Other other.go"}, survived, "SURVIVED"},
	}
	mutants := make([]mutant, len(cases))
	for i, c := range cases {
		mutants[i] = c.mutant
	}
	told := 0
	results, err := tryAll(t.Context(), []*scratch{place}, mutants, func(result) { told++ })
	if err != nil || told != len(cases) {
		t.Fatalf("told of %d, %v", told, err)
	}
	for i, r := range results {
		if r.verdict != cases[i].verdict || !strings.Contains(r.outcome, cases[i].says) {
			t.Errorf("%+v: verdict %d, %s; want %d, %s", cases[i].mutant, r.verdict, r.outcome, cases[i].verdict, cases[i].says)
		}
	}
	if results[0].where != "tiny.go:4" {
		t.Errorf("it stands at %s", results[0].where)
	}
	for name, text := range tiny {
		if got, err := os.ReadFile(filepath.Join(place.dir, name)); err != nil || string(got) != text {
			t.Errorf("%s was left broken: %s, %v", name, got, err)
		}
	}
}

func TestAnInterruptEndsEverything(t *testing.T) {
	place := &scratch{dir: t.TempDir()}
	write(t, place.dir, tiny)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	slow := mutant{File: "tiny.go", Old: "used < limit", New: "true", Test: "grep -q 'used < limit' tiny.go || { sleep 600 & sleep 600; }"}
	if _, err := tryAll(ctx, []*scratch{place}, []mutant{slow, slow}, func(result) {}); err == nil || time.Since(start) > dying {
		t.Errorf("ended after %s with %v", time.Since(start), err)
	}
	if got, err := os.ReadFile(filepath.Join(place.dir, "tiny.go")); err != nil || string(got) != tiny["tiny.go"] {
		t.Errorf("left broken: %s, %v", got, err)
	}
}

func TestATableCountsWhatBecameOfEach(t *testing.T) {
	all := []result{
		{mutant{Guard: "One."}, "a.go:1", killed, "killed by TestA in 1 s"},
		{mutant{Guard: "Two."}, "b.go:2", survived, "SURVIVED in 1 s"},
		{mutant{Guard: "Three."}, "c.go:3", invalid, "does not compile"},
	}
	for count, want := range map[int]bool{1: true, 2: false, 3: false} {
		var out strings.Builder
		if got := printTable(&out, all[:count], time.Second); got != want {
			t.Errorf("of %d: %t\n%s", count, got, out.String())
		}
	}
	var out strings.Builder
	printTable(&out, all, 61*time.Second)
	for _, want := range []string{"One.", "a.go:1", "killed by TestA in 1 s", "SURVIVED", "INVALID: does not compile", "3 mutants in 1m1s: 1 killed, 1 survived, 1 invalid"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

// The copy has the files that git tracks or would add, also after an interrupted
// run.
func TestACopyIsTheTree(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	write(t, root, tiny)
	write(t, root, map[string]string{
		".gitignore": "*.log\n/functions/page/dist/*\n", "new/x.go": "package new\n", "run.log": "noise",
		"functions/page/dist/usage.html": "<p>", "cached/npm/a/index.js": "1",
	})
	if err := os.MkdirAll(filepath.Join(root, "infra"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "cached/npm"), filepath.Join(root, "infra/node_modules")); err != nil {
		t.Fatal(err)
	}
	git := exec.CommandContext(t.Context(), "git", "init", "-q")
	git.Dir = root
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	write(t, dir, map[string]string{"tiny.go": "broken", "gone/y.go": "package gone\n", ".build/kept": "1"})
	for range 2 { // the second run finds what the first has made
		if _, err := copyTree(t.Context(), root, dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{
		"new/x.go": true, "functions/page/dist/usage.html": true, "infra/node_modules/a/index.js": true, ".build/kept": true,
		"run.log": false, "gone/y.go": false,
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %t (%v)", name, !want, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "tiny.go")); err != nil || string(got) != tiny["tiny.go"] {
		t.Errorf("tiny.go is %s, %v", got, err)
	}
}

func TestListsAreReadStrictly(t *testing.T) {
	const good = "- guard: G.\n  file: a.go\n  old: |-\n    \tx()\n  new: |-\n    \ty()\n  test: go test ./a -run '^TestA$'\n"
	mutants, err := parse([]byte(good + "  platform: true\n  timeout: 20s\n"))
	if err != nil || len(mutants) != 1 || mutants[0].Old != "\tx()" || !mutants[0].Platform || mutants[0].Timeout != 20*time.Second {
		t.Errorf("%+v, %v", mutants, err)
	}
	for name, text := range map[string]string{
		"an unknown field": good + "  guards: x\n", "no test": strings.Split(good, "  test:")[0], "no guard": strings.Replace(good, "G.", "", 1),
		"no change": strings.Replace(good, "y()", "x()", 1), "no list": "guard: G.\n",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if got := matching([]mutant{{Guard: "a"}, {File: "a"}, {Test: "a"}, {Guard: "b"}}, "a"); len(got) != 3 {
		t.Errorf("%d mention it", len(got))
	}
}

func TestMutantsOfAPackageStayTogether(t *testing.T) {
	list := []mutant{
		{Test: "go test ./a -run '^TestA$'"}, {Test: "go test ./b"}, {Test: "go test ./c", Platform: true}, {Test: "go test -count=1 ./b -run X"},
		{Test: "go test ./d", Platform: true}, {Test: "go test ./e", Platform: true},
	}
	got := groups(list)
	if len(got) != 3 || len(got[0]) != 3 || len(got[1]) != 2 || got[1][1] != 3 || got[2][0] != 0 {
		t.Errorf("groups %v", got)
	}
}
