package iam

import (
	"encoding/json"
	"strings"
	"testing"
)

func policy(t *testing.T, statements string) Policy {
	t.Helper()
	p, err := parse(t, statements)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parse(t *testing.T, statements string) (Policy, error) {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(`{"Version":"2012-10-17","Statement":`+statements+`}`), &document); err != nil {
		t.Fatal(err)
	}
	return Parse(document)
}

func TestActionsAndResources(t *testing.T) {
	p := policy(t, `[
		{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Put*"],"Resource":"arn:aws:dynamodb:r:1:table/T"},
		{"Effect":"Allow","Action":"dynamodb:Query","Resource":["arn:aws:dynamodb:r:1:table/T/index/a?c"]},
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}]`)
	const table = "arn:aws:dynamodb:r:1:table/T"
	for _, c := range []struct {
		action, resource string
		want             bool
	}{
		{"dynamodb:GetItem", table, true},
		{"DynamoDB:getitem", table, true}, // actions have no case
		{"dynamodb:PutItem", table, true},
		{"dynamodb:GetItems", table, false},
		{"dynamodb:Query", table, false}, // an index is no part of its table
		{"dynamodb:GetItem", table + "/index/abc", false},
		{"dynamodb:Query", table + "/index/abc", true},
		{"dynamodb:Query", table + "/index/abbc", false},
		{"dynamodb:GetItem", strings.ToUpper(table), false}, // resources have
		{"s3:GetObject", "arn:aws:s3:::bucket/a/b", true},
		{"s3:GetObject", "arn:aws:s3:::bucket", false},
		{"s3:GetObject", "arn:aws:s3:::bucket2/a", false},
	} {
		if got := p.Allows(Request{Action: c.action, Resource: c.resource}); got != c.want {
			t.Errorf("%s on %s: %v", c.action, c.resource, got)
		}
	}
}

func TestADenialPrevails(t *testing.T) {
	p := policy(t, `[{"Effect":"Deny","Action":"s:Delete*","Resource":"*"},{"Effect":"Allow","Action":"s:*","Resource":"*"}]`)
	if !p.Allows(Request{Action: "s:Get", Resource: "r"}) || p.Allows(Request{Action: "s:DeleteAll", Resource: "r"}) {
		t.Error("want everything allowed but deletions")
	}
}

func TestConditions(t *testing.T) {
	for _, c := range []struct {
		name, condition string
		values          []string // of the key k; nil: it is absent
		want            bool
	}{
		{"equal", `{"StringEquals":{"k":"a"}}`, []string{"a"}, true},
		{"one of several", `{"StringEquals":{"k":["a","b"]}}`, []string{"b"}, true},
		{"no wildcards", `{"StringEquals":{"k":"a*"}}`, []string{"ab"}, false},
		{"absent", `{"StringEquals":{"k":"a"}}`, nil, false},
		{"names of keys have no case", `{"StringEquals":{"K":"a"}}`, []string{"a"}, true},
		{"several where one is expected", `{"StringEquals":{"k":["a","b"]}}`, []string{"a", "b"}, false},
		{"not equal", `{"StringNotEquals":{"k":"a"}}`, []string{"b"}, true},
		{"not unequal", `{"StringNotEquals":{"k":"a"}}`, []string{"a"}, false},
		{"not equal for being absent", `{"StringNotEquals":{"k":"a"}}`, nil, true},
		{"like", `{"StringLike":{"k":"A#*"}}`, []string{"A#x"}, true},
		{"unlike", `{"StringLike":{"k":"A#*"}}`, []string{"B#x"}, false},
		{"every value", `{"ForAllValues:StringLike":{"k":["A#*","C"]}}`, []string{"A#x", "C"}, true},
		{"one value of others", `{"ForAllValues:StringLike":{"k":["A#*","C"]}}`, []string{"A#x", "D"}, false},
		{"every value of none", `{"ForAllValues:StringLike":{"k":"A#*"}}`, nil, true},
		{"some value", `{"ForAnyValue:StringEquals":{"k":"a"}}`, []string{"b", "a"}, true},
		{"some value of none", `{"ForAnyValue:StringEquals":{"k":"a"}}`, nil, false},
		{"all conditions", `{"StringLike":{"k":"a*"},"StringEquals":{"other":"x"}}`, []string{"ab"}, false},
		{"a boolean", `{"Bool":{"k":"true"}}`, []string{"True"}, true},
	} {
		p := policy(t, `{"Effect":"Allow","Action":"s:A","Resource":"r","Condition":`+c.condition+`}`)
		r := Request{Action: "s:A", Resource: "r"}
		if c.values != nil {
			r.Context = map[string][]string{"k": c.values}
		}
		if got := p.Allows(r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A statement that is passed over would mean less than it does in AWS, or more.
func TestWhatIsNotHeldIsRefused(t *testing.T) {
	for _, statements := range []string{
		`[]`,
		`["Allow"]`,
		`{"Effect":"Allow","NotAction":"s:A","Resource":"r"}`,
		`{"Effect":"Allow","Action":"s:A","NotResource":"r"}`,
		`{"Effect":"Allow","Action":"s:A"}`,
		`{"Effect":"Allow","Resource":"r"}`,
		`{"Action":"s:A","Resource":"r"}`,
		`{"Effect":"allow","Action":"s:A","Resource":"r"}`,
		`{"Effect":"Allow","Action":"s:A","Resource":{"Ref":"Table"}}`,
		`{"Effect":"Allow","Action":"s:A","Resource":"r","Condition":{"DateLessThan":{"k":"2030-01-01"}}}`,
		`{"Effect":"Allow","Action":"s:A","Resource":"r","Condition":{"StringEqualsIfExists":{"k":"a"}}}`,
		`{"Effect":"Allow","Action":"s:A","Resource":"r","Condition":{"StringEquals":{"k":[]}}}`,
	} {
		if p, err := parse(t, statements); err == nil {
			t.Errorf("%s is parsed as %+v", statements, p)
		}
	}
}

func TestWildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*", "a", true}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*b*c", "axxbyybzc", true}, {"a*b*c", "axxcyyb", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"**", "x", true},
		{"*ab", "aab", true}, {"a*?", "a", false},
	} {
		if got := matches(c.pattern, c.text); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.text, got)
		}
	}
}
