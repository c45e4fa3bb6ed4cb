package lambdaio

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/go-json-experiment/json"
)

func TestLinesCarryTheRequestID(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(requestID{slog.NewJSONHandler(&text, nil)})
	log.InfoContext(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"}), "hello")
	var line map[string]any
	if err := json.Unmarshal(text.Bytes(), &line); err != nil || line["request_id"] != "r-1" {
		t.Errorf("the line is %s, %v", text.String(), err)
	}
}
