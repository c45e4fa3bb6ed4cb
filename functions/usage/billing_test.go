package main

import (
	"slices"
	"testing"

	"drawdown/shared/billing"
	"drawdown/shared/httpapi"
)

func TestAPageOfTheCatalog(t *testing.T) {
	all := []billing.Pack{{ID: "a", Active: true}, {ID: "b"}, {ID: "c", Active: true}, {ID: "d", Active: true}}
	for _, c := range []struct {
		after string
		limit int
		all   bool
		want  []string // one more than the limit, where there are more
	}{
		{"", 50, false, []string{"a", "c", "d"}},
		{"", 50, true, []string{"a", "b", "c", "d"}},
		{"", 1, false, []string{"a", "c"}},
		{"a", 1, true, []string{"b", "c"}},
		{"c", 1, false, []string{"d"}},
		{"d", 1, true, nil},
	} {
		listing := onPage(all, httpapi.CatalogQuery{PageQuery: httpapi.PageQuery{After: c.after, Limit: c.limit}, All: c.all},
			func(p billing.Pack) (string, bool) { return p.ID, p.Active })
		var got []string
		for _, pack := range listing.Read {
			got = append(got, pack.ID)
		}
		if !slices.Equal(got, c.want) || listing.Limit != c.limit {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
