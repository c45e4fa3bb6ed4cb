package lambdaio

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// gcPercent lets the heap grow to tens of megabytes before a collection: a function
// uses a few and has hundreds, and collecting every four costs much of its CPU time.
const gcPercent = 800

// Serve passes the handler that build creates to the Lambda runtime and serves until
// the environment ends.
func Serve(build func() (Handler, error)) {
	debug.SetGCPercent(gcPercent)
	// An environment serves one event at a time, mostly waiting for answers, on a
	// share of a core: a second processor would only spin for work.
	runtime.GOMAXPROCS(1)
	function := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	log := newLogger()
	slog.SetDefault(log)
	handler, err := build()
	if err != nil {
		log.Error("the function cannot start", "error", err.Error())
		handler = Failing(err)
	}
	lambda.StartWithOptions(Recorded(handler, log, function, time.Now))
}

// newLogger writes JSON lines that carry the invocation's request id.
func newLogger() *slog.Logger {
	return slog.New(requestID{slog.NewJSONHandler(os.Stdout, nil)})
}

// requestID adds the invocation's id to every line that is written with its context.
type requestID struct{ slog.Handler }

func (h requestID) Handle(ctx context.Context, record slog.Record) error {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		record.AddAttrs(slog.String("request_id", invocation.AwsRequestID))
	}
	return h.Handler.Handle(ctx, record)
}
