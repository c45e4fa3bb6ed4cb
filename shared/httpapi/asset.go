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
	Gzip        []byte // the same, packed
	Tag         string // names the content; empty where the file's own name does
}

// AssetQuery is a request for a file.
type AssetQuery struct {
	Name  string // empty: the page itself
	Gzip  bool   // a packed answer is understood
	known string // the tags of what the caller has already
}

// AssetAnswer is a file and how it is to be sent.
type AssetAnswer struct {
	Asset
	query AssetQuery
}

// AnswerWith sends the file to whom has asked.
func (q AssetQuery) AnswerWith(asset Asset) AssetAnswer { return AssetAnswer{asset, q} }

// NoAsset is the failure for a file that there is not.
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

// EncodeUsagePage answers with a page, which is asked for anew at each load, or says
// that it is still the same.
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

// knows compares an If-None-Match header with a tag, weakly, as is right for
// whole answers (RFC 9110, 13.1.2).
func knows(header, tag string) bool {
	for _, part := range strings.Split(header, ",") {
		if part = strings.TrimSpace(part); part == "*" || part != "" && strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
