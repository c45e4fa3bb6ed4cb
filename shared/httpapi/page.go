package httpapi

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"drawdown/shared/fault"
)

const (
	defaultLimit = 50
	maxLimit     = 200

	cursorVersion = "1:"
	badCursor     = "must be a next_cursor from an earlier response"
)

// PageQuery asks for a page of a listing.
type PageQuery struct {
	Limit int
	After string // the place where the previous page ended; empty: from the start
}

// Page is one page of a listing; NextCursor is null on the last one.
type Page[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"`
}

// Listing is what was read for a page: one element more than its limit, if there
// are more. A filtered listing may end before its limit; then Next is where the
// next page starts.
type Listing[A any] struct {
	Read  []A
	Limit int
	Next  string
}

// newPage builds a page of a listing. place returns the place of an element.
func newPage[A, T any](listing Listing[A], place func(A) string, encode func(A) T) Page[T] {
	page := Page[T]{Data: make([]T, 0, len(listing.Read))}
	for i, element := range listing.Read {
		if i == listing.Limit {
			page.NextCursor = cursorAt(place(listing.Read[i-1]))
			return page
		}
		page.Data = append(page.Data, encode(element))
	}
	if listing.Next != "" {
		page.NextCursor = cursorAt(listing.Next)
	}
	return page
}

func cursorAt(place string) *string {
	cursor := base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + place))
	return &cursor
}

// pageQuery reads ?limit= and ?cursor= of a listing in the order of ids or of seqs.
func (r *Request) pageQuery() (PageQuery, []fault.Param) { return r.pageQueryWhere(isID) }

// pageQueryWhere reads them for a listing whose places pass a check.
func (r *Request) pageQueryWhere(isPlace func(string) bool) (PageQuery, []fault.Param) {
	var problems []fault.Param
	page := PageQuery{Limit: defaultLimit}
	if text, given := r.query["limit"]; given {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxLimit {
			problems = append(problems, fault.Param{Name: "limit", Reason: "must be a whole number between 1 and " + strconv.Itoa(maxLimit)})
		}
		page.Limit = limit
	}
	if text, given := r.query["cursor"]; given && text != "" {
		plain, err := base64.RawURLEncoding.DecodeString(text)
		after, known := strings.CutPrefix(string(plain), cursorVersion)
		if err != nil || !known || !isPlace(after) {
			problems = append(problems, fault.Param{Name: "cursor", Reason: badCursor})
		} else {
			page.After = after
		}
	}
	return page, problems
}

func (r *Request) refuseUnknownQuery(known ...string) []fault.Param {
	var problems []fault.Param
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		if !slices.Contains(known, name) {
			problems = append(problems, fault.Param{Name: name, Reason: "is not a known parameter"})
		}
	}
	return problems
}
