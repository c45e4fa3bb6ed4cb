package cashier

import (
	"errors"

	"drawdown/shared/billing"
	"drawdown/shared/fault"
)

// errMoved is the refusal of a request that lost to concurrent changes.
func errMoved() error {
	return fault.New(fault.Contended, "Another request is changing the same data; nothing was changed. Send the request again.")
}

// refused translates a failure of the processor for the caller.
func refused(err error) error {
	var refusal *billing.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.ActionRequired:
		return fault.New(fault.PaymentDeclined,
			"%s The bank requires confirmation of this payment. Nothing was changed: save a card that needs no confirmation in the billing portal and try again.", sentence(refusal.Message))
	case errors.As(err, &refusal):
		return fault.New(fault.PaymentDeclined,
			"%s Nothing was changed: save another card in the billing portal and try again.", sentence(refusal.Message))
	case errors.Is(err, billing.ErrNotConfigured):
		return fault.New(fault.PaymentsUnavailable,
			"Payments are not configured: the operator must store the payment processor's keys.")
	case errors.Is(err, billing.ErrUnknown):
		return fault.New(fault.PaymentsUnavailable,
			"The payment processor did not answer. Send the same request again, with the same Idempotency-Key if it had one; it takes effect once.")
	}
	return err
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	if text == "" {
		return "The card was declined."
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		return text + "."
	}
	return text
}

// NoPlan is the fault for a plan that does not exist.
func NoPlan(id string) error {
	return fault.New(fault.PlanNotFound, "There is no plan %q; GET /v1/plans lists the plans on offer.", id)
}

// NoPack is the fault for a pack that does not exist.
func NoPack(id string) error {
	return fault.New(fault.PackNotFound, "There is no pack %q; GET /v1/packs lists the packs on sale.", id)
}
