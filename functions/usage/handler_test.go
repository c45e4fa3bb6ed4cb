package main

import (
	"slices"
	"strings"
	"testing"

	"drawdown/shared/httpapi"
)

func TestServesItsRoutes(t *testing.T) {
	var want, got []string
	for _, route := range httpapi.Routes() {
		if route.Function == httpapi.FunctionUsage {
			want = append(want, route.Key())
		}
	}
	for _, route := range new(handler).server(nil).Routes() {
		got = append(got, route.Key())
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the function serves\n%s\nand routes.go gives it\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
