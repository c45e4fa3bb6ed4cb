package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pb33f/go-yaml"
)

// mutant is one mutation that breaks a guard.
type mutant struct {
	Guard    string        `yaml:"guard"`    // the promise that it breaks
	File     string        `yaml:"file"`     // from the root, with slashes
	Old      string        `yaml:"old"`      // the text to replace, which must be there just once
	New      string        `yaml:"new"`      // the text that replaces it
	Test     string        `yaml:"test"`     // the command that must then fail
	Platform bool          `yaml:"platform"` // the test needs the functions recompiled
	Timeout  time.Duration `yaml:"timeout"`  // if set, a test that hangs for this long counts as failed
}

// load reads every list in a folder, in the order of their names.
func load(folder string) ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var mutants []mutant
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		more, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mutants = append(mutants, more...)
	}
	return mutants, nil
}

// block is the start of a text that may begin with tabs, as Go's lines do: YAML
// must then be given the indentation of the text.
var block = regexp.MustCompile(`(?m)^(  (?:old|new): \|)-$`)

func parse(text []byte) ([]mutant, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(block.ReplaceAll(text, []byte("${1}2-"))))
	decoder.KnownFields(true)
	var mutants []mutant
	if err := decoder.Decode(&mutants); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i, m := range mutants {
		if m.Guard == "" || m.File == "" || m.Old == "" || m.Test == "" {
			return nil, fmt.Errorf("entry %d lacks its guard, file, old or test: %+v", i+1, m)
		}
		if m.Old == m.New {
			return nil, fmt.Errorf("entry %d (%s) changes nothing", i+1, m.Guard)
		}
	}
	return mutants, nil
}

// matching returns the mutants that mention a text; all of them if none do.
func matching(mutants []mutant, text string) []mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		return !strings.Contains(m.Guard, text) && !strings.Contains(m.File, text) && !strings.Contains(m.Test, text)
	})
}

// apply returns the mutated text and the line where it differs. It returns an
// error unless the mutant's old text is there just once.
func (m mutant) apply(text string) (mutated string, line int, err error) {
	if n := strings.Count(text, m.Old); n != 1 {
		return "", 0, fmt.Errorf("the text to replace is there %d times, not once", n)
	}
	before, after, _ := strings.Cut(text, m.Old)
	return before + m.New + after, 1 + strings.Count(before, "\n"), nil
}

// pkg returns the first package of the test, by which tests share a copy's
// compiled code. All tests of the running platform count as one package, since
// they run one at a time.
func (m mutant) pkg() string {
	if m.Platform {
		return "the platform"
	}
	for _, word := range strings.Fields(m.Test) {
		if strings.HasPrefix(word, "./") {
			return word
		}
	}
	return m.Test
}
