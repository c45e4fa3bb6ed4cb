package billing

import (
	"errors"
	"time"

	"drawdown/shared/money"
)

// ErrNoCard says that a customer has no card that could be charged.
var ErrNoCard = errors.New("billing: no saved card may be charged without the cardholder")

// ErrRejected says that the processor does not accept a request, for certain: the
// same one again would be refused again, and this one has charged nothing. An
// earlier one may have.
var ErrRejected = errors.New("billing: the processor rejected the request")

// RefillCharge asks for a payment by a saved card, without its bearer.
type RefillCharge struct {
	Account  string
	Customer string
	Amount   money.Money
	Pack     PackSale // its Refill is the idempotency key
}

// OverageCharge asks for an invoice of use beyond the grants.
type OverageCharge struct {
	Bill        string // its id in the billing history, by which it is billed once
	Account     string
	Customer    string
	Amount      money.Money
	NotedAt     time.Time // the bill's time
	Description string
}
