package lambdaio_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/lambdaio"
	"drawdown/shared/telemetry"
)

// named is a handler that answers with its name.
func named(name string) lambdaio.Handler {
	return lambdaio.Func(func(context.Context, []byte) ([]byte, error) { return []byte(name), nil })
}

func TestByOrigin(t *testing.T) {
	handler := lambdaio.ByOrigin(named("http"), named("direct"))
	for payload, want := range map[string]string{
		`{"version":"2.0","routeKey":"POST /v1/debits/batch","rawPath":"/"}`:              "http",
		`{"version":"2.0","headers":{"a":["b",{"c":1}]},"routeKey":"GET /healthz"}`:       "http",
		"\n\t { \"routeKey\" : \"GET /healthz\" } ":                                       "http",
		`{"route\u004bey":"GET /healthz"}`:                                                "http",
		`{"account_id":"acme","operation_id":"routeKey","lines":[]}`:                      "direct",
		`{"account_id":"acme","operation_id":"\"routeKey\":","lines":[]}`:                 "direct",
		`{"agent":{"id":"a","name":"routeKey"},"run_id":"\"routeKey\":\"GET /healthz\""}`: "direct",
		`{"debits":[{"routeKey":"GET /healthz"}]}`:                                        "direct",
		`{"agent":{"routeKey":"GET /healthz"},"channel":"api"}`:                           "direct",
		`{"routekey":"GET /healthz","RouteKey":1,"route_key":2}`:                          "direct",
		`["routeKey"]`:         "direct",
		`"routeKey"`:           "direct",
		`routeKey`:             "direct",
		`{"a":`:                "direct",
		`{"a":1 "routeKey":2}`: "direct",
		`null`:                 "direct",
		`{}`:                   "direct",
		``:                     "direct",
	} {
		answer, err := handler.Invoke(t.Context(), []byte(payload))
		if err != nil || string(answer) != want {
			t.Errorf("%s goes to %s, %v; want %s", payload, answer, err, want)
		}
	}
}

var at = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

// record runs one invocation and gives the log lines that it leaves.
func record(t *testing.T, handler lambdaio.Handler) (answer []byte, lines []map[string]any, err error) {
	t.Helper()
	var log bytes.Buffer
	recorded := lambdaio.Recorded(handler, slog.New(slog.NewJSONHandler(&log, nil)), "debit", func() time.Time { return at })
	answer, err = recorded.Invoke(t.Context(), []byte("{}"))
	for text := range strings.Lines(log.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, line)
	}
	return answer, lines, err
}

func TestRecordedWritesOneLine(t *testing.T) {
	answer, lines, err := record(t, lambdaio.Func(func(ctx context.Context, payload []byte) ([]byte, error) {
		telemetry.Add(ctx, telemetry.Count(telemetry.Retries, 2))
		return payload, nil
	}))
	if err != nil || string(answer) != "{}" {
		t.Errorf("the answer is %q, %v", answer, err)
	}
	if len(lines) != 1 || lines[0]["msg"] != "invocation" || lines[0]["Function"] != "debit" || lines[0][telemetry.Retries] != 2.0 {
		t.Errorf("the log is %v", lines)
	}
}

func TestPanicBecomesAnErrorAndIsRecorded(t *testing.T) {
	answer, lines, err := record(t, lambdaio.Func(func(ctx context.Context, _ []byte) ([]byte, error) {
		telemetry.Add(ctx, telemetry.Count(telemetry.RoundTrips, 1))
		panic("out of sorts")
	}))
	if err == nil || !strings.Contains(err.Error(), "out of sorts") || answer != nil {
		t.Errorf("a panic ends with %q, %v", answer, err)
	}
	if len(lines) != 2 {
		t.Fatalf("the log is %v", lines)
	}
	stack, _ := lines[0]["stack"].(string)
	if lines[0]["level"] != "ERROR" || lines[0]["panic"] != "out of sorts" || !strings.Contains(stack, "lambdaio_test") {
		t.Errorf("the panic is logged as %v", lines[0])
	}
	if lines[1]["msg"] != "invocation" || lines[1][telemetry.RoundTrips] != 1.0 {
		t.Errorf("what was counted before the panic is lost: %v", lines[1])
	}
}

func TestErrorsAreHandedOn(t *testing.T) {
	reason := errors.New("no table")
	if _, lines, err := record(t, lambdaio.Failing(reason)); !errors.Is(err, reason) || len(lines) != 1 {
		t.Errorf("got %v, with the log %v", err, lines)
	}
}
