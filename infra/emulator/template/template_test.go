package template_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"drawdown/infra/emulator/template"
)

// read makes an assembly of one template, and gives it its parameters.
func read(t *testing.T, body string, parameters map[string]string) (*template.Stack, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"manifest.json": `{"artifacts":{"S":{"type":"aws:cloudformation:stack","properties":{"templateFile":"S.json","stackName":"Named"}}}}`,
		"S.json":        body,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := template.ReadAssembly(dir)
	if err != nil {
		return nil, err
	}
	s, err := a.Stack(parameters)
	if err != nil {
		return nil, err
	}
	s.Attribute = func(r template.Resource, name string) (any, error) {
		return fmt.Sprintf("<%s.%s>", r.LogicalID, name), nil
	}
	return s, nil
}

const body = `{
	"Parameters": {
		"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
		"Count": {"Type": "Number", "Default": 7, "MaxValue": 10},
		"Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
		"Name": {"Type": "String", "Default": "xyz", "MinLength": 3, "AllowedPattern": "[a-z]*", "ConstraintDescription": "must be letters"}
	},
	"Mappings": {"M": {"us-east-1": {"size": 12345678901234567890}}},
	"Conditions": {
		"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
		"IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
		"Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
		"Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]}
	},
	"Resources": {
		"Thing": {"Type": "T", "Properties": {"Kept": "1", "Inert": {"Ref": "Nowhere"}}},
		"Absent": {"Type": "T", "Condition": "IsProd"}
	}
}`

func TestEvaluate(t *testing.T) {
	s, err := read(t, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		`{"Ref":"AWS::Region"}`:    `"us-east-1"`,
		`{"Ref":"AWS::AccountId"}`: `"000000000000"`,
		`{"Ref":"AWS::StackName"}`: `"Named"`,
		`[{"Ref":"AWS::Partition"},{"Ref":"AWS::URLSuffix"},{"Ref":"AWS::NoValue"}]`: `["aws","amazonaws.com"]`,
		`{"a":{"Ref":"AWS::NoValue"},"b":1}`:                                         `{"b":1}`,
		`{"Ref":"Stage"}`:                                                            `"dev"`,
		`{"Ref":"Count"}`:                                                            `"7"`,
		`{"Ref":"Zones"}`:                                                            `["a","b"]`,
		`{"Ref":"Thing"}`:                                                            `"<Thing.>"`,
		`{"Fn::GetAtt":["Thing","Arn"]}`:                                             `"<Thing.Arn>"`,
		`{"Fn::GetAtt":"Thing.A.B"}`:                                                 `"<Thing.A.B>"`,
		`{"Fn::Join":["-",["a",{"Ref":"Stage"},7]]}`:                                 `"a-dev-7"`,
		`{"Fn::Join":["/",{"Ref":"Zones"}]}`:                                         `"a/b"`,
		`{"Fn::Sub":"${Stage}-${Thing.Arn}-${AWS::Region}-${!Lit}"}`:                 `"dev-<Thing.Arn>-us-east-1-${Lit}"`,
		`{"Fn::Sub":["${X}${Stage}",{"X":{"Ref":"Count"}}]}`:                         `"7dev"`,
		`{"Fn::Select":[1,{"Fn::Split":[":","a:b:c"]}]}`:                             `"b"`,
		`{"Fn::Select":["0",{"Ref":"Zones"}]}`:                                       `"a"`,
		`{"Fn::If":["IsProd","yes","no"]}`:                                           `"no"`,
		`{"Fn::If":["Both","yes",{"Fn::If":["Either","one","none"]}]}`:               `"one"`,
		`{"Fn::FindInMap":["M",{"Ref":"AWS::Region"},"size"]}`:                       `12345678901234567890`,
		`{"Fn::Base64":"ab"}`:                                                        `"YWI="`,
		`{"Condition":{"StringEquals":{"a":"b"}}}`:                                   `{"Condition":{"StringEquals":{"a":"b"}}}`,
	} {
		got, err := evaluate(s, value)
		if err != nil {
			t.Errorf("%s: %v", value, err)
		} else if got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
	for value, want := range map[string]string{
		`{"a":{"Ref":"Nothing"}}`:            `a: the template has no resource "Nothing"`,
		`{"Ref":"Absent"}`:                   `the template has no resource "Absent"`,
		`{"Fn::ImportValue":"x"}`:            "Fn::ImportValue cannot be evaluated",
		`{"Fn::Select":[5,["a"]]}`:           "there is no item 5 among 1",
		`{"Fn::FindInMap":["M","x","size"]}`: "finds nothing under M, x, size",
		`{"Fn::If":["None",1,2]}`:            `no condition "None"`,
		`"{{resolve:secretsmanager:x}}"`:     "cannot be resolved",
		`{"Fn::GetAtt":["Thing"]}`:           "Fn::GetAtt cannot take",
		`{"Fn::Sub":"${Nothing}"}`:           `no resource "Nothing"`,
	} {
		if got, err := evaluate(s, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %s, %v, want the error %q", value, got, err, want)
		}
	}
}

func evaluate(s *template.Stack, value string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "", err
	}
	result, err := s.Evaluate(v)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(result)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(data)), err
}

