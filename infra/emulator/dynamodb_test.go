package emulator_test

import (
	"context"
	"strings"
	"testing"

	"drawdown/infra/emulator"
)

func TestStartDynamoDB(t *testing.T) {
	dir := options("").DynamoDBDir
	first, err := emulator.StartDynamoDB(t.Context(), dir)
	check(t, err)
	defer first.Stop()
	second, err := emulator.StartDynamoDB(t.Context(), dir)
	check(t, err)
	defer second.Stop()
	if first.URL == second.URL || !strings.HasPrefix(first.URL, "http://127.0.0.1:") {
		t.Errorf("they are at %s and %s", first.URL, second.URL)
	}
	_, got, err := get(t, second.URL)
	check(t, err)
	if !strings.Contains(got, "MissingAuthenticationToken") {
		t.Errorf("it answers %s", got)
	}
	second.Stop()
	second.Stop()
	if _, _, err := get(t, second.URL); err == nil {
		t.Error("it still answers")
	}
}

func TestDynamoDBThatCannotStart(t *testing.T) {
	_, err := emulator.StartDynamoDB(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("without the package: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := emulator.StartDynamoDB(canceled, options("").DynamoDBDir); err == nil {
		t.Error("it starts though it shall not")
	}
	t.Setenv("PATH", t.TempDir())
	_, err = emulator.StartDynamoDB(t.Context(), options("").DynamoDBDir)
	if err == nil || !strings.Contains(err.Error(), "Java 17") {
		t.Errorf("without java: %v", err)
	}
}
