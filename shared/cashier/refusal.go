package cashier

import (
	"errors"

	"drawdown/shared/billing"
	"drawdown/shared/fault"
)

// errMoved is the refusal of what others kept from being done.
func errMoved() error {
	return fault.New(fault.Contended, "Another request is changing the same data; nothing was changed. Send the request again.")
}

// refused is what a failure of the processor is to whoever has called.
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

// sentence ends a text as a sentence ends.
func sentence(text string) string {
	if text == "" {
		return "The card was declined."
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		return text + "."
	}
	return text
}

// NoPlan is the fault of a plan that is not there.
func NoPlan(id string) error {
	return fault.New(fault.PlanNotFound, "There is no plan %q; GET /v1/plans lists the plans on offer.", id)
}

// NoPack is the fault of a pack that is not there.
func NoPack(id string) error {
	return fault.New(fault.PackNotFound, "There is no pack %q; GET /v1/packs lists the packs on sale.", id)
}
