package httpapi

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// Object reads the members of a JSON object and notes everything that is wrong
// with them, so that one answer names every bad field. A member that is null
// counts as absent. Close tells what was wrong, members that nothing has asked
// for included; until it has been called, values must not be used.
type Object struct {
	path     string
	members  map[string]jsontext.Value
	asked    map[string]bool
	problems *[]fault.Param
	children []*Object
}

// ReadObject reads a body. It fails with fault.MalformedJSON, or
// fault.InvalidRequest where the body is JSON but no object.
func ReadObject(body []byte) (*Object, error) {
	var value jsontext.Value
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, malformed(err)
	}
	object := newObject("", value, &[]fault.Param{})
	if object == nil {
		return nil, fault.New(fault.InvalidRequest, "The body must be a JSON object.")
	}
	return object, nil
}

func malformed(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax) {
		return fault.New(fault.MalformedJSON, "The body has the member %q twice.", syntax.JSONPointer)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.New(fault.MalformedJSON, "The body ends before its JSON does.")
	}
	if errors.As(err, &syntax) {
		return fault.New(fault.MalformedJSON, "The body is not valid JSON, at byte %d.", syntax.ByteOffset)
	}
	return fault.New(fault.MalformedJSON, "The body is not valid JSON.")
}

func newObject(path string, value jsontext.Value, problems *[]fault.Param) *Object {
	if value.Kind() != '{' {
		return nil
	}
	object := &Object{path: path, asked: map[string]bool{}, problems: problems}
	if json.Unmarshal(value, &object.members) != nil {
		return nil
	}
	return object
}

// Close is the fault that names everything that was wrong, or nil.
func (o *Object) Close() error {
	o.refuseUnknown()
	if len(*o.problems) > 0 {
		return fault.Invalid(*o.problems...)
	}
	return nil
}

