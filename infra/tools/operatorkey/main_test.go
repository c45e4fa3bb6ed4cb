package main

import (
	"errors"
	"strings"
	"testing"

	"drawdown/shared/access"
)

func TestDescribe(t *testing.T) {
	key := "dk_operator_" + strings.Repeat("5", access.MinSecret)
	description, err := describe(key)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(description, strings.Repeat("5", access.MinSecret)) {
		t.Error("the description holds the secret")
	}
	described, err := access.OperatorKey(description)
	if err != nil || described.ID != "operator" || !described.Opens(key) {
		t.Errorf("OperatorKey(%q) = %+v, %v, want a key that %q opens", description, described, err, "ADMIN_KEY")
	}
}

func TestDescribeRefuses(t *testing.T) {
	for key, want := range map[string]error{"": errNoKey, "secret": errBadKey, "dk_operator_short": errBadKey} {
		if _, err := describe(key); !errors.Is(err, want) {
			t.Errorf("describe(%q): %v, want %v", key, err, want)
		}
	}
}
