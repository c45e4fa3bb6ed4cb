package billing

import (
	"errors"
	"time"

	"drawdown/shared/money"
)

// ErrNoCard means that a customer has no card to charge.
var ErrNoCard = errors.New("billing: no saved card may be charged without the cardholder")

// ErrRejected means that the processor definitely rejected a request: the same
// one would be rejected again, and this one charged nothing. An earlier one may
// have.
var ErrRejected = errors.New("billing: the processor rejected the request")

// RefillCharge requests a payment with a saved card, without the cardholder.
type RefillCharge struct {
	Account  string
	Customer string
	Amount   money.Money
	Pack     PackSale // its Refill is the idempotency key
}

// OverageCharge requests an invoice for use beyond the grants.
type OverageCharge struct {
	Bill        string // its id in the billing history, by which it is billed once
	Account     string
	Customer    string
	Amount      money.Money
	NotedAt     time.Time // the bill's time
	Description string
}
