package fault_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"

	"drawdown/shared/fault"
)

func TestCodeOfFindsTheFailureWithin(t *testing.T) {
	refusal := fault.New(fault.Contended, "busy")
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"bare":               {refusal, fault.Contended},
		"wrapped":            {fmt.Errorf("commit: %w", fmt.Errorf("again: %w", refusal)), fault.Contended},
		"joined":             {errors.Join(errors.New("first"), refusal), fault.Contended},
		"one of two wrapped": {fmt.Errorf("%w: %w", errors.New("first"), refusal), fault.Contended},
		"another error":      {errors.New("contended: busy"), fault.Internal},
	} {
		if got := fault.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Codes are slugs, each its own, and the list has every one that is declared.
func TestCodesListsEveryCode(t *testing.T) {
	listed := map[fault.Code]bool{}
	for _, code := range fault.Codes() {
		if listed[code] || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(string(code)) {
			t.Errorf("code %q is listed twice, or is no slug", code)
		}
		listed[code] = true
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, _ := spec.Type.(*ast.Ident)
		value, _ := spec.Values[0].(*ast.BasicLit)
		if kind == nil || kind.Name != "Code" || value == nil {
			return true
		}
		declared++
		if text, err := strconv.Unquote(value.Value); err != nil || !listed[fault.Code(text)] {
			t.Errorf("code %s is not listed", value.Value)
		}
		return true
	})
	if declared != len(listed) {
		t.Errorf("%d codes are declared, %d listed", declared, len(listed))
	}
}

func TestInvalidNamesItsFields(t *testing.T) {
	refusal := fault.Invalid(fault.Param{Name: "a", Reason: "is b"}).With("c", "d")
	if refusal.Code != fault.InvalidRequest || refusal.Params[0].Name != "a" || refusal.Fields[0] != (fault.Field{Name: "c", Value: "d"}) {
		t.Errorf("refusal %+v", refusal)
	}
	if text := refusal.Error(); !regexp.MustCompile(`^invalid-request: .*\(a: is b\)$`).MatchString(text) {
		t.Errorf("it reads %q", text)
	}
}
