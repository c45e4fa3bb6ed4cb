package function_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"drawdown/infra/emulator/function"
)

func TestAsynchronousInvocationsAreGivenUp(t *testing.T) {
	t.Parallel()
	waits := []time.Duration{50 * time.Millisecond, 100 * time.Millisecond}
	for name, c := range map[string]struct {
		change    func(*function.Async)
		tries     int
		condition string
	}{
		"default": {func(*function.Async) {}, 3, "RetriesExhausted"},
		"once":    {func(a *function.Async) { a.Retries = 0 }, 1, "RetriesExhausted"},
		"too old": {func(a *function.Async) { a.MaxAge = time.Millisecond }, 1, "EventAgeExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, j := start(t, nil)
			records := make(chan []byte, 10)
			async := function.DefaultAsync(waits)
			async.OnFailure = func(record []byte) { records <- record }
			c.change(&async)
			f.SetAsync(async)
			f.InvokeAsync(function.Invocation{Payload: []byte(`{"say":"try","do":"fail"}`)})
			var record struct {
				Version, Timestamp string
				RequestContext     struct {
					RequestID, FunctionARN, Condition string
					ApproximateInvokeCount            int
				}
				RequestPayload  map[string]string
				ResponseContext struct {
					StatusCode                     int
					ExecutedVersion, FunctionError string
				}
				ResponsePayload function.Failure
			}
			select {
			case data := <-records:
				if err := json.Unmarshal(data, &record); err != nil {
					t.Fatal(err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("it is not given up; the log is\n%s", j)
			}
			if r := record.RequestContext; r.Condition != c.condition || r.ApproximateInvokeCount != c.tries || r.RequestID == "" ||
				r.FunctionARN != "arn:aws:lambda:us-east-1:000000000000:function:test-probe:$LATEST" {
				t.Errorf("the record is %+v", record)
			}
			at, err := time.Parse(time.RFC3339, record.Timestamp)
			if err != nil || time.Since(at).Abs() > time.Minute || record.Version != "1.0" || fmt.Sprint(record.RequestPayload) != "map[do:fail say:try]" ||
				record.ResponseContext.StatusCode != http.StatusOK || record.ResponseContext.ExecutedVersion != "$LATEST" || record.ResponseContext.FunctionError != "Unhandled" ||
				record.ResponsePayload.Message != "the probe fails" {
				t.Errorf("the record is %+v", record)
			}
			got := 0
			for range 200 { // a line may come later than the answer
				if got = strings.Count("\n"+j.String(), "\ntry"); got >= c.tries {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if got != c.tries {
				t.Errorf("it is tried %d times, want %d", got, c.tries)
			}
		})
	}
}

func TestASuccessEndsTheTries(t *testing.T) {
	t.Parallel()
	f, j := start(t, nil)
	async := function.DefaultAsync([]time.Duration{10 * time.Millisecond})
	async.OnFailure = func(record []byte) { t.Errorf("it is given up: %s", record) }
	f.SetAsync(async)
	f.InvokeAsync(function.Invocation{Payload: []byte(`{"say":"try"}`)})
	time.Sleep(time.Second)
	if got := strings.Count("\n"+j.String(), "\ntry"); got != 1 {
		t.Errorf("it is tried %d times", got)
	}
}
