package httpapi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
)

func TestEveryCodeHasItsProblem(t *testing.T) {
	for _, code := range fault.Codes() {
		problem := httpapi.ProblemOf(fmt.Errorf("wrapped: %w", fault.New(code, "detail")))
		if problem.Type != "urn:drawdown:problem:"+string(code) || problem.Title == "" || problem.Status < 400 || problem.Detail != "detail" {
			t.Errorf("%s reads as %+v", code, problem)
		}
		if code != fault.Internal && problem.Status == 500 {
			t.Errorf("%s has no status of its own", code)
		}
	}
}

func TestInternalTextStaysInside(t *testing.T) {
	problem := httpapi.ProblemOf(errors.New("secret table name"))
	text, err := json.Marshal(problem)
	if err != nil {
		t.Fatal(err)
	}
	if problem.Status != 500 || strings.Contains(string(text), "secret") {
		t.Fatalf("an internal error reads as %s", text)
	}
}

func TestFieldsAreMembersOfTheProblem(t *testing.T) {
	refusal := fault.New(fault.InsufficientCredits, "d").With("required", "3").With("shortfall", "1")
	text, err := json.Marshal(httpapi.ProblemOf(refusal))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	if members["required"] != "3" || members["shortfall"] != "1" {
		t.Fatalf("got %s", text)
	}
}
