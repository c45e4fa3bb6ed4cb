// Package pattern matches events against patterns, as the rules of EventBridge and the event filters of Lambda do.
//
// A pattern is an object in the shape of the event. Each field of it must match, by one of the conditions in its list:
// a value, or an object that names a condition such as {"prefix": "a"}. Where the event has a list, one element of it
// must match, and where the elements are objects, one element must match all that the pattern says of it. A condition
// that is not known is an error when the pattern is read; none is passed over.
//
// Numbers are compared by their spelling, as EventBridge documents it, and by their value in a numeric condition.
package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Pattern is a pattern that can be matched.
type Pattern struct {
	fields       []field
	alternatives [][]*Pattern // the members of $or
	conditions   map[string]bool
}

// field is a pattern's conditions on one field's value, or a pattern of what is in it.
type field struct {
	name       string
	conditions []condition
	inner      *Pattern
}

const anyOf = "$or"

// Parse reads a pattern.
func Parse(data []byte) (*Pattern, error) {
	value, err := decode(data)
	if err != nil {
		return nil, err
	}
	p := &Pattern{conditions: map[string]bool{}}
	return p, p.read(value)
}

// Conditions lists the names of the conditions that occur in the pattern, other than values.
func (p *Pattern) Conditions() []string { return slices.Sorted(maps.Keys(p.conditions)) }

// LooksInto reports whether the pattern has conditions on what is in a field, rather than on the field's own value.
func (p *Pattern) LooksInto(name string) bool {
	if slices.ContainsFunc(p.fields, func(f field) bool { return f.name == name && f.inner != nil }) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(p.alternatives...), func(one *Pattern) bool { return one.LooksInto(name) })
}

func (p *Pattern) read(value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("an object is expected, not %s", spell(value))
	}
	if len(object) == 0 {
		return errors.New("an empty object matches nothing")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		var err error
		switch inner := object[name].(type) {
		case []any:
			if name == anyOf {
				err = p.readAlternatives(inner)
			} else {
				err = p.readConditions(name, inner)
			}
		case map[string]any:
			one := &Pattern{conditions: p.conditions}
			err = one.read(inner)
			p.fields = append(p.fields, field{name: name, inner: one})
		default:
			err = fmt.Errorf("a list or an object is expected, not %s", spell(inner))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (p *Pattern) readAlternatives(list []any) error {
	if len(list) < 2 {
		return errors.New("two alternatives at least are expected")
	}
	alternatives := make([]*Pattern, 0, len(list))
	for _, item := range list {
		one := &Pattern{conditions: p.conditions}
		if err := one.read(item); err != nil {
			return err
		}
		alternatives = append(alternatives, one)
	}
	p.alternatives = append(p.alternatives, alternatives)
	return nil
}

func (p *Pattern) readConditions(name string, list []any) error {
	if len(list) == 0 {
		return errors.New("an empty list matches nothing")
	}
	f := field{name: name}
	for _, item := range list {
		one, kind, err := readCondition(item)
		if err != nil {
			return err
		}
		if kind != "" {
			p.conditions[kind] = true
		}
		f.conditions = append(f.conditions, one)
	}
	p.fields = append(p.fields, f)
	return nil
}

// MatchJSON reports whether an event, given as JSON, matches. What is not a JSON object does not.
func (p *Pattern) MatchJSON(event []byte) bool {
	value, err := decode(event)
	if err != nil {
		return false
	}
	object, ok := value.(map[string]any)
	return ok && p.Match(object)
}

// Match reports whether an event matches whose numbers are of type json.Number.
func (p *Pattern) Match(event map[string]any) bool {
	for _, f := range p.fields {
		value, ok := event[f.name]
		if !ok {
			value = absent{}
		}
		if !f.matches(value) {
			return false
		}
	}
	for _, alternatives := range p.alternatives {
		if !slices.ContainsFunc(alternatives, func(one *Pattern) bool { return one.Match(event) }) {
			return false
		}
	}
	return true
}

func (f field) matches(value any) bool {
	if f.inner == nil {
		found := leaves(value, nil)
		return slices.ContainsFunc(f.conditions, func(c condition) bool { return c.matches(found) })
	}
	inside := objects(value, nil)
	if len(inside) == 0 {
		inside = []map[string]any{nil} // of what is not there a pattern may say that it is not
	}
	return slices.ContainsFunc(inside, f.inner.Match)
}

// leaf is a value that is neither a list nor an object.
type leaf struct{ value any }

// leaves are the values under a field: itself, or the elements of its lists.
func leaves(value any, found []leaf) []leaf {
	switch value := value.(type) {
	case map[string]any, absent:
		return found
	case []any:
		for _, element := range value {
			found = leaves(element, found)
		}
		return found
	default:
		return append(found, leaf{value})
	}
}

// absent stands for a missing field, as distinct from null.
type absent struct{}

func objects(value any, found []map[string]any) []map[string]any {
	switch value := value.(type) {
	case map[string]any:
		return append(found, value)
	case []any:
		for _, element := range value {
			found = objects(element, found)
		}
	}
	return found
}

// decode reads one JSON value whose numbers keep their spelling.
func decode(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

func spell(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
