package pattern_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"drawdown/infra/emulator/pattern"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern  string
		matching string // events, one a line
		other    string
	}{
		{`{"a":["x","y"]}`, `{"a":"x"}
			{"a":"y","b":1}
			{"a":["z","y"]}
			{"a":[["z"],["x"]]}`, `{"a":"X"}
			{"a":null}
			{"a":[]}
			{"a":{"x":"x"}}
			{"b":"x"}
			["x"]
			{"a":"x"`},
		{`{"a":[1,true,null,""]}`, `{"a":1}
			{"a":true}
			{"a":null}
			{"a":""}`, `{"a":"1"}
			{"a":1.0}
			{"a":false}
			{"a":"null"}
			{}`},
		{`{"a":["x"],"b":{"c":[1]}}`, `{"a":"x","b":{"c":1,"d":2}}`, `{"a":"x"}
			{"a":"x","b":1}
			{"a":"y","b":{"c":1}}
			{"a":"x","b":{"c":2}}`},
		{`{"a":{"b":[1],"c":[2]}}`, `{"a":[{"b":0,"c":2},{"b":1,"c":2}]}`, `{"a":[{"b":1,"c":0},{"b":0,"c":2}]}`},
		{`{"a":[{"prefix":"ab"}]}`, `{"a":"ab"}
			{"a":"abc"}`, `{"a":"Abc"}
			{"a":"xab"}
			{"a":1}`},
		{`{"a":[{"prefix":{"equals-ignore-case":"aB"}}]}`, `{"a":"Abc"}`, `{"a":"bc"}`},
		{`{"a":[{"suffix":".png"},"x"]}`, `{"a":"a.png"}
			{"a":"x"}`, `{"a":"a.PNG"}
			{"a":"a.png2"}`},
		{`{"a":[{"suffix":{"equals-ignore-case":".png"}}]}`, `{"a":"a.PNG"}`, `{"a":"a.gif"}`},
		{`{"a":[{"equals-ignore-case":"aLiCe"}]}`, `{"a":"Alice"}`, `{"a":"Alice2"}
			{"a":null}`},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":"y"}
			{"a":1}
			{"a":null}
			{"a":["x","y"]}`, `{"a":"x"}
			{"a":["x","x"]}
			{"a":[]}
			{}`},
		{`{"a":[{"anything-but":["x",100]}]}`, `{"a":"100"}
			{"a":10}`, `{"a":"x"}
			{"a":100}`},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"ax"}
			{"a":5}`, `{"a":"xa"}`},
		{`{"a":[{"anything-but":{"prefix":["x","y"]}}]}`, `{"a":"z"}`, `{"a":"xa"}
			{"a":"ya"}`},
		{`{"a":[{"anything-but":{"suffix":"x"}}]}`, `{"a":"xa"}`, `{"a":"ax"}`},
		{`{"a":[{"anything-but":{"equals-ignore-case":["x","y"]}}]}`, `{"a":"xx"}`, `{"a":"Y"}`},
		{`{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}`, `{"a":"/bin/x"}`, `{"a":"/usr/lib/x"}`},
		{`{"a":[{"exists":true}]}`, `{"a":null}
			{"a":0}`, `{}
			{"a":[]}
			{"a":{"b":1}}`},
		{`{"a":[{"exists":false}]}`, `{}
			{"a":{"b":1}}
			{"a":[]}`, `{"a":null}
			{"a":0}`},
		{`{"a":{"b":[{"exists":false}]}}`, `{}
			{"a":{"c":1}}
			{"a":1}`, `{"a":{"b":1}}`},
		{`{"a":[{"exists":false},"x"]}`, `{}
			{"a":"x"}`, `{"a":"y"}`},
		{`{"a":[{"numeric":["=",3]}]}`, `{"a":3}
			{"a":3.0}
			{"a":[1,3e0]}`, `{"a":"3"}
			{"a":2}`},
		{`{"a":[{"numeric":[">",0,"<=",5]}]}`, `{"a":0.00001}
			{"a":5}`, `{"a":0}
			{"a":5.00001}
			{"a":1e400}
			{"a":null}`},
		{`{"a":[{"numeric":[">=",-1.5]}]}`, `{"a":-1.5}`, `{"a":-1.6}
			{"a":6e9}`},
		{`{"a":[{"numeric":["<",2]}]}`, `{"a":1}`, `{"a":2}`},
		{`{"a":[{"wildcard":"a*c*e"}]}`, `{"a":"ace"}
			{"a":"a-c-c-e-e"}`, `{"a":"ac"}
			{"a":"aec"}
			{"a":"xace"}
			{"a":"acex"}`},
		{`{"a":[{"wildcard":"ab*ba"}]}`, `{"a":"abba"}`, `{"a":"aba"}`},
		{`{"a":[{"wildcard":"a\\*\\\\*"}]}`, `{"a":"a*\\b"}`, `{"a":"ax\\b"}`},
		{`{"a":[{"wildcard":"plain"}]}`, `{"a":"plain"}`, `{"a":"plains"}`},
		{`{"$or":[{"a":[1]},{"b":[2],"c":[3]}]}`, `{"a":1}
			{"b":2,"c":3}`, `{"b":2}
			{"c":3}`},
		{`{"d":["x"],"e":{"$or":[{"a":[1]},{"b":[2]}]}}`, `{"d":"x","e":{"a":1}}
			{"d":"x","e":{"b":2}}`, `{"d":"y","e":{"a":1}}
			{"d":"x","a":1}`},
	} {
		p, err := pattern.Parse([]byte(c.pattern))
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for events, want := range map[string]bool{c.matching: true, c.other: false} {
			for event := range strings.SplitSeq(events, "\n") {
				if got := p.MatchJSON([]byte(event)); got != want {
					t.Errorf("%s matches %s: %t, want %t", c.pattern, strings.TrimSpace(event), got, want)
				}
			}
		}
	}
}

