package httpapi

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// entryBody has only the detail of its kind, or none if the kind adds nothing to the
// common fields. Empty parts of a detail, such as a debt when none was paid, are
// omitted.
type entryBody struct {
	Seq         int64       `json:"seq"`
	Type        string      `json:"type"`
	OperationID string      `json:"operation_id"`
	Credits     string      `json:"credits"`
	Change      string      `json:"change"`
	After       balanceBody `json:"balance_after"`
	Lapsed      []partBody  `json:"lapsed,omitempty"`
	Alerts      []string    `json:"alerts,omitempty"`
	CreatedAt   string      `json:"created_at"`

	Debit    *debitDetail    `json:"debit,omitempty"`
	Grant    *grantDetail    `json:"grant,omitempty"`
	Reversal *reversalDetail `json:"reversal,omitempty"`
	Renewal  *renewalDetail  `json:"renewal,omitempty"`
	Plan     *planDetail     `json:"plan,omitempty"`
	Recovery *recoveryDetail `json:"recovery,omitempty"`
	Refill   *refillDetail   `json:"refill,omitempty"`
}

type debitDetail struct {
	Agent          agentBody  `json:"agent"`
	Channel        string     `json:"channel"`
	ConversationID string     `json:"conversation_id,omitempty"`
	Messages       int64      `json:"messages"`
	RunID          string     `json:"run_id,omitempty"`
	Lines          []lineBody `json:"lines"`
	Overage        string     `json:"overage"`
	OccurredAt     string     `json:"occurred_at"`
}

type grantDetail struct {
	ID        string  `json:"id"`
	Source    string  `json:"source"`
	ExpiresAt *string `json:"expires_at"`
	Reason    string  `json:"reason"`
	OwedPaid  string  `json:"owed_paid,omitempty"`
	PaymentID string  `json:"payment_id,omitempty"`
}

type reversalDetail struct {
	DebitID string `json:"debit_operation_id"`
	Reason  string `json:"reason"`
}

type moneyBody struct {
	Amount   int64  `json:"amount"` // in the currency's minor unit
	Currency string `json:"currency"`
}

// closedOverage is use beyond the grants that was closed, to be billed if it has a price.
type closedOverage struct {
	Credits string     `json:"credits"`
	Price   *moneyBody `json:"price,omitempty"`
}

type renewalDetail struct {
	SubscriptionID string         `json:"subscription_id"`
	PlanID         string         `json:"plan_id"`
	PeriodStart    string         `json:"period_start"`
	PeriodEnd      string         `json:"period_end"`
	CarriedOver    string         `json:"carried_over"`
	Ended          []partBody     `json:"ended,omitempty"`
	Overage        *closedOverage `json:"overage,omitempty"`
	Grant          *grantDetail   `json:"grant,omitempty"`
}

type planDetail struct {
	SubscriptionID string         `json:"subscription_id"`
	PlanID         string         `json:"plan_id"`
	PreviousPlanID string         `json:"previous_plan_id,omitempty"`
	Ended          []partBody     `json:"ended,omitempty"`
	Overage        *closedOverage `json:"overage,omitempty"`
	Grant          *grantDetail   `json:"grant,omitempty"`
}

type recoveryDetail struct {
	OperationID string     `json:"operation_id"` // of what granted the credits
	Reason      string     `json:"reason"`
	Owed        string     `json:"owed"`
	Taken       []partBody `json:"taken,omitempty"`
	Restored    []partBody `json:"restored,omitempty"`
}

