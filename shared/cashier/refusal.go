package cashier

import (
	"errors"

	"drawdown/shared/billing"
	"drawdown/shared/fault"
)

// errMoved is the refusal of what others kept from being done.
func errMoved() error {
	return fault.New(fault.Contended, "Another request changes the same at this moment; nothing was changed. Send the request again.")
}

// refused is what a failure of the processor is to whoever has called.
func refused(err error) error {
	var refusal *billing.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.ActionRequired:
		return fault.New(fault.PaymentDeclined,
			"%s The bank wants this payment to be confirmed. Nothing was changed: save a card that needs no confirmation in the billing portal, and try again.", sentence(refusal.Message))
	case errors.As(err, &refusal):
		return fault.New(fault.PaymentDeclined,
			"%s Nothing was changed: save another card in the billing portal, and try again.", sentence(refusal.Message))
	case errors.Is(err, billing.ErrNotConfigured):
		return fault.New(fault.PaymentsUnavailable,
			"Payments are not set up here: the operator must give the platform the keys of its payment processor.")
	case errors.Is(err, billing.ErrUnknown):
		return fault.New(fault.PaymentsUnavailable,
			"The payment processor did not answer. Send the same request again, a keyed one under the same key; it takes effect once.")
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
	return fault.New(fault.PlanNotFound, "There is no plan %q; GET /v1/plans lists those that are.", id)
}

// NoPack is the fault of a pack that is not there.
func NoPack(id string) error {
	return fault.New(fault.PackNotFound, "There is no pack %q; GET /v1/packs lists those that are.", id)
}
