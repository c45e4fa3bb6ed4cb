package template

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// noValue is the value of Ref of AWS::NoValue: the property counts as not given.
type noValue struct{}

// function is an intrinsic of the form {"name": argument}.
type function func(s *Stack, argument any) (any, error)

// functions is filled by init, since the functions evaluate their own arguments.
var functions map[string]function

func init() {
	functions = map[string]function{
		"Ref":           (*Stack).ref,
		"Condition":     (*Stack).conditionNamed,
		"Fn::GetAtt":    (*Stack).getAtt,
		"Fn::Join":      (*Stack).join,
		"Fn::Sub":       (*Stack).sub,
		"Fn::Select":    (*Stack).selectItem,
		"Fn::Split":     (*Stack).split,
		"Fn::If":        (*Stack).ifThen,
		"Fn::FindInMap": (*Stack).findInMap,
		"Fn::Base64":    (*Stack).base64,
	}
}

// Evaluate replaces the intrinsic functions in a value of the template.
func (s *Stack) Evaluate(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			f, known := functions[name]
			if !known {
				return nil, fmt.Errorf("the function %s cannot be evaluated", name)
			}
			return f(s, argument)
		}
		return s.evaluateMap(v)
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			value, err := s.Evaluate(item)
			if err != nil {
				return nil, err
			}
			if value != (noValue{}) {
				list = append(list, value)
			}
		}
		return list, nil
	case string:
		if strings.Contains(v, "{{resolve:") {
			return nil, fmt.Errorf("the dynamic reference %q cannot be resolved", v)
		}
	}
	return v, nil
}

func (s *Stack) evaluateMap(m map[string]any) (any, error) {
	result := make(map[string]any, len(m))
	for key, item := range m {
		value, err := s.Evaluate(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if value != (noValue{}) {
			result[key] = value
		}
	}
	return result, nil
}

func intrinsic(m map[string]any) (name string, argument any, ok bool) {
	if len(m) != 1 {
		return "", nil, false
	}
	for name, argument = range m {
		// A bare "Condition" is a function only within conditions: elsewhere it is a key of policy statements.
		_, isString := argument.(string)
		ok = name == "Ref" || strings.HasPrefix(name, "Fn::") || name == "Condition" && isString
	}
	return name, argument, ok
}

// EvaluateString evaluates a value that must be a string.
func (s *Stack) EvaluateString(v any) (string, error) {
	value, err := s.Evaluate(v)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string, json.Number, bool:
		return text(value), nil
	default:
		return "", fmt.Errorf("a string is expected, not %T", value)
	}
}

func (s *Stack) ref(argument any) (any, error) {
	name, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("a name is expected to refer to, not %T", argument)
	}
	switch name {
	case "AWS::Region":
		return Region, nil
	case "AWS::AccountId":
		return AccountID, nil
	case "AWS::Partition":
		return Partition, nil
	case "AWS::URLSuffix":
		return URLSuffix, nil
	case "AWS::StackName":
		return s.StackName, nil
	case "AWS::StackId":
		return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/%s", Partition, Region, AccountID, s.StackName, s.id), nil
	case "AWS::NoValue":
		return noValue{}, nil
	}
	if value, ok := s.parameters[name]; ok {
		return value, nil
	}
	return s.attribute(name, "")
}

func (s *Stack) attribute(id, name string) (any, error) {
	r, ok := s.resources[id]
	if !ok {
		return nil, fmt.Errorf("the template has no resource %q", id)
	}
	return s.Attribute(r, name)
}

func (s *Stack) getAtt(argument any) (any, error) {
	switch argument := argument.(type) {
	case string:
		if id, name, ok := strings.Cut(argument, "."); ok {
			return s.attribute(id, name)
		}
	case []any:
		if len(argument) == 2 {
			id, isString := argument[0].(string)
			name, err := s.EvaluateString(argument[1])
			if isString && err == nil {
				return s.attribute(id, name)
			}
		}
	}
	return nil, fmt.Errorf("Fn::GetAtt cannot take %v", argument)
}

// pair takes the two arguments of a function, the first of them evaluated.
func (s *Stack) pair(argument any, wanted string) (first string, second any, err error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 2 {
		return "", nil, errors.New(wanted)
	}
	first, err = s.EvaluateString(list[0])
	return first, list[1], err
}

func (s *Stack) join(argument any) (any, error) {
	delimiter, list, err := s.pair(argument, "Fn::Join wants a delimiter and a list")
	if err != nil {
		return nil, err
	}
	parts, err := s.strings(list)
	if err != nil {
		return nil, err
	}
	return strings.Join(parts, delimiter), nil
}

