package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"

	"drawdown/shared/httpapi"
	"drawdown/shared/httpapi/httpapitest"
)

func TestServesItsRoutes(t *testing.T) {
	httpapitest.Serves(t, httpapi.FunctionPage, new(handler).server())
}

const html = `<!doctype html><script src="/usage/main-1.js" type="module"></script>`

func built(t *testing.T) *handler {
	t.Helper()
	files := fstest.MapFS{"dist/.gitignore": {Data: []byte("*")}}
	for name, text := range map[string]string{"usage.html": html, "main-1.js": "run()", "main-1.css": "a{}", "icon-1.svg": "<svg/>"} {
		var small bytes.Buffer
		writer := gzip.NewWriter(&small)
		if _, err := io.WriteString(writer, text); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		files["dist/"+name] = &fstest.MapFile{Data: []byte(text)}
		files["dist/"+name+".gz"] = &fstest.MapFile{Data: small.Bytes()}
	}
	h, err := open(files)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// get asks for a path and unpacks what comes.
func get(t *testing.T, h *handler, asset string, headers map[string]string) (response events.APIGatewayV2HTTPResponse, body string) {
	t.Helper()
	event := events.APIGatewayV2HTTPRequest{RouteKey: httpapi.GetPage.Key(), Headers: headers}
	if asset != "" {
		event.RouteKey, event.PathParameters = httpapi.GetPageAsset.Key(), map[string]string{"asset": asset}
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.server().Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	if !response.IsBase64Encoded {
		return response, response.Body
	}
	data, err := base64.StdEncoding.DecodeString(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestFilesAreServedAsTheyWereBuilt(t *testing.T) {
	h := built(t)
	for asset, want := range map[string][2]string{
		"":           {"text/html; charset=utf-8", html},
		"main-1.js":  {"text/javascript; charset=utf-8", "run()"},
		"main-1.css": {"text/css; charset=utf-8", "a{}"},
		"icon-1.svg": {"image/svg+xml", "<svg/>"},
	} {
		for accepted, encoding := range map[string]string{
			"": "", "br, gzip;q=0.5": "gzip", "GZIP": "gzip", "*": "gzip", "gzip;q=0": "", "gzip; q=0.000": "", "br": "",
		} {
			response, body := get(t, h, asset, map[string]string{"accept-encoding": accepted})
			got := response.Headers
			if response.StatusCode != http.StatusOK || body != want[1] || got["Content-Type"] != want[0] || got["Content-Encoding"] != encoding ||
				response.IsBase64Encoded != (encoding == "gzip") {
				t.Errorf("%q with Accept-Encoding %q: %d, %v, %q", asset, accepted, response.StatusCode, got, body)
			}
			caching := "public, max-age=31536000, immutable"
			if asset == "" {
				caching = "no-cache"
			}
			if got["Cache-Control"] != caching || got["Vary"] != "Accept-Encoding" || got["X-Content-Type-Options"] != "nosniff" || got["Strict-Transport-Security"] == "" {
				t.Errorf("%q: headers %v", asset, got)
			}
		}
	}
}

func TestThePageKeepsToItself(t *testing.T) {
	response, _ := get(t, built(t), "", nil)
	policy := response.Headers["Content-Security-Policy"]
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || regexp.MustCompile(`https?:`).MatchString(policy) {
		t.Errorf("the policy is %q", policy)
	}
	if response.Headers["Referrer-Policy"] != "no-referrer" || response.Headers["Cross-Origin-Opener-Policy"] != "same-origin" || response.Headers["Permissions-Policy"] == "" {
		t.Errorf("headers %v", response.Headers)
	}
}

func TestAKnownPageIsNotSentAgain(t *testing.T) {
	h := built(t)
	first, _ := get(t, h, "", nil)
	tag := first.Headers["ETag"]
	for header, status := range map[string]int{
		"": http.StatusOK, `"other"`: http.StatusOK, tag: http.StatusNotModified, `"other", ` + tag: http.StatusNotModified,
		strings.TrimPrefix(tag, "W/"): http.StatusNotModified, "*": http.StatusNotModified,
	} {
		response, body := get(t, h, "", map[string]string{"if-none-match": header})
		if response.StatusCode != status || (status == http.StatusNotModified) != (body == "") || response.Headers["ETag"] != tag {
			t.Errorf("If-None-Match %s: %d, %v, %q", header, response.StatusCode, response.Headers, body)
		}
		if _, typed := response.Headers["Content-Type"]; typed == (status == http.StatusNotModified) {
			t.Errorf("If-None-Match %s: headers %v", header, response.Headers)
		}
	}
}

func TestWhatIsNoFileOfThePageIsAProblem(t *testing.T) {
	for asset, want := range map[string]string{
		"main-2.js": "404 urn:drawdown:problem:asset-not-found", "usage.html": "404 urn:drawdown:problem:asset-not-found",
		"main-1.js.gz": "404 urn:drawdown:problem:asset-not-found", ".gitignore": "404 urn:drawdown:problem:asset-not-found",
		"../main.go": "422 urn:drawdown:problem:invalid-request",
	} {
		response, body := get(t, built(t), asset, nil)
		status, kind, _ := strings.Cut(want, " ")
		if !strings.Contains(body, `"status":`+status) || !strings.Contains(body, kind) || response.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("%s is answered with %d %s", asset, response.StatusCode, body)
		}
	}
}

func TestWithoutThePageNothingStarts(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"nothing built": {"dist/.gitignore": {Data: []byte("*")}},
		"no document":   {"dist/main-1.js": {Data: []byte("run()")}, "dist/main-1.js.gz": {}},
	} {
		if h, err := open(files); err == nil || h != nil || !strings.Contains(err.Error(), "make page") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(fstest.MapFS{"dist/usage.html": {Data: []byte(html)}}); err == nil {
		t.Error("a file that is not packed is taken")
	}
}

// What was built loads nothing but its own files, and runs nothing that stands in the document.
func TestTheBuiltPageLoadsItsOwnFilesOnly(t *testing.T) {
	h, err := open(dist)
	if err != nil {
		t.Fatal(err)
	}
	loaded := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(h.page.Text, -1)
	if len(loaded) < 3 {
		t.Errorf("the page loads %v", loaded)
	}
	for _, address := range loaded {
		name, own := strings.CutPrefix(address[1], "/usage/")
		if _, found := h.assets[name]; !own || !found {
			t.Errorf("the page loads %s", address[1])
		}
	}
	if regexp.MustCompile(`<script[^>]*>[^<]|<style|\sstyle=|\son\w+=`).MatchString(h.page.Text) {
		t.Error("the page has a script or a style of its own, which its policy forbids")
	}
}
