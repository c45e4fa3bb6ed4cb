package stripepay

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
)

// The failures that a caller can do something about, beside those of billing.
// Every other one is internal: a request of ours that Stripe does not accept.
var (
	// ErrNotFound: there is no such object.
	ErrNotFound = errors.New("stripepay: no such object")
	// ErrInterval: a cheaper price of another interval cannot wait for the end of
	// the period, since Stripe begins a period of the new interval at once.
	ErrInterval = errors.New("stripepay: the new price has a different interval")
	// ErrKeyReused: the key of the call stands for one with other parameters,
	// which was made within the last day.
	ErrKeyReused = errors.New("stripepay: the key was used for a different request")
	// ErrSignature: a notice was not sent by Stripe, or not just now.
	ErrSignature = errors.New("stripepay: the signature is not valid")
)

// errRefused: Stripe does not accept the request, and has done nothing.
var errRefused = errors.New("stripepay: the request was refused")

// failure is what an error of the SDK means. The text of an object that Stripe
// sends along stays out of it.
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

// rejection marks an error that says for certain that nothing was charged, and
// that the same request would be refused again.
func rejection(err error) error {
	if errors.Is(err, errRefused) || errors.Is(err, ErrNotFound) {
		return fmt.Errorf("%w: %w", billing.ErrRejected, err)
	}
	return err
}

// cardMissing reports whether a change that had to be paid at once was refused
// since there is nothing to pay with. An object that the request names and that is
// not there has the same code, and a parameter.
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

// needsBearer reports whether a refusal is a wish for authentication, which
// some banks say in the code of their own.
func needsBearer(answer *stripe.Error) bool {
	const wanted = stripe.ErrorCodeAuthenticationRequired
	return answer.Code == wanted || string(answer.DeclineCode) == string(wanted) ||
		answer.Code == stripe.ErrorCodeInvoicePaymentIntentRequiresAction ||
		answer.Code == "subscription_payment_intent_requires_action" // which the SDK has no name for
}

func hasCode(err error, code stripe.ErrorCode) bool {
	var answer *stripe.Error
	return errors.As(err, &answer) && answer.Code == code
}
