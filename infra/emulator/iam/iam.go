// Package iam evaluates identity-based IAM policies: whether the statements of a role allow a request.
//
// It supports the part of the language that the roles of functions use: Allow and Deny, wildcards in actions and
// resources, and conditions on strings. It refuses to parse anything else, so that no statement means more here than it
// does in AWS. It is independent of what services require of their callers and of whose policies these are.
package iam

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Request is one action on one resource.
type Request struct {
	Action   string // such as dynamodb:GetItem
	Resource string // its ARN
	// Context are the values of condition keys, such as dynamodb:LeadingKeys. A key that is absent is not in the
	// request.
	Context map[string][]string
}

// Policy is a list of statements. A request is allowed if one of them allows it and none denies it.
type Policy []Statement

// Statement is one statement of a policy.
type Statement struct {
	Deny       bool
	Actions    []string
	Resources  []string
	Conditions []Condition // all must hold
}

// Condition compares the values of a key with those of the statement.
type Condition struct {
	Key      string
	Values   []string
	like     bool // values may have wildcards
	foldCase bool
	negated  bool
	set      quantifier
}

// quantifier is how a key with several values is compared.
type quantifier int

const (
	single quantifier = iota // the key has one value
	forAllValues
	forAnyValue
)

// Allows reports whether the policy allows the request.
func (p Policy) Allows(r Request) bool {
	allowed := false
	for _, s := range p {
		if !s.Covers(r) {
			continue
		}
		if s.Deny {
			return false
		}
		allowed = true
	}
	return allowed
}

// Covers reports whether the statement is about the request, whatever its effect.
func (s Statement) Covers(r Request) bool {
	ofAction := func(pattern string) bool { return matches(strings.ToLower(pattern), strings.ToLower(r.Action)) }
	ofResource := func(pattern string) bool { return matches(pattern, r.Resource) }
	if !slices.ContainsFunc(s.Actions, ofAction) || !slices.ContainsFunc(s.Resources, ofResource) {
		return false
	}
	for _, c := range s.Conditions {
		if !c.holds(r.Context) {
			return false
		}
	}
	return true
}

func (c Condition) holds(context map[string][]string) bool {
	var given []string
	for key, values := range context { // names of keys have no case
		if strings.EqualFold(key, c.Key) {
			given = values
		}
	}
	fits := func(value string) bool { return slices.ContainsFunc(c.Values, c.matcher(value)) != c.negated }
	switch c.set {
	case forAllValues: // holds where the key is absent, as in AWS
		return !slices.ContainsFunc(given, func(value string) bool { return !fits(value) })
	case forAnyValue:
		return slices.ContainsFunc(given, fits)
	default:
		if len(given) == 0 {
			return c.negated
		}
		return len(given) == 1 && fits(given[0])
	}
}

func (c Condition) matcher(value string) func(pattern string) bool {
	return func(pattern string) bool {
		switch {
		case c.like:
			return matches(pattern, value)
		case c.foldCase:
			return strings.EqualFold(pattern, value)
		default:
			return pattern == value
		}
	}
}

// matches reports whether a text fits a pattern, in which * stands for any characters and ? for one.
func matches(pattern, text string) bool {
	star, from := -1, 0 // the last *, and where in the text its rest is tried
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// operators are the supported comparisons. Each has one for sets of values as well.
var operators = map[string]Condition{
	"StringEquals":              {},
	"StringNotEquals":           {negated: true},
	"StringEqualsIgnoreCase":    {foldCase: true},
	"StringNotEqualsIgnoreCase": {foldCase: true, negated: true},
	"StringLike":                {like: true},
	"StringNotLike":             {like: true, negated: true},
	"ArnEquals":                 {like: true},
	"ArnLike":                   {like: true},
	"Bool":                      {foldCase: true},
}

// Parse reads a policy document as JSON decodes it, intrinsic functions replaced by their values.
func Parse(document any) (Policy, error) {
	fields, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("iam: a policy document is an object, not %T", document)
	}
	var policy Policy
	for _, given := range list(fields["Statement"]) {
		s, err := parseStatement(given)
		if err != nil {
			return nil, fmt.Errorf("iam: %w", err)
		}
		policy = append(policy, s)
	}
	if len(policy) == 0 {
		return nil, fmt.Errorf("iam: a policy document without statements")
	}
	return policy, nil
}

func parseStatement(given any) (Statement, error) {
	fields, ok := given.(map[string]any)
	if !ok {
		return Statement{}, fmt.Errorf("a statement is an object, not %T", given)
	}
	var s Statement
	var err error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		switch name {
		case "Sid":
		case "Effect":
			s.Deny = value == "Deny"
			if value != "Deny" && value != "Allow" {
				return s, fmt.Errorf("the effect %v is neither Allow nor Deny", value)
			}
		case "Action":
			s.Actions, err = texts(value)
		case "Resource":
			s.Resources, err = texts(value)
		case "Condition":
			s.Conditions, err = parseConditions(value)
		default: // NotAction and NotResource among them
			return s, fmt.Errorf("%s of a statement is not held", name)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	if fields["Effect"] == nil || len(s.Actions) == 0 || len(s.Resources) == 0 {
		return s, fmt.Errorf("a statement needs an Effect, an Action and a Resource")
	}
	return s, nil
}

func parseConditions(given any) ([]Condition, error) {
	byOperator, ok := given.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("an object is expected, not %T", given)
	}
	var conditions []Condition
	for _, operator := range slices.Sorted(maps.Keys(byOperator)) {
		name, set := operator, single
		if rest, ok := strings.CutPrefix(operator, "ForAllValues:"); ok {
			name, set = rest, forAllValues
		} else if rest, ok := strings.CutPrefix(operator, "ForAnyValue:"); ok {
			name, set = rest, forAnyValue
		}
		c, known := operators[name]
		keys, ok := byOperator[operator].(map[string]any)
		if !known || !ok {
			return nil, fmt.Errorf("the operator %s is not held", operator)
		}
		c.set = set
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			values, err := texts(keys[key])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", operator, key, err)
			}
			if len(values) == 0 {
				return nil, fmt.Errorf("%s: %s: no value to compare with", operator, key)
			}
			c.Key, c.Values = key, values
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// list returns a slice of what the language allows to be one value or several.
func list(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func texts(value any) ([]string, error) {
	var found []string
	for _, one := range list(value) {
		text, ok := one.(string)
		if !ok {
			return nil, fmt.Errorf("a text is expected, not %v", one)
		}
		found = append(found, text)
	}
	return found, nil
}
