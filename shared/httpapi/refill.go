package httpapi

import (
	"fmt"
	"strings"

	"drawdown/shared/cashier"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// DecodeRefill reads PUT .../auto-refill. When turning it off, the other fields may
// be omitted.
func DecodeRefill(r *Request) (cashier.RefillTerms, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return cashier.RefillTerms{}, err
	}
	if !body.Has("enabled") {
		body.Refuse("enabled", "is required")
	}
	terms := cashier.RefillTerms{Account: account, Enabled: body.Bool("enabled", false)}
	if consent := body.Bool("consent", false); terms.Enabled && !consent {
		body.Refuse("consent", "must be true: the account's users must agree that their saved card is charged automatically")
	}
	if terms.Enabled || body.Has("threshold") {
		terms.Threshold = body.Amount("threshold", credit.Micro, maxAmount)
	}
	if terms.Enabled || body.Has("pack_id") {
		terms.Pack = body.ID("pack_id")
	}
	if terms.Enabled || body.Has("monthly_cap") {
		terms.Cap = readMoney(body, "monthly_cap", 1)
	}
	return terms, body.Close()
}

type refillBody struct {
	AccountID      string     `json:"account_id"`
	Enabled        bool       `json:"enabled"`
	Threshold      *string    `json:"threshold"`
	PackID         *string    `json:"pack_id"`
	MonthlyCap     *moneyBody `json:"monthly_cap"`
	SpentThisMonth *moneyBody `json:"spent_this_month"`
	State          string     `json:"state"`
	Reason         *string    `json:"reason"`
	Message        *string    `json:"message"`
	RetryAt        *string    `json:"retry_at"`
}

// EncodeRefill answers with the state of an account's automatic refill.
func EncodeRefill(w Wallet) Response {
	body := refillBody{AccountID: w.Account, State: string(ledger.RefillOff)}
	r := w.Refill
	if r == nil {
		return OK(body)
	}
	body.State, body.Enabled = string(r.Phase), r.Phase != ledger.RefillOff && !r.Off
	if r.Pack != "" {
		threshold := r.Threshold.String()
		body.Threshold, body.PackID, body.MonthlyCap = &threshold, &r.Pack, optionalMoney(r.Cap)
		spent := moneyOf(w.RefillSpent(w.At))
		body.SpentThisMonth = &spent
	}
	if r.Phase == ledger.RefillBackoff || r.Phase == ledger.RefillActionRequired {
		reason := refillReason(*r)
		message := refillMessage(*r, reason)
		body.Reason, body.Message = &reason, &message
	}
	if r.Phase == ledger.RefillBackoff {
		body.RetryAt = optionalInstant(r.Until)
	}
	return OK(body)
}

// The reasons why a refill is not armed, as returned. Other words of the processor
// appear in the message.
const (
	reasonNoCard   = "no_card"
	reasonRejected = "rejected"
	reasonFailed   = "failed"
)

func refillReason(r ledger.RefillState) string {
	switch r.Reason {
	case ledger.ReasonDeclined, ledger.ReasonAuthentication, ledger.ReasonMonthlyCap, ledger.ReasonNoPack, ledger.ReasonOwed, reasonNoCard, reasonRejected:
		return r.Reason
	}
	switch {
	case r.Failures > 0:
		return ledger.ReasonDeclined
	case r.Phase == ledger.RefillActionRequired:
		return ledger.ReasonAuthentication
	}
	return reasonFailed
}

// refillMessage explains why a refill has stopped and what to do.
func refillMessage(r ledger.RefillState, reason string) string {
	const again = " Then turn automatic refill on again."
	switch reason {
	case ledger.ReasonMonthlyCap:
		return "Another pack would exceed the monthly limit. Automatic refill continues next month; to continue now, raise the limit."
	case ledger.ReasonNoPack:
		return "The pack is no longer sold. Choose another one." + again
	case ledger.ReasonOwed:
		return "Credits are owed for a payment that was refunded or disputed, and a pack would only pay for those. Buy credits yourself." + again
	case reasonRejected:
		return "The payment processor does not accept this charge. It is retried automatically; the platform's operator can see the reason."
	case reasonNoCard:
		return "There is no saved card to charge. Buy a pack and save the card." + again
	case ledger.ReasonAuthentication:
		return "The bank requires you to confirm the payment. Buy a pack and save the card." + again
	case ledger.ReasonDeclined:
		if r.Phase == ledger.RefillActionRequired {
			return declined(r) + "Save another card in the billing portal." + again
		}
		return declined(r) + "The payment is retried automatically; to continue sooner, save another card in the billing portal and set up automatic refill again."
	}
	return "The payment failed. It is retried automatically."
}

// declined gives the bank's reason, if there is one.
func declined(r ledger.RefillState) string {
	if !strings.Contains(r.Reason, " ") { // a code, not a sentence
		return "The card was declined. "
	}
	return fmt.Sprintf("The card was declined: %s. ", strings.TrimRight(r.Reason, ". "))
}
