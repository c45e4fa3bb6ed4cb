// Command mutants breaks the guards of the code, one at a time, and shows which
// test notices. The list of breaks lies in the folder list: each names the promise
// that it breaks, what to replace by what, and the narrowest test that must fail.
// A test that stays green is one that nobody would miss.
//
// `make mutants` runs it from the root of the repository; RUN selects the breaks
// whose guard, file or test contains a text. It works in copies of the tree under
// .build/mutants, which stay: Go's build cache knows packages by their folders, so
// that a second run compiles little anew.
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

// atOnce is how many copies of the tree work side by side.
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

// run reports whether every selected mutant of the tree was killed.
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