func (o *Object) refuseUnknown() {
	var unknown []string
	for name := range o.members {
		if !o.asked[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		o.Refuse(name, "is not a known field")
	}
	for _, child := range o.children {
		child.refuseUnknown()
	}
}

// Refuse notes that a member is wrong.
func (o *Object) Refuse(name, format string, args ...any) {
	if o.path != "" {
		name = o.path + "." + name
	}
	*o.problems = append(*o.problems, fault.Param{Name: name, Reason: fmt.Sprintf(format, args...)})
}

// Has tells whether a member is there and not null.
func (o *Object) Has(name string) bool {
	_, there := o.member(name)
	return there
}

func (o *Object) member(name string) (jsontext.Value, bool) {
	o.asked[name] = true
	value, there := o.members[name]
	return value, there && value.Kind() != 'n'
}

// required is a member that must be there.
func (o *Object) required(name string) (jsontext.Value, bool) {
	value, there := o.member(name)
	if !there {
		o.Refuse(name, "is required")
	}
	return value, there
}

func (o *Object) child(name string, value jsontext.Value) *Object {
	path := name
	if o.path != "" {
		path = o.path + "." + name
	}
	child := newObject(path, value, o.problems)
	if child == nil {
		o.Refuse(name, "must be an object")
		return nil
	}
	o.children = append(o.children, child)
	return child
}

// Object is a required member that is an object; where it is not, one that is empty.
func (o *Object) Object(name string) *Object {
	value, there := o.required(name)
	if there {
		if child := o.child(name, value); child != nil {
			return child
		}
	}
	var ignored []fault.Param
	return &Object{asked: map[string]bool{}, problems: &ignored}
}

// Objects is a required member that is an array of least to most objects.
func (o *Object) Objects(name string, least, most int) []*Object {
	var objects []*Object
	for i, value := range o.array(name, least, most) {
		if child := o.child(fmt.Sprintf("%s[%d]", name, i), value); child != nil {
			objects = append(objects, child)
		}
	}
	return objects
}

func (o *Object) array(name string, least, most int) []jsontext.Value {
	value, there := o.required(name)
	if !there {
		return nil
	}
	var elements []jsontext.Value
	if value.Kind() != '[' || json.Unmarshal(value, &elements) != nil {
		o.Refuse(name, "must be an array")
		return nil
	}
	if len(elements) < least || len(elements) > most {
		o.Refuse(name, "must have %d to %d elements, has %d", least, most, len(elements))
		return nil
	}
	return elements
}

// Choices is a required member that is an array of distinct strings out of options.
func (o *Object) Choices(name string, options ...string) []string {
	var chosen []string
	for i, value := range o.array(name, 1, len(options)) {
		text, ok := stringOf(value)
		if !ok || !slices.Contains(options, text) || slices.Contains(chosen, text) {
			o.Refuse(fmt.Sprintf("%s[%d]", name, i), "must be one of %v, each at most once", options)
			continue
		}
		chosen = append(chosen, text)
	}
	return chosen
}

func stringOf(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	var text string
	err := json.Unmarshal(value, &text)
	return text, err == nil
}

// stringWhere is a member that is a string and passes a check, empty where it is absent.
func (o *Object) stringWhere(name, rule string, required bool, ok func(string) bool) string {
	value, there := o.member(name)
	if !there {
		if required {
			o.Refuse(name, "is required")
		}
		return ""
	}
	text, isString := stringOf(value)
	if !isString || !ok(text) {
		o.Refuse(name, "%s", rule)
		return ""
	}
	return text
}

const (
	idRule   = "must be 1 to 64 characters out of A-Z a-z 0-9 _ . : -"
	slugRule = "must be 1 to 32 characters out of a-z 0-9 _"
)

// ID is a required member that is an id.
func (o *Object) ID(name string) string { return o.stringWhere(name, idRule, true, isID) }

// OptionalID is an id, or empty.
func (o *Object) OptionalID(name string) string { return o.stringWhere(name, idRule, false, isID) }

// Slug is a required member that names a node, an action or a channel.
func (o *Object) Slug(name string) string { return o.stringWhere(name, slugRule, true, isSlug) }

// Text is a required member that is text for people, of 1 to most characters.
func (o *Object) Text(name string, most int) string {
	return o.stringWhere(name, textRule(1, most), true, func(s string) bool { return s != "" && isText(s, most) })
}

// OptionalText is text for people of at most most characters, or empty.
func (o *Object) OptionalText(name string, most int) string {
	return o.stringWhere(name, textRule(0, most), false, func(s string) bool { return isText(s, most) })
}

func textRule(least, most int) string {
	return fmt.Sprintf("must be text of %d to %d characters without control characters", least, most)
}

// OneOf is a member that is one of the options; fallback where it is absent,
// which an empty fallback does not allow.
func (o *Object) OneOf(name, fallback string, options ...string) string {
	if fallback != "" && !o.Has(name) {
		return fallback
	}
	return o.stringWhere(name, fmt.Sprintf("must be one of %v", options), true, func(s string) bool { return slices.Contains(options, s) })
}

// OperationID is a required member that is an operation id.
func (o *Object) OperationID(name string) ledger.OperationID {
	id, _ := ledger.CallerOperation(o.stringWhere(name, keyRule, true, func(s string) bool {
		_, ok := ledger.CallerOperation(s)
		return ok
	}))
	return id
}

// Amount is a required decimal within [least, most], at six decimals.
func (o *Object) Amount(name string, least, most credit.Amount) credit.Amount {
	value, there := o.required(name)
	if !there {
		return 0
	}
	return o.amount(name, value, least, most)
}

// OptionalAmount is a decimal within [least, most], or nil.
func (o *Object) OptionalAmount(name string, least, most credit.Amount) *credit.Amount {
	value, there := o.member(name)
	if !there {
		return nil
	}
	amount := o.amount(name, value, least, most)
	return &amount
}

func (o *Object) amount(name string, value jsontext.Value, least, most credit.Amount) credit.Amount {
	text, isString := stringOf(value)
	if !isString {
		text = string(value)
		if value.Kind() != '0' || !isWhole(text) {
			o.Refuse(name, `must be a decimal string such as "12.5", or a whole number`)
			return 0
		}
	}
	amount, err := credit.Parse(text)
	switch {
	case errors.Is(err, credit.ErrPrecision):
		o.Refuse(name, "must have at most 6 decimals")
	case errors.Is(err, credit.ErrSyntax):
		o.Refuse(name, `must be a decimal string such as "12.5", or a whole number`)
	case err != nil || amount < least || amount > most:
		o.Refuse(name, "must be between %s and %s", least, most)
	default:
		return amount
	}
	return 0
}

func isWhole(text string) bool {
	for i := range len(text) {
		if (text[i] < '0' || text[i] > '9') && (text[i] != '-' || i > 0) {
			return false
		}
	}
	return true
}

// Int is a whole number within [least, most]; fallback where it is absent.
func (o *Object) Int(name string, fallback, least, most int64) int64 {
	value, there := o.member(name)
	if !there {
		return fallback
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if value.Kind() != '0' || err != nil || n < least || n > most {
		o.Refuse(name, "must be a whole number between %d and %d", least, most)
		return fallback
	}
	return n
}

// Bool is true or false; fallback where it is absent.
func (o *Object) Bool(name string, fallback bool) bool {
	value, there := o.member(name)
	if !there {
		return fallback
	}
	if kind := value.Kind(); kind != 't' && kind != 'f' {
		o.Refuse(name, "must be true or false")
		return fallback
	}
	return value.Kind() == 't'
}

// Instant is an RFC 3339 time in UTC to the millisecond, or nil.
func (o *Object) Instant(name string) *time.Time {
	value, there := o.member(name)
	if !there {
		return nil
	}
	text, _ := stringOf(value)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 2000 || at.Year() > 9000 {
		o.Refuse(name, `must be an RFC 3339 time such as "2026-11-23T09:30:00Z"`)
		return nil
	}
	at = at.UTC().Truncate(time.Millisecond)
	return &at
}

const maxAmount = credit.Amount(math.MaxInt64)

func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == ':', c == '-':
		default:
			return false
		}
	}
	return true
}

func isSlug(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

func isText(s string, most int) bool {
	if utf8.RuneCountInString(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
