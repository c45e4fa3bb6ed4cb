// Package httpapitest holds what the tests of every function that serves HTTP have in common.
package httpapitest

import (
	"slices"
	"strings"
	"testing"

	"drawdown/shared/httpapi"
)

// Serves checks that a function's server serves just the routes that the route
// table gives to the function.
func Serves(t *testing.T, function string, server *httpapi.Server) {
	t.Helper()
	var want, got []string
	for _, route := range httpapi.Routes() {
		if route.Function == function {
			want = append(want, route.Key())
		}
	}
	for _, route := range server.Routes() {
		got = append(got, route.Key())
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the function serves\n%s\nand routes.go gives it\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
