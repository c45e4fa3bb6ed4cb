// Package leak searches what a platform has put out for the secrets that it was given or made.
//
// A secret is found by any part of it that is long enough to matter, as it is or as base64, hex or a URL would have it.
// What is found is told by the secret's kind, never by its text.
package leak

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// Part is how much of a secret in one piece is a leak, in bytes of its form. A secret is no shorter.
	Part = 16
	// window is what is looked up at each place of a text: within any part of a form lies one of its windows.
	window = 8
	// variety is how many different bytes a window has at least. Others, such as zeros, are no secret of anybody.
	variety = 4
)

// The kinds of secrets that are known by their shape.
const (
	APIKey         = "API key"
	SessionToken   = "session token"
	EndpointSecret = "secret of a webhook endpoint" // or Stripe's, of its webhooks
	StripeKey      = "Stripe API key"
)

// shapes are how secrets look. The group is the part that is worth keeping: the rest may be told.
var shapes = []struct {
	kind  string
	shape *regexp.Regexp
}{
	{APIKey, regexp.MustCompile(`dk_[a-z0-9]+_([A-Za-z0-9]{16,})`)},
	{SessionToken, regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.([\w-]{16,})`)},
	{EndpointSecret, regexp.MustCompile(`whsec_([A-Za-z0-9+/_-]{16,}=*)`)},
	{StripeKey, regexp.MustCompile(`[sr]k_(?:test|live)_(\w{16,})`)},
}

// Secrets are what must not be found. The zero value is none, and its methods may be called at any time.
type Secrets struct {
	mu    sync.Mutex
	kinds map[string]string // by what is secret of them
}

// Note adds a secret that has no shape. One that is shorter than Part cannot be told from other text, and is not added.
func (s *Secrets) Note(kind, secret string) (added bool) {
	if len(secret) < Part {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[string]string{}
	}
	s.kinds[secret] = kind
	return true
}

// NoteAll adds all secrets that a text shows by their shape.
func (s *Secrets) NoteAll(text string) {
	for _, one := range shapes {
		for _, found := range one.shape.FindAllStringSubmatch(text, -1) {
			s.Note(one.kind, found[1])
		}
	}
}

// Counts is how many secrets of each kind are searched for.
func (s *Secrets) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, kind := range s.kinds {
		counts[kind]++
	}
	return counts
}

// Search is a search for secrets, as many as there were when it was made.
type Search struct {
	places map[uint64][]place // by the bytes of a window
}

// place is where a window lies in a form of a secret.
type place struct {
	kind, form string
	at         int
}

// Search makes a search for all secrets noted so far.
func (s *Secrets) Search() Search {
	s.mu.Lock()
	defer s.mu.Unlock()
	search := Search{map[uint64][]place{}}
	for secret, kind := range s.kinds {
		for _, form := range forms(secret) {
			for at := 0; at+window <= len(form); at += window {
				bytes := form[at : at+window]
				if differing(bytes) >= variety {
					key := binary.BigEndian.Uint64([]byte(bytes))
					search.places[key] = append(search.places[key], place{kind, form, at})
				}
			}
		}
	}
	return search
}

// In lists the kinds of the secrets that a text shows a part of.
func (s Search) In(text string) []string {
	found := map[string]bool{}
	var last uint64
	for i := range len(text) {
		last = last<<8 | uint64(text[i])
		if i+1 < window {
			continue
		}
		for _, p := range s.places[last] {
			if !found[p.kind] && p.length(text, i+1-window) >= Part {
				found[p.kind] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// length is how much of the form stands in the text around a window.
func (p place) length(text string, at int) int {
	first, last := 0, window
	for p.at+first > 0 && at+first > 0 && p.form[p.at+first-1] == text[at+first-1] {
		first--
	}
	for p.at+last < len(p.form) && at+last < len(text) && p.form[p.at+last] == text[at+last] {
		last++
	}
	return last - first
}

// forms are how a secret may stand in a text.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret))}
	// In base64 it has another form after one byte and after two; what comes before and after has a hand in its ends.
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := encoding.EncodeToString([]byte(strings.Repeat("-", before) + secret))
			from := []int{0, 2, 3}[before]
			all = append(all, text[from:len(text)-1])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func differing(bytes string) int {
	seen := map[rune]bool{}
	for _, b := range bytes {
		seen[b] = true
	}
	return len(seen)
}
