package billing

import (
	"errors"
	"time"
)

// The failures of the processor that its caller can act on.
var (
	// ErrNotConfigured: the platform does not have the processor's keys.
	ErrNotConfigured = errors.New("billing: payments are not configured")
	// ErrUnknown: the processor was not reached, or has not answered, or has failed.
	// The request may or may not have taken effect; repeating it finds out.
	ErrUnknown = errors.New("billing: the outcome is not known")
	// ErrDeclined: the card was refused, and nothing has changed. The error is a
	// *Refusal, which has the bank's message.
	ErrDeclined = errors.New("billing: the card was declined")
	// ErrActionRequired: the cardholder must confirm the payment, and nothing
	// has changed. The error is a *Refusal.
	ErrActionRequired = errors.New("billing: the cardholder must confirm the payment")
)

// Refusal is a card's refusal: nothing was paid, and nothing has changed. It is
// ErrDeclined or ErrActionRequired.
type Refusal struct {
	Message        string // for the cardholder
	Code           string // the processor's, for logs: "insufficient_funds"
	ActionRequired bool   // the cardholder must confirm the payment
}

// Error implements error.
func (r *Refusal) Error() string { return "billing: refused: " + r.Code + ": " + r.Message }

// Is reports which of the two it is.
func (r *Refusal) Is(target error) bool {
	if r.ActionRequired {
		return target == ErrActionRequired
	}
	return target == ErrDeclined
}

// PackCheckout requests the processor's page where a person buys a pack.
type PackCheckout struct {
	Account  string
	Customer string
	Pack     Pack // with its PriceID
	// SaveCard: the person agrees to later charges without their involvement.
	SaveCard   bool
	SuccessURL string
	CancelURL  string
	Key        string // of the wish: the same key returns the same page
}

// PlanCheckout requests the processor's page where a person subscribes to a plan.
type PlanCheckout struct {
	Account    string
	Customer   string
	Plan       Plan // with its PriceID
	SuccessURL string
	CancelURL  string
	Key        string // of the wish: the same key returns the same page
}

// Claim records a wish to buy, under the key that its caller chose, and its
// outcome. It is stored before the processor is called, so that a key identifies
// one wish only.
type Claim struct {
	Account string
	Key     string
	Hash    string    // of the wish; empty: it was refused, and the key is free again
	At      time.Time // when it was made
	URL     string    // the answer; empty: none yet
	Try     int       // how many wishes under the key were refused earlier
	Version int64     // counts the writes
}
