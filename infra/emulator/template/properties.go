package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Decode evaluates the resource's properties, except those named as inert, into a struct whose fields are all the
// properties that the platform supports. Any other property is an error, because it may change what the resource does.
func (s *Stack) Decode(r Resource, inert []string, into any) error {
	live := make(map[string]any, len(r.Properties))
	for name, value := range r.Properties {
		live[name] = value
	}
	for _, name := range inert {
		delete(live, name)
	}
	value, err := s.Evaluate(live)
	if err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return fmt.Errorf("%s: the property %s is not understood", r, name)
		}
		return fmt.Errorf("%s: %w", r, err)
	}
	return nil
}

// Int is an integer as CloudFormation accepts it: as a number or as a string.
type Int int

// UnmarshalJSON implements json.Unmarshaler.
func (n *Int) UnmarshalJSON(data []byte) error {
	value, err := json.Number(strings.Trim(string(data), `"`)).Int64()
	*n = Int(value)
	return err
}

// Bool is a boolean as CloudFormation accepts it: true or "true".
type Bool bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bool) UnmarshalJSON(data []byte) error {
	switch strings.Trim(string(data), `"`) {
	case "true":
		*b = true
	case "false":
		*b = false
	default:
		return fmt.Errorf("%s is neither true nor false", data)
	}
	return nil
}

// Strings is a map of scalars, each spelled as a string.
type Strings map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *Strings) UnmarshalJSON(data []byte) error {
	var raw map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return err
	}
	*m = make(Strings, len(raw))
	for name, value := range raw {
		switch value.(type) {
		case string, json.Number, bool:
			(*m)[name] = text(value)
		default:
			return fmt.Errorf("%s is not a string", name)
		}
	}
	return nil
}
