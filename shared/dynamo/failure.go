package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"drawdown/shared/fault"
)

// failure says what was being done when a request failed. What a later try may
// mend, such as throttling, a lost connection or a passed deadline, is
// fault.Unavailable; everything else stays an internal error.
func failure(doing string, err error) error {
	if throttled(err) || unreachable(err) {
		refusal := fault.New(fault.Unavailable, "The platform's store did not answer in time. Send the same request again; under the same key it takes effect once.")
		return fmt.Errorf("dynamo: %s: %w: %w", doing, refusal, err)
	}
	return fmt.Errorf("dynamo: %s: %w", doing, err)
}

func throttled(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded":
		return true
	}
	return false
}

func unreachable(err error) bool {
	var network net.Error
	var api smithy.APIError
	// The SDK's own retry of a transaction may meet the first try at work still.
	var underway *types.TransactionInProgressException
	return errors.Is(err, errUnprocessed) || errors.As(err, &underway) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &network) ||
		errors.As(err, &api) && api.ErrorFault() == smithy.FaultServer
}
