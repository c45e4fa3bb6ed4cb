package e2e

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"drawdown/infra/emulator/iam"
)

// usesFile records what each function uses of the services while the whole suite runs. The tests of the roles hold the
// roles against it, so that neither can change without the other.
var usesFile = filepath.Join("..", "stack", "testdata", "uses.txt")

var update = flag.Bool("update", false, "write the record of what functions use anew; for the whole suite")

// useLog keeps what functions have used.
type useLog struct {
	mu   sync.Mutex
	seen map[needed]bool
}

// needed is a permission that a function has needed.
type needed struct {
	function, action, resource string
	keys                       string // the partitions of one request, where DynamoDB looks at them
}

func (l *useLog) add(function string, of iam.Request) {
	u := needed{function, of.Action, of.Resource, partitions(of.Context["dynamodb:LeadingKeys"])}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[needed]bool{}
	}
	l.seen[u] = true
}

// partitions are the kinds of the partitions: of "A#acme#00" it is "A#*".
func partitions(keys []string) string {
	var kinds []string
	for _, key := range keys {
		if before, _, more := strings.Cut(key, "#"); more {
			key = before + "#*"
		}
		kinds = append(kinds, key)
	}
	slices.Sort(kinds)
	return strings.Join(slices.Compact(kinds), ",")
}

// line is how the use stands in the record, which is the same for every run.
func (u needed) line() string {
	resource, rest := platform.Construct(u.resource)
	switch {
	case resource == "":
		resource = u.resource
	case strings.HasPrefix(u.action, "s3:") && rest != "":
		resource += "/*" // whatever its key
	default:
		resource += rest
	}
	return strings.TrimSpace(strings.Join([]string{strings.TrimPrefix(u.function, "drawdown-"), u.action, resource, u.keys}, " "))
}

// check compares what was used with the record. What only some tests use need not be seen unless all have run.
func (l *useLog) check(whole bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[string]bool{}
	for u := range l.seen {
		seen[u.line()] = true
	}
	if whole && *update {
		text := strings.Join(slices.Sorted(maps.Keys(seen)), "\n") + "\n"
		return os.WriteFile(usesFile, []byte(text), 0o600)
	}
	text, err := os.ReadFile(usesFile)
	if err != nil {
		return err
	}
	recorded := strings.Split(strings.TrimSpace(string(text)), "\n")
	var found []error
	for _, line := range slices.Sorted(maps.Keys(seen)) {
		if !slices.Contains(recorded, line) {
			found = append(found, fmt.Errorf("a function has used what %s does not record (make uses does): %s", usesFile, line))
		}
	}
	if !whole {
		fmt.Printf("e2e: %d uses of functions are recorded; whether all are needed only the whole suite shows\n", len(seen))
		return errors.Join(found...)
	}
	for _, line := range recorded {
		if !seen[line] {
			found = append(found, fmt.Errorf("no function has used what %s records: %s", usesFile, line))
		}
	}
	return errors.Join(found...)
}
