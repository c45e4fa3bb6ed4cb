package stripe

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// form are the parameters of a request. Endpoints read all parameters that they support, then call done to check that
// none is left. It keeps the first error until then.
type form struct {
	values url.Values
	read   map[string]bool
	err    error
}

func parseForm(text string) (*form, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, refuse("", "The parameters cannot be read: %v.", err)
	}
	for name, all := range values {
		if len(all) > 1 && !strings.HasSuffix(name, "[]") {
			return nil, refuse(name, "Parameter %s is given more than once.", name)
		}
	}
	return &form{values: values, read: map[string]bool{}}, nil
}

func (f *form) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *form) has(name string) bool { return f.values.Has(name) }

// text returns a parameter; "" if it is absent.
func (f *form) text(name string) string {
	f.read[name] = true
	return f.values.Get(name)
}

// filled returns a parameter that may be absent, but not empty.
func (f *form) filled(name string) string {
	text := f.text(name)
	if text == "" && f.has(name) {
		f.fail(&failure{status: 400, kind: invalidRequest, code: "parameter_invalid_empty", param: name,
			message: "You passed an empty string for '" + name + "'. We assume empty values are an attempt to unset a parameter; however '" + name + "' cannot be unset."})
	}
	return text
}

// needed returns a required parameter.
func (f *form) needed(name string) string {
	text := f.filled(name)
	if !f.has(name) {
		f.fail(&failure{status: 400, kind: invalidRequest, code: "parameter_missing", param: name, message: "Missing required param: " + name + "."})
	}
	return text
}

// choice returns one of some values, the first of them if it is absent.
func (f *form) choice(name string, values ...string) string {
	text := f.filled(name)
	if !f.has(name) {
		return values[0]
	}
	if !slices.Contains(values, text) {
		f.fail(refuse(name, "Invalid %s: must be one of %s.", name, strings.Join(values, ", ")))
	}
	return text
}

func (f *form) number(name string) int64 {
	text := f.filled(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f.fail(&failure{status: 400, kind: invalidRequest, code: "parameter_invalid_integer", param: name, message: "Invalid integer: " + text})
	}
	return n
}

func (f *form) flag(name string) bool { return f.choice(name, "false", "true") == "true" }

// list returns a parameter with several values: name[0], name[1] or name[].
func (f *form) list(name string) []string {
	var all []string
	for _, prefix := range f.elements(name) {
		f.read[prefix] = true
		all = append(all, f.values[prefix]...)
	}
	return all
}

// elements returns the names of a list's elements, in order.
func (f *form) elements(name string) []string {
	numbers := map[string]int{}
	for key := range f.values {
		rest, ok := strings.CutPrefix(key, name+"[")
		if !ok {
			continue
		}
		index, _, _ := strings.Cut(rest, "]")
		n, err := strconv.Atoi(index)
		if err != nil && index != "" {
			continue // done will report it
		}
		numbers[name+"["+index+"]"] = n
	}
	return slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return numbers[a] - numbers[b] })
}

// meta returns the members of a hash of texts.
func (f *form) meta(name string) map[string]string {
	const maxKey, maxValue, most = 40, 500, 50
	meta := map[string]string{}
	for key := range f.values {
		rest, ok := strings.CutPrefix(key, name+"[")
		member, end, closed := strings.Cut(rest, "]")
		if !ok || !closed || end != "" {
			continue
		}
		meta[member] = f.text(key)
		if len(member) > maxKey || len(meta[member]) > maxValue {
			f.fail(refuse(key, "Metadata keys have at most %d characters, and values %d.", maxKey, maxValue))
		}
	}
	if len(meta) > most {
		f.fail(refuse(name, "Metadata have at most %d keys.", most))
	}
	return meta
}

// done returns the first error, including an unknown parameter.
func (f *form) done() error {
	f.list("expand")
	if f.err != nil {
		return f.err
	}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !f.read[name] {
			return &failure{status: 400, kind: invalidRequest, code: "parameter_unknown", param: name, message: "Received unknown parameter: " + name}
		}
	}
	return nil
}

// merge applies changes to metadata; an empty value removes a key.
func merge(meta, changes map[string]string) map[string]string {
	merged := maps.Clone(meta)
	if merged == nil {
		merged = map[string]string{}
	}
	for key, value := range changes {
		if value == "" {
			delete(merged, key)
			continue
		}
		merged[key] = value
	}
	return merged
}