func TestParameters(t *testing.T) {
	for want, parameters := range map[string]map[string]string{
		"":                     {"Stage": "prod", "Count": "10", "Name": "abcd"},
		`no parameter "Other"`: {"Other": "x"},
		`parameter "Stage": the value is not one of the allowed`:                   {"Stage": "test"},
		`parameter "Count": the value is more than 10`:                             {"Count": "11"},
		`parameter "Count": the value is not a number`:                             {"Count": "many"},
		`parameter "Name": the value has fewer than 3 characters: must be letters`: {"Name": "ab"},
		`parameter "Name": the value does not match [a-z]*: must be letters`:       {"Name": "abc1"},
	} {
		_, err := read(t, body, parameters)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", parameters, err, want)
		}
	}
}

func TestResources(t *testing.T) {
	for stage, want := range map[string]string{"dev": "Thing", "prod": "Absent Thing"} {
		s, err := read(t, body, map[string]string{"Stage": stage})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range s.Resources() {
			ids = append(ids, r.LogicalID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s has the resources %s, want %s", stage, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	s, err := read(t, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := template.Resource{LogicalID: "X", Type: "T", Properties: map[string]any{
		"N": "12", "B": "true", "M": map[string]any{"a": json.Number("1"), "b": true, "c": "x"}, "Inert": map[string]any{"Ref": "Nowhere"},
	}}
	type properties struct {
		N template.Int
		B template.Bool
		M template.Strings
	}
	var got properties
	if err := s.Decode(r, []string{"Inert"}, &got); err != nil {
		t.Fatal(err)
	}
	if want := (properties{12, true, template.Strings{"a": "1", "b": "true", "c": "x"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.Properties["Surprise"] = 1
	if err := s.Decode(r, []string{"Inert"}, &got); err == nil || err.Error() != `X (T): the property "Surprise" is not understood` {
		t.Errorf("got %v", err)
	}
}

func TestTemplatesThatCannotBeRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"Transform":"AWS::Serverless-2016-10-31"}`:                         `unknown field "Transform"`,
		`{"Rules":{"Other":{}}}`:                                             `the rule "Other"`,
		`{"Parameters":{"P":{"Type":"String"}}}`:                             `parameter "P" has no default`,
		`{"Parameters":{"P":{"Type":"AWS::SSM::Parameter::Value<String>"}}}`: `parameter "P" is kept in the SSM parameter store`,
		`{"Conditions":{"A":{"Condition":"B"},"B":{"Condition":"A"}}}`:       "depends on itself",
		`{"Conditions":{"A":{"Fn::Contains":[]}}}`:                           "cannot be evaluated",
		`{`: "S.json",
	} {
		want = strings.Replace(want, "the rule", "the template's rule", 1)
		if _, err := read(t, body, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
	if _, err := template.ReadAssembly(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a cloud assembly") {
		t.Errorf("an empty folder: got %v", err)
	}
}
