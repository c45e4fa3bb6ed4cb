// Command probe is a Lambda function that does as its event says, for the tests of the emulator.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type command struct {
	Do       string `json:"do"`
	SleepMS  int    `json:"sleep_ms"`
	Say      string `json:"say"`
	ExitCode int    `json:"exit_code"`
	Size     int    `json:"size"`
}

func main() {
	failInit(os.Getenv("PROBE_INIT"))
	served := 0
	handler := func(ctx context.Context, event json.RawMessage) (any, error) {
		served++
		return handle(ctx, event, served)
	}
	if os.Getenv("PROBE_SIGTERM") == "" {
		lambda.Start(handler)
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() { fmt.Println("SIGTERM received") }))
}

func failInit(how string) {
	switch how {
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "report":
		body := `{"errorType":"Probe.Init","errorMessage":"cannot start"}`
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		response, err := http.Post(url, "application/json", strings.NewReader(body))
		if err != nil || response.StatusCode != http.StatusAccepted {
			panic(fmt.Sprint(response, err))
		}
		os.Exit(1)
	}
}

func handle(ctx context.Context, event json.RawMessage, served int) (any, error) {
	var http struct {
		RawPath  string            `json:"rawPath"`
		RouteKey string            `json:"routeKey"`
		Query    map[string]string `json:"queryStringParameters"`
	}
	if json.Unmarshal(event, &http) == nil && http.RouteKey != "" {
		return answerHTTP(http.Query["respond"], event), nil
	}
	var woken struct {
		Records    []record `json:"Records"`
		DetailType string   `json:"detail-type"`
	}
	if json.Unmarshal(event, &woken) == nil && woken.DetailType != "" {
		fmt.Println(string(event))
	}
	if len(woken.Records) > 0 {
		return answerStream(woken.Records), nil
	}
	var c command
	if err := json.Unmarshal(event, &c); err != nil {
		return nil, err
	}
	if c.Say != "" {
		fmt.Println(c.Say)
	}
	time.Sleep(time.Duration(c.SleepMS) * time.Millisecond)
	switch c.Do {
	case "exit":
		os.Exit(c.ExitCode)
	case "panic":
		panic("the probe panics")
	case "fail":
		return nil, errors.New("the probe fails")
	case "large":
		return strings.Repeat("x", c.Size), nil
	case "echo":
		return event, nil
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"pid": os.Getpid(), "served": served, "args": os.Args, "environment": os.Environ(),
		"request_id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "trace_id": os.Getenv("_X_AMZN_TRACE_ID"),
		"client": lc.ClientContext.Custom, "left_ms": time.Until(deadline).Milliseconds(),
	}, nil
}

// record is a record of the stream of the table Things, whose items say what happens to them, or a message of a queue,
// whose body says so.
type record struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
	Change    struct {
		SequenceNumber string
		Keys           struct {
			PK struct{ S string } `json:"pk"`
			SK struct{ N string } `json:"sk"`
		}
		NewImage struct {
			Do      struct{ S string } `json:"do"`
			SleepMS struct {
				N int `json:",string"`
			} `json:"sleep_ms"`
		}
	} `json:"dynamodb"`
}

func answerStream(records []record) any {
	type failure struct {
		ID string `json:"itemIdentifier"`
	}
	failed := []failure{}
	for _, r := range records {
		if r.MessageID != "" {
			fmt.Println("received", r.Body)
			if strings.Contains(r.Body, "fail") {
				failed = append(failed, failure{r.MessageID})
			}
			continue
		}
		item := r.Change.Keys.PK.S + "/" + r.Change.Keys.SK.N
		fmt.Println("took", item)
		time.Sleep(time.Duration(r.Change.NewImage.SleepMS.N) * time.Millisecond)
		if r.Change.NewImage.Do.S == "fail" {
			failed = append(failed, failure{r.Change.SequenceNumber})
			continue
		}
		fmt.Println("done", item)
	}
	return map[string]any{"batchItemFailures": failed}
}

func answerHTTP(respond string, event json.RawMessage) any {
	if respond != "" {
		return json.RawMessage(respond)
	}
	return map[string]any{
		"statusCode": 200, "headers": map[string]string{"content-type": "application/json"}, "body": string(event),
	}
}
