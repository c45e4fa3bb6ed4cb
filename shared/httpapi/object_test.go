package httpapi_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
)

func object(t *testing.T, text string) *httpapi.Object {
	t.Helper()
	o, err := httpapi.ReadObject([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// refused lists what Close names, each as "path: reason".
func refused(t *testing.T, o *httpapi.Object) []string {
	t.Helper()
	var f *fault.Error
	err := o.Close()
	if err == nil {
		return nil
	}
	if !errors.As(err, &f) || f.Code != fault.InvalidRequest {
		t.Fatalf("Close fails with %v", err)
	}
	var named []string
	for _, param := range f.Params {
		named = append(named, param.Name+": "+param.Reason)
	}
	return named
}

// wantRefused checks that each refusal begins with its want, in any order.
func wantRefused(t *testing.T, o *httpapi.Object, want ...string) {
	t.Helper()
	got := refused(t, o)
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) }) {
			t.Errorf("nothing is refused as %q, only %q", w, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("refused are %q, want %q", got, want)
	}
}

func TestReadObject(t *testing.T) {
	for text, want := range map[string]struct {
		code   fault.Code
		detail string
	}{
		``:                              {fault.MalformedJSON, "ends before"},
		` `:                             {fault.MalformedJSON, "ends before"},
		`{"a":`:                         {fault.MalformedJSON, "ends before"},
		`{"a":1`:                        {fault.MalformedJSON, "ends before"},
		`{"a":1}}`:                      {fault.MalformedJSON, "at byte 7"},
		`{"a":1} {"a":1}`:               {fault.MalformedJSON, "at byte 8"},
		`{a:1}`:                         {fault.MalformedJSON, "at byte 1"},
		`{"a":01}`:                      {fault.MalformedJSON, "not valid JSON"},
		`{"a":NaN}`:                     {fault.MalformedJSON, "not valid JSON"},
		"{\"a\":\"\xff\"}":              {fault.MalformedJSON, "not valid JSON"},
		`{"a":1,"a":1}`:                 {fault.MalformedJSON, `"/a" twice`},
		`{"a":1,"\u0061":1}`:            {fault.MalformedJSON, `"/a" twice`},
		`{"l":[0,{"b":{"c":1,"c":2}}]}`: {fault.MalformedJSON, `"/l/1/b/c" twice`},
		strings.Repeat(`[`, 100_000):    {fault.MalformedJSON, ""},
		`[]`:                            {fault.InvalidRequest, "must be a JSON object"},
		`null`:                          {fault.InvalidRequest, "must be a JSON object"},
		`"{}"`:                          {fault.InvalidRequest, "must be a JSON object"},
	} {
		_, err := httpapi.ReadObject([]byte(text))
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != want.code || !strings.Contains(f.Detail, want.detail) {
			t.Errorf("%.40q is answered with %v, want %s %q", text, err, want.code, want.detail)
		}
	}
}

func TestUnknownMembersAreNamedByTheirPath(t *testing.T) {
	o := object(t, `{"z":null,"b":1,"o":{"id":"x","w":{}},"l":[{"n":"a"},{"n":"b","m":1}],"deep":{"l":[{"n":"a","o":{"m":1}}]}}`)
	o.Object("o").ID("id")
	o.Object("deep").Objects("l", 1, 5)[0].Object("o").Slug("n")
	for _, line := range o.Objects("l", 1, 5) {
		line.Slug("n")
	}
	wantRefused(t, o, "b: is not a known field", "z: is not a known field", "o.w: is not a known field", "l[1].m: is not a known field",
		"deep.l[0].n: is not a known field", "deep.l[0].o.m: is not a known field", "deep.l[0].o.n: is required")
}

func TestWrongTypesAreNamedByTheirPath(t *testing.T) {
	o := object(t, `{"id":7,"slug":"A","text":"a\u0007","one":"three","list":{},"objects":[{},"x"],"object":[],
		"int":1.5,"string_int":"1","at":"tomorrow","at_number":1,"operation":"a b","choices":["x","x","y",4]}`)
	o.ID("id")
	o.Slug("slug")
	o.Text("text", 10)
	o.OneOf("one", "", "one", "two")
	o.Objects("list", 1, 2)
	o.Objects("objects", 1, 2)
	o.Object("object").ID("id")
	o.Int("int", 0, 0, 10)
	o.Int("string_int", 0, 0, 10)
	o.Instant("at")
	o.Instant("at_number")
	o.OperationID("operation")
	o.Choices("choices", "x", "y", "z", "v")
	wantRefused(t, o, "id: must be 1 to 64", "slug: must be 1 to 32", "text: must be text of 1 to 10", "one: must be one of [one two]",
		"list: must be an array", "objects[1]: must be an object", "object: must be an object",
		"int: must be a whole number between 0 and 10", "string_int: must be a whole number", "at: must be an RFC 3339 time",
		"at_number: must be an RFC 3339 time", "operation: must be 1 to 128 visible", "choices[1]: must be one of", "choices[3]: must be one of")
}

func TestNullCountsAsAbsent(t *testing.T) {
	o := object(t, `{"id":null,"text":null,"amount":null,"at":null,"int":null,"one":null,"list":null}`)
	if o.Has("id") || o.OptionalID("id") != "" || o.OptionalText("text", 5) != "" || o.OptionalAmount("amount", 0, 5) != nil ||
		o.Instant("at") != nil || o.Int("int", 7, 0, 10) != 7 || o.OneOf("one", "a", "a", "b") != "a" {
		t.Error("null is read as a value")
	}
	o.Objects("list", 1, 2)
	wantRefused(t, o, "list: is required")
}

func TestRequiredMembers(t *testing.T) {
	o := object(t, `{}`)
	o.ID("id")
	o.Slug("slug")
	o.Text("text", 5)
	o.OneOf("one", "", "a")
	o.OperationID("operation")
	o.Amount("amount", 0, 5)
	o.Object("object").ID("id")
	o.Objects("objects", 1, 2)
	o.Choices("choices", "a")
	var want []string
	for _, name := range []string{"id", "slug", "text", "one", "operation", "amount", "object", "objects", "choices"} {
		want = append(want, name+": is required")
	}
	wantRefused(t, o, want...)
}

func TestAmounts(t *testing.T) {
	const syntax, between, precision = "a: must be a decimal string", "a: must be between", "a: must have at most 6 decimals"
	for text, want := range map[string]any{
		`"12.5"`:                  credit.Amount(12_500_000),
		`"0.000001"`:              credit.Micro,
		`"007"`:                   7 * credit.Credit,
		`12`:                      12 * credit.Credit,
		`0`:                       credit.Amount(0),
		`-1`:                      between,
		`"-0.5"`:                  between,
		`"101"`:                   between,
		`101`:                     between,
		`"9223372036854.775808"`:  between,
		`99999999999999999999999`: between,
		`"0.0000001"`:             precision,
		`"1.0000000"`:             precision,
		`12.0`:                    syntax,
		`12.5`:                    syntax,
		`1e2`:                     syntax,
		`"1e2"`:                   syntax,
		`"+1"`:                    syntax,
		`".5"`:                    syntax,
		`"5."`:                    syntax,
		`" 5"`:                    syntax,
		`"1,5"`:                   syntax,
		`""`:                      syntax,
		`"NaN"`:                   syntax,
		`true`:                    syntax,
		`[1]`:                     syntax,
		`{"a":1}`:                 syntax,
	} {
		o := object(t, `{"a":`+text+`}`)
		got := o.Amount("a", 0, 100*credit.Credit)
		if reason, isRefusal := want.(string); isRefusal {
			wantRefused(t, o, reason)
		} else if named := refused(t, o); named != nil || got != want {
			t.Errorf("%s is read as %v, %q; want %v", text, got, named, want)
		}
	}
}

func TestBounds(t *testing.T) {
	id, slug := strings.Repeat("i", 64), strings.Repeat("s", 32)
	o := object(t, `{"id":"`+id+`","slug":"`+slug+`","text":"`+strings.Repeat("ü", 10)+`","int":10,"least":0,"list":[{},{}]}`)
	if o.ID("id") != id || o.Slug("slug") != slug || o.Text("text", 10) == "" || o.Int("int", 0, 0, 10) != 10 || o.Int("least", 5, 0, 10) != 0 ||
		len(o.Objects("list", 1, 2)) != 2 || o.Close() != nil {
		t.Errorf("what is just within its bounds is refused: %v", o.Close())
	}
	o = object(t, `{"id":"`+id+`i","slug":"`+slug+`s","text":"`+strings.Repeat("ü", 11)+`","empty":"","int":11,"less":-1,"list":[{},{},{}],"none":[],"ids":"a/b"}`)
	o.ID("id")
	o.ID("ids")
	o.Slug("slug")
	o.Text("text", 10)
	o.Text("empty", 10)
	o.Int("int", 0, 0, 10)
	o.Int("less", 0, 0, 10)
	o.Objects("list", 1, 2)
	o.Objects("none", 1, 2)
	wantRefused(t, o, "id:", "ids:", "slug:", "text:", "empty:", "int:", "less:", "list: must have 1 to 2 elements, has 3", "none: must have 1 to 2 elements, has 0")
}

func TestInstants(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23T09:30:00Z":                "2026-11-23T09:30:00Z",
		"2026-11-23T10:30:00.1259+01:00":      "2026-11-23T09:30:00.125Z",
		"2026-11-23T09:30:00.123456789-00:00": "2026-11-23T09:30:00.123Z",
		"2026-11-23":                          "",
		"2026-11-23T09:30:00":                 "",
		"2026-02-30T09:30:00Z":                "",
		"1999-12-31T23:59:59Z":                "",
		"9001-01-01T00:00:00Z":                "",
		"0001-01-01T00:00:00Z":                "",
		"":                                    "",
	} {
		o := object(t, `{"at":"`+text+`"}`)
		at := o.Instant("at")
		if want == "" {
			wantRefused(t, o, "at: must be an RFC 3339 time")
		} else if at == nil || at.Format(time.RFC3339Nano) != want || at.Location() != time.UTC {
			t.Errorf("%q is read as %v, want %s", text, at, want)
		}
	}
}
