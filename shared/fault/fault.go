// Package fault is the vocabulary of failures that a caller can act on.
//
// Domain packages return *Error; the edges translate its Code, and only that,
// into their own terms. Every other error is internal: it is logged, and its
// text never leaves the platform.
package fault

import (
	"errors"
	"fmt"
)

// Code names one kind of failure. Codes are part of the public contract: the
// HTTP API sends them as problem types.
type Code string

// The codes.
const (
	MalformedJSON         Code = "malformed-json"
	InvalidRequest        Code = "invalid-request"
	PayloadTooLarge       Code = "payload-too-large"
	Unauthenticated       Code = "unauthenticated"
	Forbidden             Code = "forbidden"
	IdempotencyKeyMissing Code = "idempotency-key-missing"
	IdempotencyKeyReused  Code = "idempotency-key-reused"
	InsufficientCredits   Code = "insufficient-credits"
	AccountNotFound       Code = "account-not-found"
	AccountSuspended      Code = "account-suspended"
	RateNotFound          Code = "rate-not-found"
	RateCardNotFound      Code = "rate-card-not-found"
	RateCardPublished     Code = "rate-card-published"
	DebitNotFound         Code = "debit-not-found"
	NotReversible         Code = "not-reversible"
	TooManyGrants         Code = "too-many-grants"
	APIKeyNotFound        Code = "api-key-not-found" //nolint:gosec // a word, no key
	AssetNotFound         Code = "asset-not-found"
	Contended             Code = "contended"
	Unavailable           Code = "unavailable"
	Internal              Code = "internal"
	BalanceTooLarge       Code = "balance-too-large"
	PlanNotFound          Code = "plan-not-found"
	PackNotFound          Code = "pack-not-found"
	NotOffered            Code = "not-offered"
	PlanAlreadyActive     Code = "plan-already-active"
	PlanChangeNotPossible Code = "plan-change-not-possible"
	NoSubscription        Code = "no-subscription"
	PaymentDeclined       Code = "payment-declined"
	PaymentsUnavailable   Code = "payments-unavailable"
	EndpointNotFound      Code = "webhook-endpoint-not-found"
	DeliveryNotFound      Code = "delivery-not-found"
	InvalidSignature      Code = "invalid-signature"
)

// Codes lists every code, for the tables that must cover them all.
func Codes() []Code {
	return []Code{
		MalformedJSON, InvalidRequest, PayloadTooLarge, Unauthenticated, Forbidden,
		IdempotencyKeyMissing, IdempotencyKeyReused, InsufficientCredits, AccountNotFound,
		AccountSuspended, RateNotFound, RateCardNotFound, RateCardPublished, DebitNotFound,
		NotReversible, TooManyGrants, APIKeyNotFound, AssetNotFound, Contended, Unavailable, Internal,
		BalanceTooLarge, PlanNotFound, PackNotFound, NotOffered, PlanAlreadyActive,
		PlanChangeNotPossible, NoSubscription, PaymentDeclined, PaymentsUnavailable,
		EndpointNotFound, DeliveryNotFound, InvalidSignature,
	}
}

// Param is one bad field: its path in the request, what is wrong with it, and
// what would be right.
type Param struct {
	Name   string
	Reason string
}

// Field is a further named value of a failure, such as the credits that a debit
// required.
type Field struct {
	Name  string
	Value string
}

// Error is a failure that its caller can act on.
type Error struct {
	Code   Code
	Detail string // one or two sentences: what happened and what to do
	Params []Param
	Fields []Field
}

// Error implements error.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Detail
	for _, p := range e.Params {
		text += fmt.Sprintf(" (%s: %s)", p.Name, p.Reason)
	}
	return text
}

// New is a failure with a formatted detail.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// With adds a named value and returns the same failure.
func (e *Error) With(name, value string) *Error {
	e.Fields = append(e.Fields, Field{name, value})
	return e
}

// Invalid is an InvalidRequest that names its bad fields.
func Invalid(params ...Param) *Error {
	return &Error{
		Code:   InvalidRequest,
		Detail: "The request has invalid fields; invalid_params lists them.",
		Params: params,
	}
}

// CodeOf is the code of the *Error in err's tree, or Internal if there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
