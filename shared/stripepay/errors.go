package stripepay

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
)

// The failures that a caller can act on, besides those of billing. Every other
// one is internal: a request of ours that Stripe rejects.
var (
	// ErrNotFound: the object does not exist.
	ErrNotFound = errors.New("stripepay: no such object")
	// ErrInterval: a cheaper price of another interval cannot wait for the end of
	// the period, since Stripe begins a period of the new interval at once.
	ErrInterval = errors.New("stripepay: the new price has a different interval")
	// ErrKeyReused: the key was used for a call with other parameters within
	// the last day.
	ErrKeyReused = errors.New("stripepay: the key was used for a different request")
	// ErrSignature: a notice was not sent by Stripe, or not recently.
	ErrSignature = errors.New("stripepay: the signature is not valid")
)

// errRefused: Stripe rejected the request, and did nothing.
var errRefused = errors.New("stripepay: the request was refused")

// failure translates an error of the SDK. It omits the objects that Stripe
// includes.
func failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	var answer *stripe.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("%w: %s: %w", billing.ErrUnknown, doing, err)
	}
	text := fmt.Sprintf("%s: %d %s %s %s: %s (request %s)",
		doing, answer.HTTPStatusCode, answer.Type, answer.Code, answer.Param, answer.Msg, answer.RequestID)
	status := answer.HTTPStatusCode
	switch {
	case answer.Type == stripe.ErrorTypeCard:
		return fmt.Errorf("%s: %w", doing, refusal(answer))
	case answer.Type == stripe.ErrorTypeIdempotency && status == http.StatusBadRequest:
		return fmt.Errorf("%w: %s", ErrKeyReused, text)
	case status == http.StatusTooManyRequests, status == http.StatusConflict, status >= http.StatusInternalServerError,
		status == http.StatusRequestTimeout, status == http.StatusFailedDependency:
		return fmt.Errorf("%w: %s", billing.ErrUnknown, text)
	case answer.Code == stripe.ErrorCodeResourceMissing && status == http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNotFound, text)
	case status >= http.StatusBadRequest:
		return fmt.Errorf("%w: %s", errRefused, text)
	}
	return fmt.Errorf("stripepay: %s", text)
}

// rejection marks an error that means that definitely nothing was charged, and
// that the same request would be refused again.
func rejection(err error) error {
	if errors.Is(err, errRefused) || errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %w", billing.ErrRejected, err)
	}
	return err
}

// cardMissing reports whether a change that had to be paid at once was refused
// because there is no card to charge. A request that names a missing object gets
// the same code, with a parameter.
func cardMissing(err error) bool {
	var answer *stripe.Error
	return errors.As(err, &answer) && answer.HTTPStatusCode == http.StatusBadRequest &&
		answer.Code == stripe.ErrorCodeResourceMissing && answer.Param == ""
}

func refusal(answer *stripe.Error) *billing.Refusal {
	code := string(answer.Code)
	if answer.DeclineCode != "" {
		code = string(answer.DeclineCode)
	}
	return &billing.Refusal{Message: answer.Msg, Code: code, ActionRequired: needsBearer(answer)}
}

// needsBearer reports whether a refusal is a request for authentication, which
// some banks express in the decline code.
func needsBearer(answer *stripe.Error) bool {
	const wanted = stripe.ErrorCodeAuthenticationRequired
	return answer.Code == wanted || string(answer.DeclineCode) == string(wanted) ||
		answer.Code == stripe.ErrorCodeInvoicePaymentIntentRequiresAction ||
		answer.Code == "subscription_payment_intent_requires_action" // which has no name in the SDK
}

func hasCode(err error, code stripe.ErrorCode) bool {
	var answer *stripe.Error
	return errors.As(err, &answer) && answer.Code == code
}
