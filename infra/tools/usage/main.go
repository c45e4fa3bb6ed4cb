// Command usage invokes the rollup function for an engineer on call:
//
//	usage quarantined        lists the accounts whose usage has stopped
//	usage sweep              retries the stream batches that failed for good
//	usage catch-up ACCOUNT   brings an account's usage up to its ledger
//	usage rebuild ACCOUNT    rebuilds an account's usage from its ledger; debits may continue
//
// Credentials and region come from the environment, as for every AWS command line.
// INVOKE_URL, if set, is the endpoint to use instead, such as the Invoke API that
// make run prints.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"drawdown/infra/stack"
)

// timeout is the function's own, and some for the network.
const timeout = 90 * time.Second

var errUsage = errors.New("usage: quarantined | sweep | catch-up ACCOUNT | rebuild ACCOUNT")

func main() {
	answer, err := run(os.Args[1:], os.Getenv("INVOKE_URL"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

func run(arguments []string, url string) (string, error) {
	payload, err := payloadOf(arguments)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client, err := open(ctx, url)
	if err != nil {
		return "", err
	}
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(stack.FunctionName(stack.FunctionRollup)), Payload: payload})
	if err != nil {
		return "", fmt.Errorf("usage: cannot invoke the rollup function: %w", err)
	}
	if out.FunctionError != nil {
		return "", fmt.Errorf("usage: the rollup function failed: %s", out.Payload)
	}
	return string(out.Payload), nil
}

// payloadOf returns the call for the rollup function.
func payloadOf(arguments []string) ([]byte, error) {
	call := map[string]any{}
	switch {
	case len(arguments) == 1 && arguments[0] == "quarantined":
		call["quarantined"] = true
	case len(arguments) == 1 && arguments[0] == "sweep":
		call["sweep"] = true
	case len(arguments) == 2 && arguments[0] == "catch-up" && arguments[1] != "":
		call["catch_up"] = arguments[1]
	case len(arguments) == 2 && arguments[0] == "rebuild" && arguments[1] != "":
		call["rebuild"] = arguments[1]
	default:
		return nil, errUsage
	}
	return json.Marshal(call)
}

func open(ctx context.Context, url string) (*lambda.Client, error) {
	if url == "" {
		settings, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("usage: cannot load the AWS configuration: %w", err)
		}
		return lambda.NewFromConfig(settings), nil
	}
	return lambda.New(lambda.Options{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		BaseEndpoint: &url,
	}), nil
}
