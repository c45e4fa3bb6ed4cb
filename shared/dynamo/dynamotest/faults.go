package dynamotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go/middleware"
)

// Fault is something that goes wrong with one request.
type Fault string

// The faults. One that does not fit a request, such as a conflict to a read,
// leaves it alone.
const (
	None        Fault = ""
	Unsent      Fault = "unsent"      // the connection fails before anything is sent
	Lost        Fault = "lost"        // it takes effect, and its answer is lost
	Conflict    Fault = "conflict"    // a transaction: TransactionConflict
	Throttling  Fault = "throttling"  // a transaction: ThrottlingError
	Provisioned Fault = "provisioned" // a transaction: ProvisionedThroughputExceeded
	Codeless    Fault = "codeless"    // a transaction: cancelled, with reasons that have no code
	Throttled   Fault = "throttled"   // any request: refused as one too many
	Unprocessed Fault = "unprocessed" // a batch read: some keys are left unread
	Short       Fault = "short"       // a query: one item, and perhaps more behind it
)

// Faults makes requests go wrong. Its zero value lets all pass.
type Faults struct {
	mu   sync.Mutex
	sent int
	plan func(n int, request string) Fault
}

// At lets the n-th request from now on go wrong, counted from 1, and no other.
func (f *Faults) At(n int, fault Fault) {
	f.Plan(func(at int, _ string) Fault {
		if at == n {
			return fault
		}
		return None
	})
}

// Randomly lets one request in odds go wrong, with any of the faults.
func (f *Faults) Randomly(random *rand.Rand, odds int, faults ...Fault) {
	f.Plan(func(int, string) Fault {
		if random.IntN(odds) != 0 {
			return None
		}
		return faults[random.IntN(len(faults))]
	})
}

// Plan decides request by request; a nil plan lets all pass. It is asked by one goroutine at a time.
func (f *Faults) Plan(plan func(n int, request string) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent, f.plan = 0, plan
}

func (f *Faults) next(request string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	if f.plan == nil {
		return None
	}
	return f.plan(f.sent, request)
}

func (f *Faults) install(o *dynamodb.Options) {
	around(o, "dynamotest.Faults", func(ctx context.Context, in smithy.InitializeInput, next smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error) {
		fault := f.next(middleware.GetOperationName(ctx))
		if err := instead(fault, in.Parameters); err != nil {
			return smithy.InitializeOutput{}, smithy.Metadata{}, err
		}
		if batch, ok := in.Parameters.(*dynamodb.BatchGetItemInput); ok && fault == Unprocessed {
			return leaveUnprocessed(ctx, batch, next)
		}
		if query, ok := in.Parameters.(*dynamodb.QueryInput); ok && fault == Short {
			part := *query
			part.Limit = aws.Int32(1)
			in.Parameters = &part
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if fault == Lost {
			return smithy.InitializeOutput{}, metadata, &broken{"the connection was lost before the answer came"}
		}
		return out, metadata, err
	})
}

// broken is a failure of the network, as the HTTP client reports one.
type broken struct{ what string }

func (b *broken) Error() string   { return b.what }
func (b *broken) Timeout() bool   { return false }
func (b *broken) Temporary() bool { return true }

// instead is the error that a request gets instead of being sent.
func instead(fault Fault, input any) error {
	if fault == Unsent {
		return &broken{"the connection was refused"}
	}
	if fault == Throttled {
		return &types.ProvisionedThroughputExceededException{Message: aws.String("injected")}
	}
	transaction, ok := input.(*dynamodb.TransactWriteItemsInput)
	if !ok {
		return nil
	}
	codes := map[Fault]string{Conflict: "TransactionConflict", Throttling: "ThrottlingError", Provisioned: "ProvisionedThroughputExceeded"}
	code, cancels := codes[fault]
	if !cancels && fault != Codeless {
		return nil
	}
	// The wallet's reason, or the last item's: it must not matter where it stands.
	reasons := make([]types.CancellationReason, len(transaction.TransactItems))
	for i := range reasons[1:] {
		reasons[i].Code = aws.String("None")
	}
	if cancels {
		reasons[len(reasons)-1].Code = aws.String(code)
		reasons[0].Code = nil
	}
	return &types.TransactionCanceledException{Message: aws.String("injected"), CancellationReasons: reasons}
}

// leaveUnprocessed asks for the first half of each table's keys only, and
// reports the rest as unprocessed, as a busy service does.
func leaveUnprocessed(ctx context.Context, batch *dynamodb.BatchGetItemInput, next smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error) {
	asked, left := map[string]types.KeysAndAttributes{}, map[string]types.KeysAndAttributes{}
	for table, keys := range batch.RequestItems {
		now, later := keys, keys
		half := len(keys.Keys) / 2
		now.Keys, later.Keys = keys.Keys[:half], keys.Keys[half:]
		if half > 0 {
			asked[table] = now
		}
		left[table] = later
	}
	if len(asked) == 0 {
		return smithy.InitializeOutput{Result: &dynamodb.BatchGetItemOutput{UnprocessedKeys: left}}, smithy.Metadata{}, nil
	}
	part := *batch
	part.RequestItems = asked
	out, metadata, err := next.HandleInitialize(ctx, smithy.InitializeInput{Parameters: &part})
	if err != nil {
		return out, metadata, err
	}
	result, ok := out.Result.(*dynamodb.BatchGetItemOutput)
	if !ok {
		return out, metadata, fmt.Errorf("dynamotest: a batch read answered %T", out.Result)
	}
	result.UnprocessedKeys = left
	return out, metadata, nil
}

type handler = func(context.Context, smithy.InitializeInput, smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error)

// around adds a step after all others of its stage, where the operation's name is known.
func around(o *dynamodb.Options, id string, handle handler) {
	o.APIOptions = append(o.APIOptions, func(stack *smithy.Stack) error {
		return stack.Initialize.Add(smithy.InitializeMiddlewareFunc(id, handle), smithy.After)
	})
}
