package gateway

import (
	"fmt"
	"strings"
)

// route is a parsed route key.
type route struct {
	key         string
	method      string // or ANY
	segments    []segment
	integration Integration
}

type segment struct {
	text string // a literal, or a parameter's name
	kind segmentKind
}

type segmentKind int

// The kinds of segments, from the most specific one.
const (
	literal segmentKind = iota
	parameter
	greedy
)

const (
	defaultRoute = "$default"
	anyMethod    = "ANY"
)

func parseRoute(key string) (route, error) {
	if key == defaultRoute {
		return route{key: key, method: anyMethod}, nil
	}
	method, path, ok := strings.Cut(key, " ")
	if !ok || !strings.HasPrefix(path, "/") || method != strings.ToUpper(method) {
		return route{}, fmt.Errorf("the route key %q is not of the form \"METHOD /path\"", key)
	}
	r := route{key: key, method: method}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		s := segment{text: part}
		if name, ok := strings.CutPrefix(part, "{"); ok && strings.HasSuffix(name, "}") {
			s.text, s.kind = strings.TrimSuffix(name, "}"), parameter
			if name, ok := strings.CutSuffix(s.text, "+"); ok {
				s.text, s.kind = name, greedy
			}
		}
		if s.kind == greedy && i != len(parts)-1 || s.kind != literal && s.text == "" ||
			s.kind == literal && strings.ContainsAny(s.text, "{}") {
			return route{}, fmt.Errorf("the path of the route key %q cannot be understood", key)
		}
		r.segments = append(r.segments, s)
	}
	return r, nil
}

type match struct {
	route      *route
	parameters map[string]string
}

// findRoute finds the route for a request. A full match takes precedence over one with a parameter, and that over a
// greedy one, segment by segment; then a method over ANY; and $default is last.
func findRoute(routes []route, method, path string) (match, bool) {
	var best match
	for i := range routes {
		r := &routes[i]
		if r.method != method && r.method != anyMethod {
			continue
		}
		parameters, ok := r.match(path)
		if ok && (best.route == nil || r.before(best.route)) {
			best = match{r, parameters}
		}
	}
	return best, best.route != nil
}

func (r *route) match(path string) (map[string]string, bool) {
	if r.key == defaultRoute {
		return nil, true
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false
	}
	var parameters map[string]string
	bind := func(name, value string) {
		if parameters == nil {
			parameters = map[string]string{}
		}
		parameters[name] = value
	}
	for i, s := range r.segments {
		if s.kind == greedy {
			bind(s.text, rest)
			return parameters, rest != ""
		}
		part, after, more := strings.Cut(rest, "/")
		switch {
		case more == (i == len(r.segments)-1): // the path is longer or shorter than the route
			return nil, false
		case s.kind == literal && s.text != part, s.kind == parameter && part == "":
			return nil, false
		case s.kind == parameter:
			bind(s.text, part)
		}
		rest = after
	}
	return parameters, true
}

// before reports whether this route takes precedence over another that matches
// the same request.
func (r *route) before(other *route) bool {
	if (r.key == defaultRoute) != (other.key == defaultRoute) {
		return other.key == defaultRoute
	}
	for i := range min(len(r.segments), len(other.segments)) {
		if a, b := r.segments[i].kind, other.segments[i].kind; a != b {
			return a < b
		}
	}
	return other.method == anyMethod && r.method != anyMethod
}