func (s *Stack) strings(v any) ([]string, error) {
	value, err := s.Evaluate(v)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("a list is expected, not %T", value)
	}
	parts := make([]string, 0, len(list))
	for _, item := range list {
		part, err := s.EvaluateString(item)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

var substitution = regexp.MustCompile(`\$\{[^}]+\}`)

func (s *Stack) sub(argument any) (any, error) {
	var locals map[string]any
	if list, ok := argument.([]any); ok && len(list) == 2 {
		argument = list[0]
		locals, _ = list[1].(map[string]any)
	}
	pattern, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("Fn::Sub wants a string")
	}
	var failure error
	result := substitution.ReplaceAllStringFunc(pattern, func(match string) string {
		value, err := s.substitute(strings.TrimSpace(match[2:len(match)-1]), locals)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return result, failure
}

func (s *Stack) substitute(name string, locals map[string]any) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	if local, ok := locals[name]; ok {
		return s.EvaluateString(local)
	}
	if strings.Contains(name, ".") {
		return s.EvaluateString(map[string]any{"Fn::GetAtt": name})
	}
	return s.EvaluateString(map[string]any{"Ref": name})
}

func (s *Stack) selectItem(argument any) (any, error) {
	spelled, list, err := s.pair(argument, "Fn::Select wants an index and a list")
	if err != nil {
		return nil, err
	}
	value, err := s.Evaluate(list)
	if err != nil {
		return nil, err
	}
	items, _ := value.([]any)
	index, err := json.Number(spelled).Int64()
	if err != nil || index < 0 || index >= int64(len(items)) {
		return nil, fmt.Errorf("Fn::Select: there is no item %s among %d", spelled, len(items))
	}
	return items[index], nil
}

func (s *Stack) split(argument any) (any, error) {
	delimiter, text, err := s.pair(argument, "Fn::Split wants a delimiter and a string")
	if err != nil {
		return nil, err
	}
	whole, err := s.EvaluateString(text)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for part := range strings.SplitSeq(whole, delimiter) {
		items = append(items, part)
	}
	return items, nil
}

func (s *Stack) findInMap(argument any) (any, error) {
	keys, err := s.strings(argument)
	if err != nil {
		return nil, err
	}
	if len(keys) != 3 {
		return nil, fmt.Errorf("Fn::FindInMap wants three keys")
	}
	value, ok := s.body.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, fmt.Errorf("Fn::FindInMap finds nothing under %s", strings.Join(keys, ", "))
	}
	return s.Evaluate(value)
}

func (s *Stack) base64(argument any) (any, error) {
	value, err := s.EvaluateString(argument)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(value)), nil
}

func (s *Stack) ifThen(argument any) (any, error) {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return nil, fmt.Errorf("Fn::If wants a condition and two values")
	}
	holds, err := s.conditionNamed(list[0])
	if err != nil {
		return nil, err
	}
	if holds == true {
		return s.Evaluate(list[1])
	}
	return s.Evaluate(list[2])
}

func (s *Stack) conditionNamed(argument any) (any, error) {
	name, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("a condition's name is expected, not %T", argument)
	}
	return s.condition(name, nil)
}

// condition evaluates a condition by its name; path holds the conditions on the way, to detect a cycle.
func (s *Stack) condition(name string, path []string) (bool, error) {
	if holds, ok := s.conditions[name]; ok {
		return holds, nil
	}
	body, ok := s.body.Conditions[name]
	if !ok {
		return false, fmt.Errorf("the template has no condition %q", name)
	}
	if slices.Contains(path, name) {
		return false, fmt.Errorf("the condition %q depends on itself", name)
	}
	holds, err := s.holds(body, append(path, name))
	if err != nil {
		return false, fmt.Errorf("condition %q: %w", name, err)
	}
	s.conditions[name] = holds
	return holds, nil
}

func (s *Stack) holds(v any, path []string) (bool, error) {
	m, _ := v.(map[string]any)
	name, argument, _ := intrinsic(m)
	list, _ := argument.([]any)
	switch {
	case name == "Condition":
		other, _ := argument.(string) // it is one, or it would be no function
		return s.condition(other, path)
	case name == "Fn::Equals" && len(list) == 2:
		left, err := s.EvaluateString(list[0])
		if err != nil {
			return false, err
		}
		right, err := s.EvaluateString(list[1])
		return left == right, err
	case name == "Fn::Not" && len(list) == 1:
		holds, err := s.holds(list[0], path)
		return !holds, err
	case (name == "Fn::And" || name == "Fn::Or") && len(list) > 0:
		for _, item := range list {
			holds, err := s.holds(item, path)
			if err != nil || holds == (name == "Fn::Or") {
				return holds, err
			}
		}
		return name == "Fn::And", nil
	}
	return false, fmt.Errorf("%v cannot be evaluated", v)
}
