package billing

import (
	"errors"
	"time"
)

// The failures of the processor that its caller can do something about.
var (
	// ErrNotConfigured: nobody has given the platform the processor's keys.
	ErrNotConfigured = errors.New("billing: payments are not configured")
	// ErrUnknown: the processor was not reached, or has not answered, or has
	// failed. The request may have taken effect or not; the same one again finds out.
	ErrUnknown = errors.New("billing: the outcome is not known")
	// ErrDeclined: the card was refused, and nothing has changed. The error is a
	// *Refusal, which has the bank's words.
	ErrDeclined = errors.New("billing: the card was declined")
	// ErrActionRequired: its bearer must confirm the payment, and nothing has
	// changed. The error is a *Refusal.
	ErrActionRequired = errors.New("billing: the cardholder must confirm the payment")
)

// Refusal is a card's refusal: nothing was paid, and nothing has changed. It is
// ErrDeclined or ErrActionRequired.
type Refusal struct {
	Message        string // for the card's bearer
	Code           string // the processor's, for logs: "insufficient_funds"
	ActionRequired bool   // its bearer must confirm the payment
}

// Error implements error.
func (r *Refusal) Error() string { return "billing: refused: " + r.Code + ": " + r.Message }

// Is tells which of the two it is.
func (r *Refusal) Is(target error) bool {
	if r.ActionRequired {
		return target == ErrActionRequired
	}
	return target == ErrDeclined
}

// PackCheckout asks for the processor's page where a person buys a pack.
type PackCheckout struct {
	Account  string
	Customer string
	Pack     Pack // with its PriceID
	// SaveCard: the person agrees that the card is charged later without them.
	SaveCard   bool
	SuccessURL string
	CancelURL  string
	Key        string // of the wish: the same again is the same page
}

// PlanCheckout asks for the processor's page where a person subscribes to a plan.
type PlanCheckout struct {
	Account    string
	Customer   string
	Plan       Plan // with its PriceID
	SuccessURL string
	CancelURL  string
	Key        string // of the wish: the same again is the same page
}

// Claim is what became of a wish to buy, under the key that its caller chose. It
// is made before anything is asked of the processor, so that a key stands for one
// wish only.
type Claim struct {
	Account string
	Key     string
	Hash    string    // of the wish; empty: it was refused, and the key is free again
	At      time.Time // when it was made
	URL     string    // the answer; empty: there is none yet
	Try     int       // how many wishes under the key were refused before
	Version int64     // counts the writes
}
