package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// leastMutants is the least number of mutants in the list.
const leastMutants = 110

// Whoever changes code that a mutant names must change the list: otherwise only
// the next run finds out, which may be much later.
func TestTheListIsAlive(t *testing.T) {
	mutants, err := load("list")
	if err != nil {
		t.Fatal(err)
	}
	if len(mutants) < leastMutants {
		t.Errorf("the list has %d mutants, want at least %d", len(mutants), leastMutants)
	}
	seen := map[string]string{}
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join(root, m.File))
		if err != nil {
			t.Errorf("%s: %v", m.Guard, err)
			continue
		}
		mutated, line, err := m.apply(string(text))
		where := fmt.Sprintf("%s:%d (%s)", m.File, line, m.Guard)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if other, twice := seen[m.File+mutated]; twice {
			t.Errorf("%s is listed twice, also as %q", where, other)
		}
		seen[m.File+mutated] = m.Guard
		if err := testExists(m.Test); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

var (
	packages = regexp.MustCompile(`(?:^|\s)\./(\S+)`)
	patterns = regexp.MustCompile(`-run[ =]'?([^\s']+)'?`)
)

// testExists checks that each package of a test command exists and has a test
// that its pattern names.
func testExists(command string) error {
	if !strings.HasPrefix(command, "go test ") {
		return scriptExists(command)
	}
	pattern := patterns.FindStringSubmatch(command)
	if pattern == nil {
		return fmt.Errorf("%q runs a whole package: name the narrowest test", command)
	}
	top, _, _ := strings.Cut(pattern[1], "/")
	named, err := regexp.Compile(top)
	if err != nil {
		return err
	}
	folders := packages.FindAllStringSubmatch(command, -1)
	if len(folders) == 0 {
		return fmt.Errorf("%q names no package", command)
	}
	for _, folder := range folders {
		if err := testIn(folder[1], named); err != nil {
			return err
		}
	}
	return nil
}

func testIn(folder string, named *regexp.Regexp) error {
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if fn, ok := declared.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && named.MatchString(fn.Name.Name) {
				return nil
			}
		}
	}
	return fmt.Errorf("no test of %s is called %s", folder, named)
}

// scriptExists checks that a command other than go names a file of the tree.
func scriptExists(command string) error {
	for _, word := range strings.Fields(command) {
		if info, err := os.Stat(filepath.Join(root, word)); err == nil && !info.IsDir() {
			return nil
		}
	}
	return fmt.Errorf("%q runs no file of the tree", command)
}

func TestDeadEntriesAreFound(t *testing.T) {
	for command, alive := range map[string]bool{
		"go test ./infra/mutants -run '^TestDeadEntriesAreFound$'":     true,
		"go test ./infra/mutants -run '^TestDeadEntriesAreFound$/^x$'": true,
		"go test ./infra/mutants -run '^TestDeadEntries$'":             false,
		"go test ./infra/mutants":                                      false,
		"go test ./infra/absent -run '^TestDeadEntriesAreFound$'":      false,
		"go test -run '^TestDeadEntriesAreFound$'":                     false,
		"node functions/page/web/test.mjs":                             true,
		"node functions/page/web/absent.mjs":                           false,
	} {
		if err := testExists(command); (err == nil) != alive {
			t.Errorf("%s: %v", command, err)
		}
	}
}
