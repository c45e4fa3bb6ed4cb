package kinds

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"drawdown/infra/emulator/template"
)

func TestTheDocumentNamesEveryType(t *testing.T) {
	set, err := New(&Host{Stack: &template.Stack{}}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`AWS::\w+::\w+`).FindAllString(string(document), -1)
	slices.Sort(named)
	if listed := slices.Sorted(maps.Keys(set.byType)); !slices.Equal(named, listed) {
		t.Errorf("README.md names\n%q\nand listed are\n%q", named, listed)
	}
}
