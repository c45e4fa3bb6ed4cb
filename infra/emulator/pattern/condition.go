package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// condition is one of those that a field may match. Of the values that are found under the field one must be accepted.
// The condition that there is none has no accept.
type condition struct {
	accept func(value any) bool
}

func (c condition) matches(found []leaf) bool {
	if c.accept == nil {
		return len(found) == 0
	}
	return slices.ContainsFunc(found, func(one leaf) bool { return c.accept(one.value) })
}

// readers read what is said of each condition. It is filled by init, since a negation is made of other conditions.
var readers map[string]func(argument any) (condition, error)

func init() {
	readers = map[string]func(any) (condition, error){
		"anything-but":       readAnythingBut,
		"equals-ignore-case": textual(strings.EqualFold),
		"exists":             readExists,
		"numeric":            readNumeric,
		"prefix":             affix(strings.HasPrefix),
		"suffix":             affix(strings.HasSuffix),
		"wildcard":           readWildcard,
	}
}

// readCondition reads one condition, and gives its name if it is more than a value.
func readCondition(item any) (c condition, name string, err error) {
	switch item := item.(type) {
	case []any:
		return condition{}, "", fmt.Errorf("a value or a condition is expected, not the list %s", spell(item))
	case map[string]any:
		if len(item) != 1 {
			return condition{}, "", fmt.Errorf("one condition is expected, not %s", spell(item))
		}
		for name, argument := range item {
			read, ok := readers[name]
			if !ok {
				return condition{}, "", fmt.Errorf("the condition %q is not known", name)
			}
			c, err := read(argument)
			if err != nil {
				return condition{}, "", fmt.Errorf("%s: %w", name, err)
			}
			return c, name, nil
		}
	}
	return condition{func(value any) bool { return value == item }}, "", nil
}

// textual makes a condition of strings.
func textual(holds func(value, argument string) bool) func(any) (condition, error) {
	return func(argument any) (condition, error) {
		text, ok := argument.(string)
		if !ok {
			return condition{}, fmt.Errorf("a string is expected, not %s", spell(argument))
		}
		return condition{func(value any) bool {
			s, ok := value.(string)
			return ok && holds(s, text)
		}}, nil
	}
}

// affix makes a condition of how a string begins or ends, in which the case may be ignored.
func affix(holds func(value, argument string) bool) func(any) (condition, error) {
	return func(argument any) (condition, error) {
		folded, ok := argument.(map[string]any)
		if !ok {
			return textual(holds)(argument)
		}
		text, ok := folded["equals-ignore-case"].(string)
		if !ok || len(folded) != 1 {
			return condition{}, fmt.Errorf("a string, or one under equals-ignore-case, is expected, not %s", spell(argument))
		}
		return textual(func(value, argument string) bool {
			return holds(strings.ToLower(value), strings.ToLower(argument))
		})(text)
	}
}

func readExists(argument any) (condition, error) {
	exists, ok := argument.(bool)
	switch {
	case !ok:
		return condition{}, fmt.Errorf("true or false is expected, not %s", spell(argument))
	case exists:
		return condition{func(any) bool { return true }}, nil
	}
	return condition{}, nil
}

// negatable are the conditions that may stand within anything-but.
var negatable = []string{"equals-ignore-case", "prefix", "suffix", "wildcard"}

// readAnythingBut reads a value, a list of values, or a condition of one string or several.
func readAnythingBut(argument any) (condition, error) {
	list := []any{argument}
	switch argument := argument.(type) {
	case []any:
		list = argument
	case map[string]any:
		for name, inner := range argument {
			if len(argument) != 1 || !slices.Contains(negatable, name) {
				return condition{}, fmt.Errorf("one of %s is expected, not %s", strings.Join(negatable, ", "), spell(argument))
			}
			texts, ok := inner.([]any)
			if !ok {
				texts = []any{inner}
			}
			list = nil
			for _, text := range texts {
				list = append(list, map[string]any{name: text})
			}
		}
	default:
	}
	if len(list) == 0 {
		return condition{}, errors.New("an empty list is no condition")
	}
	refused := make([]condition, 0, len(list))
	for _, item := range list {
		if !isNegatable(item, argument) {
			return condition{}, fmt.Errorf("strings or numbers are expected, not %s", spell(argument))
		}
		c, _, err := readCondition(item)
		if err != nil {
			return condition{}, err
		}
		refused = append(refused, c)
	}
	return condition{func(value any) bool {
		return !slices.ContainsFunc(refused, func(c condition) bool { return c.accept(value) })
	}}, nil
}