func TestWhatIsNoPattern(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "unexpected EOF", `[]`: "an object is expected", `{}`: "an empty object", `{"a":[]}`: "a: an empty list", `{"a":{}}`: "a: an empty object",
		`{"a":["x"]} {}`: "something follows", `{"a":"x"}`: `a: a list or an object is expected, not "x"`, `{"a":[["x"]]}`: "not the list",
		`{"a":[{"cidr":"10.0.0.0/24"}]}`: `a: the condition "cidr" is not known`, `{"a":[{"prefix":"x","suffix":"y"}]}`: "one condition is expected",
		`{"a":[{}]}`: "one condition is expected", `{"a":{"b":[{"prefix":1}]}}`: "a: b: prefix: a string is expected, not 1",
		`{"a":[{"prefix":{"suffix":"x"}}]}`: "under equals-ignore-case", `{"a":[{"suffix":null}]}`: "a string is expected", `{"a":[{"equals-ignore-case":["x"]}]}`: "a string is expected",
		`{"a":[{"exists":"true"}]}`: "true or false is expected", `{"a":[{"anything-but":[]}]}`: "an empty list", `{"a":[{"anything-but":[true]}]}`: "strings or numbers are expected",
		`{"a":[{"anything-but":null}]}`: "strings or numbers are expected", `{"a":[{"anything-but":{"numeric":["=",1]}}]}`: "one of equals-ignore-case",
		`{"a":[{"anything-but":[{"prefix":"x"}]}]}`: "strings or numbers are expected", `{"a":[{"anything-but":{"prefix":[1]}}]}`: "a string is expected",
		`{"a":[{"numeric":["=",1,"<"]}]}`: "one comparison or two", `{"a":[{"numeric":["!=",1]}]}`: `the comparison "!="`, `{"a":[{"numeric":["<",1,">",0]}]}`: "a range is expected",
		`{"a":[{"numeric":["=","1"]}]}`: "a number within", `{"a":[{"numeric":[">",6e9]}]}`: "a number within", `{"a":[{"wildcard":"a**b"}]}`: "two * in a row",
		`{"a":[{"wildcard":"a\\b"}]}`: "may follow a backslash", `{"$or":[{"a":[1]}]}`: "two alternatives", `{"$or":[{"a":[1]},{"b":[{"near":1}]}]}`: `$or: b: the condition "near" is not known`,
	} {
		if _, err := pattern.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestConditionsAreListed(t *testing.T) {
	p, err := pattern.Parse([]byte(`{"a":["x",{"prefix":"y"}],"$or":[{"b":{"c":[{"wildcard":"*"}]}},{"d":[{"prefix":"z"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Conditions(), []string{"prefix", "wildcard"}; !slices.Equal(got, want) {
		t.Errorf("the conditions are %q, want %q", got, want)
	}
}

func quoted(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// A wildcard with stars in it matches all that they can stand for, and what it matches has its parts in their order.
func TestWildcardsProperty(t *testing.T) {
	word := rapid.StringMatching(`[ab*\\]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(word, 1, 4).Draw(t, "parts")
		for i := 1; i < len(parts)-1; i++ {
			parts[i] += "c" // no two stars in a row
		}
		text, value := "", ""
		for i, part := range parts {
			if i > 0 {
				text += "*"
				value += word.Draw(t, "between")
			}
			text += strings.NewReplacer(`\`, `\\`, `*`, `\*`).Replace(part)
			value += part
		}
		p, err := pattern.Parse(fmt.Appendf(nil, `{"a":[{"wildcard":%s}]}`, quoted(text)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !p.MatchJSON(fmt.Appendf(nil, `{"a":%s}`, quoted(value))) {
			t.Errorf("%q does not match %q", text, value)
		}
		if value = "c" + value; parts[0] != "" && p.MatchJSON(fmt.Appendf(nil, `{"a":%s}`, quoted(value))) {
			t.Errorf("%q matches %q", text, value)
		}
	})
}

// Of one value a condition holds or its negation does; of several values the one by itself holds if it holds of any.
func TestNegationAndListsProperty(t *testing.T) {
	scalar := rapid.SampledFrom([]any{"", "a", "ab", "ba", 1, 2, "1", true, nil})
	text := rapid.SampledFrom([]any{"", "a", "ab", "b"})
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(scalar, 1, 4).Draw(t, "values")
		kind := rapid.SampledFrom([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}).Draw(t, "condition")
		inner := quoted(map[string]any{kind: text.Draw(t, "text")})
		match := func(condition string, value any) bool {
			p, err := pattern.Parse([]byte(`{"a":[` + condition + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			return p.MatchJSON([]byte(`{"a":` + quoted(value) + `}`))
		}
		some := map[string]bool{}
		for _, value := range values {
			holds, not := match(inner, value), match(`{"anything-but":`+inner+`}`, value)
			if holds == not {
				t.Errorf("of %v the condition %s holds: %t, and its negation: %t", value, inner, holds, not)
			}
			some["holds"], some["not"] = some["holds"] || holds, some["not"] || not
		}
		if match(inner, values) != some["holds"] || match(`{"anything-but":`+inner+`}`, values) != some["not"] {
			t.Errorf("of the list %v %s is told otherwise than of its elements", values, inner)
		}
	})
}