type refillDetail struct {
	Step      string       `json:"step"`
	Phase     string       `json:"phase"`
	PackID    string       `json:"pack_id,omitempty"`
	RefillID  string       `json:"refill_id,omitempty"`
	Price     *moneyBody   `json:"price,omitempty"`
	Outcome   string       `json:"outcome,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	RetryAt   *string      `json:"retry_at,omitempty"`
	PaymentID string       `json:"payment_id,omitempty"`
	Grant     *grantDetail `json:"grant,omitempty"`
}

func encodeEntry(e ledger.Entry) entryBody {
	body := entryBody{
		Seq: e.Seq, Type: string(e.Type()), OperationID: e.Operation.String(),
		Credits: e.Credits.String(), Change: e.Change.String(),
		After: encodeBalance(e.After), CreatedAt: instantText(e.CreatedAt),
		Lapsed: encodeParts(e.Lapsed),
	}
	for _, alert := range e.Alerts {
		body.Alerts = append(body.Alerts, string(alert))
	}
	switch d := e.Detail.(type) {
	case *ledger.Charge:
		body.Debit = encodeCharge(d)
	case *ledger.Issue:
		body.Grant = encodeIssue(d)
	case *ledger.Reversal:
		body.Reversal = &reversalDetail{d.Of.String(), d.Reason}
	case *ledger.Renewal:
		body.Renewal = encodeRenewal(d)
	case *ledger.PlanChange:
		body.Plan = &planDetail{d.State.Subscription, d.State.Plan, d.From, nil, encodeClosed(d.Bill), encodeIssue(d.Issue)}
	case *ledger.PlanEnd:
		body.Plan = &planDetail{d.Bill.Subscription, d.Bill.Plan, "", encodeParts(d.Ended), encodeClosed(d.Bill), nil}
	case *ledger.TakenBack:
		body.Recovery = encodeRecovery(d.Recovery, encodeParts(d.Taken), nil)
	case *ledger.GivenBack:
		body.Recovery = encodeRecovery(d.Recovery, nil, encodeRestored(d.Restored, d.Reopened))
	case *ledger.RefillStep:
		body.Refill = encodeRefillStep(d)
	case *ledger.Settings, *ledger.Expiry, *ledger.Unknown: // the account and Lapsed contain everything
	}
	return body
}

func encodeCharge(c *ledger.Charge) *debitDetail {
	return &debitDetail{
		agentBody(c.Agent), c.Channel, c.Conversation, c.Messages, c.Run, encodeLines(c.Lines),
		c.Overage.String(), instantText(c.OccurredAt),
	}
}

func encodeRenewal(r *ledger.Renewal) *renewalDetail {
	return &renewalDetail{
		r.State.Subscription, r.State.Plan, instantText(r.State.Start), instantText(r.State.End),
		r.Carried.String(), encodeParts(r.Ended), encodeClosed(r.Bill), encodeIssue(r.Issue),
	}
}

func encodeRecovery(r ledger.Recovery, taken, restored []partBody) *recoveryDetail {
	return &recoveryDetail{r.Of.String(), r.Reason, r.Owed.String(), taken, restored}
}

func encodeRefillStep(s *ledger.RefillStep) *refillDetail {
	return &refillDetail{
		string(s.Step), string(s.State.Phase), s.State.Pack, s.ID, encodeMoney(s.Price), string(s.Outcome), s.State.Reason,
		optionalInstant(s.State.Until), s.Payment, encodeIssue(s.Issue),
	}
}

func encodeIssue(i *ledger.Issue) *grantDetail {
	if i == nil {
		return nil
	}
	return &grantDetail{i.Grant.ID, string(i.Grant.Source), optionalInstant(i.Grant.ExpiresAt), i.Reason, nonZero(i.Owed), i.Payment}
}

func encodeClosed(b ledger.OverageBill) *closedOverage {
	if b.Billed == 0 {
		return nil
	}
	return &closedOverage{b.Billed.String(), encodeMoney(b.Price)}
}

// encodeMoney is nil if there is no amount.
func encodeMoney(m money.Money) *moneyBody {
	if m.Minor == 0 {
		return nil
	}
	return &moneyBody{m.Minor, m.Currency}
}

func encodeParts(parts []ledger.Part) []partBody {
	var bodies []partBody
	for _, part := range parts {
		bodies = append(bodies, encodePart(part))
	}
	return bodies
}

// encodeRestored lists the grants that received credits, including new ones that
// replace ended ones.
func encodeRestored(restored []ledger.Part, reopened []ledger.Grant) []partBody {
	bodies := encodeParts(restored)
	for _, grant := range reopened {
		bodies = append(bodies, partBody{grant.ID, grant.Amount.String()})
	}
	return bodies
}

func nonZero(amount credit.Amount) string {
	if amount == 0 {
		return ""
	}
	return amount.String()
}
