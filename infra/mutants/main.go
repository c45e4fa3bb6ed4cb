// Command mutants breaks the guards of the code, one at a time, and shows which
// test fails. The list of mutations is in the folder list: each names the
// promise that it breaks, the text to replace and its replacement, and the
// narrowest test that must fail. A test that stays green proves nothing.
//
// `make mutants` runs it from the root of the repository; RUN selects the
// mutations whose guard, file or test contains a text. It works in copies of the
// tree under .build/mutants, which are kept: Go's build cache identifies
// packages by their folders, so a second run recompiles little.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// atOnce is how many copies of the tree are tested in parallel.
const atOnce = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, ".", os.Getenv("RUN"))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether every selected mutant was killed.
func run(ctx context.Context, root, selected string) (bool, error) {
	start := time.Now()
	mutants, err := load(filepath.Join(root, "infra/mutants/list"))
	if err != nil {
		return false, err
	}
	if mutants = matching(mutants, selected); len(mutants) == 0 {
		return false, fmt.Errorf("no guard, file or test contains %q", selected)
	}
	copies := make([]*scratch, atOnce)
	for i := range copies {
		if copies[i], err = copyTree(ctx, root, filepath.Join(root, ".build/mutants", fmt.Sprint(i+1))); err != nil {
			return false, err
		}
	}
	results, err := tryAll(ctx, copies, mutants, func(r result) {
		fmt.Fprintf(os.Stderr, "mutants: %s: %s\n", r.where, r.outcome)
	})
	if err != nil {
		return false, err
	}
	return printTable(os.Stdout, results, time.Since(start)), nil
}
