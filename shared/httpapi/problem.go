package httpapi

import (
	"errors"
	"net/http"

	"drawdown/shared/fault"
)

const problemType = "urn:drawdown:problem:"

// kind is the HTTP status and title of a fault.
type kind struct {
	status int
	title  string
}

// kinds maps every fault to HTTP.
var kinds = map[fault.Code]kind{
	fault.MalformedJSON:         {http.StatusBadRequest, "The body is not valid JSON"},
	fault.InvalidRequest:        {http.StatusUnprocessableEntity, "The request has invalid fields"},
	fault.PayloadTooLarge:       {http.StatusRequestEntityTooLarge, "The body is too large"},
	fault.Unauthenticated:       {http.StatusUnauthorized, "No valid key"},
	fault.Forbidden:             {http.StatusForbidden, "The key does not allow this"},
	fault.IdempotencyKeyMissing: {http.StatusBadRequest, "The Idempotency-Key header is missing"},
	fault.IdempotencyKeyReused:  {http.StatusUnprocessableEntity, "The idempotency key was used for another request"},
	fault.InsufficientCredits:   {http.StatusPaymentRequired, "Not enough credits"},
	fault.AccountNotFound:       {http.StatusNotFound, "No such account"},
	fault.AccountSuspended:      {http.StatusForbidden, "The account is suspended"},
	fault.RateNotFound:          {http.StatusUnprocessableEntity, "No rate for this node and action"},
	fault.RateCardNotFound:      {http.StatusNotFound, "No such rate card"},
	fault.RateCardPublished:     {http.StatusConflict, "The rate card is already published"},
	fault.DebitNotFound:         {http.StatusNotFound, "No such debit"},
	fault.NotReversible:         {http.StatusConflict, "The debit cannot be reversed"},
	fault.TooManyGrants:         {http.StatusConflict, "Too many open grants"},
	fault.BalanceTooLarge:       {http.StatusConflict, "The balance would be too large"},
	fault.APIKeyNotFound:        {http.StatusNotFound, "No such API key"},
	fault.PlanNotFound:          {http.StatusNotFound, "No such plan"},
	fault.PackNotFound:          {http.StatusNotFound, "No such pack"},
	fault.NotOffered:            {http.StatusConflict, "No longer offered"},
	fault.PlanAlreadyActive:     {http.StatusConflict, "The account already has this plan"},
	fault.PlanChangeNotPossible: {http.StatusConflict, "The plan cannot be changed this way"},
	fault.NoSubscription:        {http.StatusConflict, "The account has no subscription"},
	fault.PaymentDeclined:       {http.StatusPaymentRequired, "The payment was declined"},
	fault.PaymentsUnavailable:   {http.StatusServiceUnavailable, "Payments are not available"},
	fault.EndpointNotFound:      {http.StatusNotFound, "No such webhook endpoint"},
	fault.DeliveryNotFound:      {http.StatusNotFound, "No such delivery"},
	fault.InvalidSignature:      {http.StatusBadRequest, "The signature is invalid"},
	fault.AssetNotFound:         {http.StatusNotFound, "No such file"},
	fault.Contended:             {http.StatusServiceUnavailable, "Too many concurrent changes"},
	fault.Unavailable:           {http.StatusServiceUnavailable, "Temporarily unavailable"},
	fault.Internal:              {http.StatusInternalServerError, "Internal error"},
}

// Problem is an error in the form of RFC 9457.
type Problem struct {
	Type          string            `json:"type"`
	Title         string            `json:"title"`
	Status        int               `json:"status"`
	Detail        string            `json:"detail"`
	InvalidParams []invalidParam    `json:"invalid_params,omitempty"`
	Extra         map[string]string `json:",embed"` //nolint:staticcheck // an option of the JSON package in use here, not of encoding/json
}

type invalidParam struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// ProblemOf returns the problem that describes err. An error that is not a fault
// becomes an internal error, whose text is not disclosed.
func ProblemOf(err error) Problem {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.New(fault.Internal, "Something went wrong on our side. Send the same request again; under the same key it takes effect once.")
	}
	k, known := kinds[f.Code]
	if !known {
		k = kinds[fault.Internal]
	}
	problem := Problem{Type: problemType + string(f.Code), Title: k.title, Status: k.status, Detail: f.Detail}
	for _, p := range f.Params {
		problem.InvalidParams = append(problem.InvalidParams, invalidParam(p))
	}
	for _, field := range f.Fields {
		if problem.Extra == nil {
			problem.Extra = map[string]string{}
		}
		problem.Extra[field.Name] = field.Value
	}
	return problem
}

func problemResponse(err error) Response {
	problem := ProblemOf(err)
	response := Response{Status: problem.Status, ContentType: "application/problem+json", Body: problem}
	switch problem.Status {
	case http.StatusUnauthorized:
		response = response.With("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		response = response.With("Retry-After", "1")
	}
	return response
}