// isNegatable reports whether a part of the argument of anything-but is a string, a number, or a condition made of it.
func isNegatable(item, argument any) bool {
	switch item := item.(type) {
	case string, json.Number:
		return true
	case map[string]any:
		_, isCondition := argument.(map[string]any)
		return isCondition && len(item) == 1
	}
	return false
}

// The numbers that EventBridge compares.
const numberLimit = 5e9

// readNumeric reads a comparison with a number, or two that make a range.
func readNumeric(argument any) (condition, error) {
	list, _ := argument.([]any)
	if len(list) != 2 && len(list) != 4 {
		return condition{}, fmt.Errorf("one comparison or two are expected, not %s", spell(argument))
	}
	var comparisons []func(float64) bool
	var operators []string
	for i := 0; i < len(list); i += 2 {
		operator, _ := list[i].(string)
		spelled, isNumber := list[i+1].(json.Number)
		number, err := spelled.Float64()
		if !isNumber || err != nil || number < -numberLimit || number > numberLimit {
			return condition{}, fmt.Errorf("a number within %g and %g is expected, not %s", -numberLimit, numberLimit, spell(list[i+1]))
		}
		compare, err := comparison(operator, number)
		if err != nil {
			return condition{}, err
		}
		comparisons, operators = append(comparisons, compare), append(operators, operator)
	}
	if len(operators) == 2 && (operators[0][0] != '>' || operators[1][0] != '<') {
		return condition{}, fmt.Errorf("a range is expected from > or >= to < or <=, not %s", spell(argument))
	}
	return condition{func(value any) bool {
		spelled, ok := value.(json.Number)
		number, err := spelled.Float64()
		if !ok || err != nil || number < -numberLimit || number > numberLimit {
			return false
		}
		return !slices.ContainsFunc(comparisons, func(holds func(float64) bool) bool { return !holds(number) })
	}}, nil
}

func comparison(operator string, number float64) (func(float64) bool, error) {
	switch operator {
	case "=":
		return func(value float64) bool { return value == number }, nil
	case "<":
		return func(value float64) bool { return value < number }, nil
	case "<=":
		return func(value float64) bool { return value <= number }, nil
	case ">":
		return func(value float64) bool { return value > number }, nil
	case ">=":
		return func(value float64) bool { return value >= number }, nil
	}
	return nil, fmt.Errorf("the comparison %q is not known", operator)
}

// readWildcard reads a text in which each * stands for any characters. A backslash takes the meaning from a * or from
// another backslash.
func readWildcard(argument any) (condition, error) {
	text, ok := argument.(string)
	if !ok {
		return condition{}, fmt.Errorf("a string is expected, not %s", spell(argument))
	}
	parts := []string{""} // what stands between the stars
	for i := 0; i < len(text); i++ {
		last := len(parts) - 1
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			parts[last] += text[i : i+1]
		case text[i] == '\\':
			return condition{}, fmt.Errorf("%q: only * and a backslash may follow a backslash", text)
		case text[i] != '*':
			parts[last] += text[i : i+1]
		case last > 0 && parts[last] == "":
			return condition{}, fmt.Errorf("%q: two * in a row", text)
		default:
			parts = append(parts, "")
		}
	}
	return textual(func(value, _ string) bool { return fits(value, parts) })(text)
}

// fits reports whether the parts occur in the value one after the other, the first at its beginning and the last at its
// end. To take each as early as possible leaves the most for those that follow.
func fits(value string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return value == parts[0]
	}
	rest, ok := strings.CutPrefix(value, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[last])
}
