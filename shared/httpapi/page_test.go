package httpapi_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
)

// newLister serves the listings of a few accounts and entries, as a store would.
func newLister(t *testing.T, accounts, entries int) *edge {
	e := newEdge(t)
	gate := access.NewAuthenticator(e.ring, nil, access.Key{ID: "operator"}, func() time.Time { return now })
	e.server = httpapi.NewServer(gate,
		httpapi.Handle(httpapi.ListAccounts, httpapi.DecodePage,
			func(_ context.Context, page httpapi.PageQuery) (httpapi.Listing[httpapi.Account], error) {
				listing := httpapi.Listing[httpapi.Account]{Limit: page.Limit}
				for i := range accounts {
					account := httpapi.Account{
						ID: fmt.Sprintf("a%02d", i), CreatedAt: now, UpdatedAt: now,
						Settings: ledger.Settings{Name: "A", Zone: "UTC", Status: ledger.Active},
					}
					if account.ID > page.After && len(listing.Read) <= page.Limit {
						listing.Read = append(listing.Read, account)
					}
				}
				return listing, nil
			}, httpapi.EncodeAccounts),
		httpapi.Handle(httpapi.ListEntries, httpapi.DecodeStatement,
			func(_ context.Context, query httpapi.StatementQuery) (httpapi.Listing[ledger.Entry], error) {
				listing := httpapi.Listing[ledger.Entry]{Limit: query.Limit}
				for i := range entries {
					entry := madeDebit()
					entry.Seq = int64(entries - i)
					if query.Ascending {
						entry.Seq = int64(i + 1)
					}
					past := query.After == 0 || query.Ascending && entry.Seq > query.After || !query.Ascending && entry.Seq < query.After
					if past && len(listing.Read) <= query.Limit {
						listing.Read = append(listing.Read, entry)
					}
				}
				return listing, nil
			}, httpapi.EncodeStatement),
	)
	return e
}

// readAll follows the cursors of a listing, and gives the sizes of its pages
// and the values of one member.
func readAll(e *edge, c call, member string) (sizes []int, values []string) {
	e.t.Helper()
	query := map[string]string{}
	for name, value := range c.query {
		query[name] = value
	}
	c.query = query
	for range 20 {
		got := e.do(c)
		var page struct {
			Data       []map[string]any `json:"data"`
			NextCursor *string          `json:"next_cursor"`
		}
		if err := json.Unmarshal([]byte(got.Body), &page); err != nil || got.Status != 200 {
			e.t.Fatalf("got %d %s", got.Status, got.Body)
		}
		sizes = append(sizes, len(page.Data))
		for _, element := range page.Data {
			values = append(values, fmt.Sprint(element[member]))
		}
		if page.NextCursor == nil {
			return sizes, values
		}
		query["cursor"] = *page.NextCursor
	}
	e.t.Fatal("the cursors never end")
	return nil, nil
}

func TestCursorsLeadThroughAListing(t *testing.T) {
	e := newLister(t, 6, 5)
	admin, reader := e.key("", access.Admin), e.key("", access.Read)
	path := map[string]string{"account_id": "acme"}
	for _, c := range []struct {
		name   string
		call   call
		member string
		sizes  []int
		values []string
	}{
		{"a full last page", call{route: httpapi.ListAccounts, token: admin, query: map[string]string{"limit": "3"}}, "id",
			[]int{3, 3}, []string{"a00", "a01", "a02", "a03", "a04", "a05"}},
		{"a short last page", call{route: httpapi.ListAccounts, token: admin, query: map[string]string{"limit": "4"}}, "id",
			[]int{4, 2}, []string{"a00", "a01", "a02", "a03", "a04", "a05"}},
		{"one page", call{route: httpapi.ListAccounts, token: admin}, "id",
			[]int{6}, []string{"a00", "a01", "a02", "a03", "a04", "a05"}},
		{"newest first", call{route: httpapi.ListEntries, path: path, token: reader, query: map[string]string{"limit": "2"}}, "seq",
			[]int{2, 2, 1}, []string{"5", "4", "3", "2", "1"}},
		{"oldest first", call{route: httpapi.ListEntries, path: path, token: reader, query: map[string]string{"limit": "2", "order": "asc"}}, "seq",
			[]int{2, 2, 1}, []string{"1", "2", "3", "4", "5"}},
	} {
		sizes, values := readAll(e, c.call, c.member)
		if !slices.Equal(sizes, c.sizes) || !slices.Equal(values, c.values) {
			t.Errorf("%s: got pages of %v with %v, want %v with %v", c.name, sizes, values, c.sizes, c.values)
		}
	}
}

func TestEmptyListing(t *testing.T) {
	e := newLister(t, 0, 0)
	if got := e.do(call{route: httpapi.ListAccounts, token: e.key("", access.Admin)}); got.Body != `{"data":[],"next_cursor":null}` {
		t.Errorf("got %s", got.Body)
	}
}

func TestBadPageQueriesAreRefused(t *testing.T) {
	e := newLister(t, 2, 2)
	admin, reader := e.key("", access.Admin), e.key("", access.Read)
	cursor := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, c := range []struct {
		route       httpapi.Route
		name, value string
	}{
		{httpapi.ListAccounts, "limit", "0"},
		{httpapi.ListAccounts, "limit", "201"},
		{httpapi.ListAccounts, "limit", "ten"},
		{httpapi.ListAccounts, "limit", ""},
		{httpapi.ListAccounts, "cursor", "garbage!"},
		{httpapi.ListAccounts, "cursor", cursor("a00")},
		{httpapi.ListAccounts, "cursor", cursor("2:a00")},
		{httpapi.ListAccounts, "cursor", cursor("1:")},
		{httpapi.ListAccounts, "cursor", cursor("1:" + strings.Repeat("a", 2000))},
		{httpapi.ListAccounts, "cursor", cursor("1:\xff\x00")},
		{httpapi.ListAccounts, "order", "asc"},
		{httpapi.ListEntries, "cursor", "garbage!"},
		{httpapi.ListEntries, "cursor", cursor("1:a00")},
		{httpapi.ListEntries, "cursor", cursor("1:0")},
		{httpapi.ListEntries, "cursor", cursor("1:-3")},
		{httpapi.ListEntries, "cursor", cursor("1:99999999999999999999")},
		{httpapi.ListEntries, "order", "up"},
		{httpapi.ListEntries, "page", "2"},
	} {
		token := admin
		if c.route == httpapi.ListEntries {
			token = reader
		}
		got := e.do(call{route: c.route, path: map[string]string{"account_id": "acme"}, token: token, query: map[string]string{c.name: c.value}})
		params := got.problem(t).InvalidParams
		if got.Status != 422 || len(params) != 1 || params[0].Name != c.name {
			t.Errorf("%s=%q is answered with %d %s", c.name, c.value, got.Status, got.Body)
		}
	}
}
