package leak

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// noted are secrets of every kind, by the text that they were noticed in.
func noted(s *Secrets) map[string]string {
	random := func() string { return rand.Text() + rand.Text() }
	shown := map[string]string{
		APIKey:         "dk_k1_" + strings.ToLower(random()),
		SessionToken:   "eyJhbGciOiJIUzI1NiJ9." + random() + "." + random()[:43],
		EndpointSecret: "whsec_" + base64.StdEncoding.EncodeToString([]byte(random())),
		StripeKey:      "sk_test_" + random(),
		"session key":  random(),
	}
	for kind, text := range shown {
		if kind == "session key" {
			s.Note(kind, text)
		} else {
			s.NoteAll(`{"shown":"` + text + `"}`)
		}
	}
	return shown
}

func TestSecretsAreFoundInEveryForm(t *testing.T) {
	var s Secrets
	shown := noted(&s)
	search := s.Search()
	if len(search.In(strings.Repeat("a line without any of them\n", 1000))) > 0 {
		t.Fatal("something is found where there is nothing")
	}
	for kind, text := range shown {
		tail := text[len(text)-Part-window:] // of every kind the end is secret
		for form, leaked := range map[string]string{
			"whole":                   text,
			"in a header":             "Authorization: Bearer " + text + "\r\n",
			"its end":                 tail,
			"a part of its end":       tail[3 : 3+Part],
			"cut off":                 text[:len(text)-5],
			"in a URL":                "https://example.com/?t=" + url.QueryEscape(text),
			"in hex":                  hex.EncodeToString([]byte(text)),
			"in base64":               base64.StdEncoding.EncodeToString([]byte(text)),
			"in base64 after a byte":  base64.StdEncoding.EncodeToString([]byte("x" + text)),
			"in base64 after two":     base64.StdEncoding.EncodeToString([]byte("xy" + text)),
			"in base64 of URLs":       base64.RawURLEncoding.EncodeToString([]byte("key:" + text + "\n")),
			"at the text's very end":  strings.Repeat("x", 100) + text,
			"at its very beginning":   text + strings.Repeat("x", 100),
			"after one of its like":   tail[:10] + tail,
			"in the middle of a line": `{"level":"INFO","msg":"called","token":"` + text + `","status":200}`,
		} {
			if got := search.In(leaked); !slices.Equal(got, []string{kind}) {
				t.Errorf("%s, %s: found %q", kind, form, got)
			}
		}
		if got := search.In(tail[:Part-1] + "!" + text[:Part-1]); len(got) > 0 && kind != SessionToken {
			t.Errorf("%s: parts too short to matter are found as %q", kind, got)
		}
	}
}

// What may be told of a secret is no leak: the id of a key, what a token says of itself.
func TestWhatMayBeToldIsNotFound(t *testing.T) {
	var s Secrets
	shown := noted(&s)
	token := shown[SessionToken]
	for _, told := range []string{"dk_k1_", "whsec_", "sk_test_", token[:strings.LastIndexByte(token, '.')+1]} {
		if got := s.Search().In(told); len(got) > 0 {
			t.Errorf("%q is found as %q", told, got)
		}
	}
	s.NoteAll("dk_k2_" + strings.Repeat("0", 52)) // made up by whoever has no key
	if got := s.Search().In(strings.Repeat("0", 200)); len(got) > 0 {
		t.Errorf("zeros are found as %q", got)
	}
}

func TestCounts(t *testing.T) {
	var s Secrets
	noted(&s)
	noted(&s)
	s.NoteAll("nothing")
	if s.Note("short", strings.Repeat("x", Part-1)) {
		t.Error("what is too short to be told from other text was taken")
	}
	for _, kind := range []string{APIKey, SessionToken, EndpointSecret, StripeKey, "session key"} {
		if got := s.Counts()[kind]; got != 2 {
			t.Errorf("%d of the kind %s", got, kind)
		}
	}
}
