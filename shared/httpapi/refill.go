package httpapi

import (
	"fmt"
	"strings"

	"drawdown/shared/cashier"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// DecodeRefill reads PUT .../auto-refill. Where it is switched off, the other fields
// may be left out.
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
		body.Refuse("consent", "must be true: ask the account's people whether their saved card may be charged without them, and say so here")
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

// EncodeRefill answers how an account's automatic refill stands.
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

// The reasons that a refill is not armed for, as they are told. Whatever else the
// processor has said is told in the message.
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

// refillMessage says why a refill has stopped and what to do.
func refillMessage(r ledger.RefillState, reason string) string {
	const again = " Then switch automatic refill on again."
	switch reason {
	case ledger.ReasonMonthlyCap:
		return "Another pack would pass this month's cap. It goes on when the month is over; to go on at once, raise the cap."
	case ledger.ReasonNoPack:
		return "The pack is not sold any more. Choose another one." + again
	case ledger.ReasonOwed:
		return "Credits are owed for a payment that was taken back; a pack would go into that alone. Buy credits yourself." + again
	case reasonRejected:
		return "The payment processor does not accept this charge. It is tried again by itself; whoever runs the platform sees why."
	case reasonNoCard:
		return "No card is saved that may be charged. Buy a pack and let the card be saved." + again
	case ledger.ReasonAuthentication:
		return "The bank wants the payment to be confirmed. Buy a pack and let the card be saved." + again
	case ledger.ReasonDeclined:
		if r.Phase == ledger.RefillActionRequired {
			return declined(r) + "Save another card in the billing portal." + again
		}
		return declined(r) + "It is tried again by itself; to go on sooner, save another card in the billing portal and set automatic refill up again."
	}
	return "The payment could not be made. It is tried again by itself."
}

// declined says it in the bank's words, where there are some.
func declined(r ledger.RefillState) string {
	if !strings.Contains(r.Reason, " ") { // a machine's word
		return "The card was declined. "
	}
	return fmt.Sprintf("The card was declined: %s. ", strings.TrimRight(r.Reason, ". "))
}
