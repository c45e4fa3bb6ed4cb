package template

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Resource is one resource of a stack, its properties not yet evaluated.
type Resource struct {
	LogicalID  string
	Type       string
	Properties map[string]any
}

// String names the resource as error messages do.
func (r Resource) String() string { return fmt.Sprintf("%s (%s)", r.LogicalID, r.Type) }

// Errorf returns an error about one of the resource's properties.
func (r Resource) Errorf(property, format string, arguments ...any) error {
	return fmt.Errorf("%s: %s: %w", r, property, fmt.Errorf(format, arguments...))
}

// Stack is a template with its parameters given.
type Stack struct {
	*Assembly
	// Attribute answers a reference to a resource: Ref where the name is empty, Fn::GetAtt otherwise.
	Attribute func(r Resource, name string) (any, error)

	// id returns the last part of the stack's id, different each time, as in CloudFormation.
	id         string
	parameters map[string]any
	conditions map[string]bool
	resources  map[string]Resource
}

type parameter struct {
	Type                  string
	Default               any
	AllowedPattern        string
	AllowedValues         []any
	MinLength, MaxLength  json.Number
	MinValue, MaxValue    json.Number
	ConstraintDescription string
	Description           string
	NoEcho                any
}

// The version check of CDK's bootstrap stack has no effect on one machine.
const (
	bootstrapParameter = "BootstrapVersion"
	bootstrapRule      = "CheckBootstrapVersion"
)

// Stack sets the template's parameters, and evaluates its conditions.
func (a *Assembly) Stack(parameters map[string]string) (*Stack, error) {
	s := &Stack{
		id:         rand.Text(),
		Assembly:   a,
		parameters: map[string]any{},
		conditions: map[string]bool{},
		resources:  map[string]Resource{},
	}
	for name := range parameters {
		if _, ok := a.body.Parameters[name]; !ok {
			return nil, fmt.Errorf("the template has no parameter %q", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.body.Parameters)) {
		given, ok := parameters[name]
		value, err := a.body.Parameters[name].value(name, given, ok)
		if err != nil {
			return nil, err
		}
		s.parameters[name] = value
	}
	for rule := range a.body.Rules {
		if rule != bootstrapRule {
			return nil, fmt.Errorf("the template's rule %q cannot be evaluated", rule)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.body.Conditions)) {
		if _, err := s.condition(name, nil); err != nil {
			return nil, err
		}
	}
	for id, r := range a.body.Resources {
		if r.Condition != "" {
			holds, err := s.condition(r.Condition, nil)
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", id, r.Type, err)
			}
			if !holds {
				continue
			}
		}
		s.resources[id] = Resource{LogicalID: id, Type: r.Type, Properties: r.Properties}
	}
	return s, nil
}

// Resources lists the stack's resources by logical id, without those whose condition does not hold.
func (s *Stack) Resources() []Resource {
	ids := slices.Sorted(maps.Keys(s.resources))
	list := make([]Resource, 0, len(ids))
	for _, id := range ids {
		list = append(list, s.resources[id])
	}
	return list
}

func (p parameter) value(name, given string, isGiven bool) (any, error) {
	switch {
	case name == bootstrapParameter && !isGiven:
		return p.Default, nil
	case strings.HasPrefix(p.Type, "AWS::SSM::Parameter::") && !isGiven:
		return nil, fmt.Errorf("parameter %q is kept in the SSM parameter store: give its value", name)
	case !isGiven && p.Default == nil:
		return nil, fmt.Errorf("parameter %q has no default: give its value", name)
	case !isGiven:
		given = text(p.Default)
	}
	if err := p.check(given); err != nil {
		// The value may be a secret, so it is not repeated here.
		return nil, fmt.Errorf("parameter %q: %w", name, err)
	}
	if strings.HasPrefix(p.Type, "List<") || p.Type == "CommaDelimitedList" {
		items := []any{}
		for item := range strings.SplitSeq(given, ",") {
			items = append(items, strings.TrimSpace(item))
		}
		return items, nil
	}
	return given, nil
}

func (p parameter) check(value string) error {
	if p.AllowedPattern != "" {
		pattern, err := regexp.Compile(`^(?:` + p.AllowedPattern + `)$`)
		if err != nil {
			return fmt.Errorf("its AllowedPattern cannot be read: %w", err)
		}
		if !pattern.MatchString(value) {
			return fmt.Errorf("the value does not match %s%s", p.AllowedPattern, p.hint())
		}
	}
	if len(p.AllowedValues) > 0 && !slices.ContainsFunc(p.AllowedValues, func(v any) bool { return text(v) == value }) {
		return fmt.Errorf("the value is not one of the allowed%s", p.hint())
	}
	length := int64(utf8.RuneCountInString(value))
	if n, err := p.MinLength.Int64(); err == nil && length < n {
		return fmt.Errorf("the value has fewer than %d characters%s", n, p.hint())
	}
	if n, err := p.MaxLength.Int64(); err == nil && length > n {
		return fmt.Errorf("the value has more than %d characters%s", n, p.hint())
	}
	return p.checkNumber(value)
}

func (p parameter) checkNumber(value string) error {
	if p.Type != "Number" {
		return nil
	}
	number, err := json.Number(value).Float64()
	if err != nil {
		return fmt.Errorf("the value is not a number%s", p.hint())
	}
	if n, err := p.MinValue.Float64(); err == nil && number < n {
		return fmt.Errorf("the value is less than %s%s", p.MinValue, p.hint())
	}
	if n, err := p.MaxValue.Float64(); err == nil && number > n {
		return fmt.Errorf("the value is more than %s%s", p.MaxValue, p.hint())
	}
	return nil
}

func (p parameter) hint() string {
	if p.ConstraintDescription == "" {
		return ""
	}
	return ": " + p.ConstraintDescription
}

// text returns how CloudFormation formats a scalar where a string is required.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}
