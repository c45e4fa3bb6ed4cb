package awsjson_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"drawdown/infra/emulator/awsjson"
)

type echo struct{ Text string }

func TestTheProtocol(t *testing.T) {
	server := httptest.NewServer(awsjson.Server{{Target: "Test", Version: "1.1", Operations: map[string]awsjson.Operation{
		"Echo": awsjson.Operate(func(_ context.Context, in echo) (any, error) {
			return map[string]any{"Text": in.Text, "At": awsjson.Time(time.UnixMilli(1_500))}, nil
		}),
		"Fail": awsjson.Operate(func(context.Context, echo) (any, error) {
			return nil, &awsjson.Failure{Code: "test#Gone", Message: "it is gone", Query: "Test.Gone"}
		}),
		"Break": awsjson.Operate(func(context.Context, echo) (any, error) { return nil, errors.New("broken") }),
	}}})
	defer server.Close()
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{http.MethodPost, "Test.Echo", `{"Text":"ä"}`, http.StatusOK, `{"At":1.500,"Text":"ä"}`},
		{http.MethodPost, "Test.Echo", `{"Text":"a","Other":1}`, http.StatusBadRequest, `"ValidationException"`},
		{http.MethodPost, "Test.Echo", `{"Text":1}`, http.StatusBadRequest, `"SerializationException"`},
		{http.MethodPost, "Test.Echo", `"` + strings.Repeat("x", 3<<20) + `"`, http.StatusBadRequest, `"RequestEntityTooLargeException"`},
		{http.MethodPost, "Test.Fail", `{}`, http.StatusBadRequest, `{"__type":"test#Gone","message":"it is gone"}`},
		{http.MethodPost, "Test.Break", `{}`, http.StatusInternalServerError, `"InternalFailure"`},
		{http.MethodPost, "Test.Other", `{}`, http.StatusBadRequest, `"UnknownOperationException"`},
		{http.MethodPost, "Other.Echo", `{}`, http.StatusBadRequest, `"UnknownOperationException"`},
		{http.MethodGet, "Test.Echo", ``, http.StatusBadRequest, `"UnknownOperationException"`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", c.target)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != c.status || !json.Valid(data) || !strings.Contains(string(data), c.want) {
			t.Errorf("%s %s: %d %s, %v; want %d %s", c.method, c.target, response.StatusCode, data, err, c.status, c.want)
		}
		isFail := c.target == "Test.Fail"
		if got := response.Header.Get("X-Amzn-Query-Error"); (got == "Test.Gone;Sender") != isFail || response.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s %s: the headers are %v", c.method, c.target, response.Header)
		}
	}
}
