package httpapi

import (
	"net/http"
	"strings"

	"drawdown/shared/fault"
)

// Asset is a file that is served as it is.
type Asset struct {
	ContentType string
	Text        string
	Gzip        []byte // the same, gzipped
	Tag         string // identifies the content; empty if the file's name does
}

// AssetQuery is a request for a file.
type AssetQuery struct {
	Name  string // empty: the page itself
	Gzip  bool   // whether the caller accepts gzip
	known string // the tags that the caller has cached
}

// AssetAnswer is a file and the request for it.
type AssetAnswer struct {
	Asset
	query AssetQuery
}

// AnswerWith answers the query with a file.
func (q AssetQuery) AnswerWith(asset Asset) AssetAnswer { return AssetAnswer{asset, q} }

// NoAsset is the fault for a file that does not exist.
func NoAsset(name string) error {
	return fault.New(fault.AssetNotFound, "The page has no file %q; load the page again.", name)
}

// DecodeUsagePage reads GET /usage.
func DecodeUsagePage(r *Request) (AssetQuery, error) {
	return AssetQuery{Gzip: acceptsGzip(r.header["accept-encoding"]), known: r.header["if-none-match"]}, nil
}

// DecodeAsset reads GET /usage/{asset}.
func DecodeAsset(r *Request) (AssetQuery, error) {
	name, err := r.PathID("asset")
	query, _ := DecodeUsagePage(r)
	query.Name = name
	return query, err
}

// EncodeUsagePage answers with a page, which browsers revalidate on each load, or
// with 304 if it is unchanged.
func EncodeUsagePage(a AssetAnswer) Response {
	response := EncodeAsset(a).With("Cache-Control", "no-cache").With("ETag", a.Tag)
	if knows(a.query.known, a.Tag) {
		return Response{Status: http.StatusNotModified, Headers: response.Headers}
	}
	return response
}

// EncodeAsset answers with a file whose name changes with its content.
func EncodeAsset(a AssetAnswer) Response {
	response := Response{Status: http.StatusOK, ContentType: a.ContentType, Headers: map[string]string{
		"Cache-Control":             "public, max-age=31536000, immutable",
		"Strict-Transport-Security": "max-age=31536000",
		"Vary":                      "Accept-Encoding",
		"X-Content-Type-Options":    "nosniff",
	}}
	if a.query.Gzip && a.Gzip != nil {
		response.Bytes = a.Gzip
		return response.With("Content-Encoding", "gzip")
	}
	response.Text = a.Text
	return response
}

// acceptsGzip reads an Accept-Encoding header (RFC 9110, 12.5.3).
func acceptsGzip(header string) bool {
	for _, part := range strings.Split(strings.ToLower(header), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if coding = strings.TrimSpace(coding); coding != "gzip" && coding != "*" {
			continue
		}
		value, found := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !found || strings.Trim(value, "0.") != "" {
			return true
		}
	}
	return false
}

// knows compares an If-None-Match header with a tag, weakly, as RFC 9110, 13.1.2
// requires.
func knows(header, tag string) bool {
	for _, part := range strings.Split(header, ",") {
		if part = strings.TrimSpace(part); part == "*" || part != "" && strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
