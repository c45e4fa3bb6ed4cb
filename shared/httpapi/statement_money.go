package httpapi

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// What payments leave in the ledger. A part that says nothing, such as a debt
// where none was paid, is left out.

type moneyBody struct {
	Amount   int64  `json:"amount"` // in the currency's minor unit
	Currency string `json:"currency"`
}

// closedOverage is use beyond the grants that was closed, to be billed where it has a price.
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

func (body *entryBody) encodeMoney(e *ledger.Entry) {
	switch {
	case e.Renewal != nil:
		r := e.Renewal
		body.Renewal = &renewalDetail{
			r.State.Subscription, r.State.Plan, instantText(r.State.Start), instantText(r.State.End),
			r.Carried.String(), encodeParts(r.Ended), encodeClosed(r.Bill), encodeIssue(r.Issue),
		}
	case e.PlanChange != nil:
		c := e.PlanChange
		body.Plan = &planDetail{c.State.Subscription, c.State.Plan, c.From, nil, encodeClosed(c.Bill), encodeIssue(c.Issue)}
	case e.PlanEnd != nil:
		p := e.PlanEnd
		body.Plan = &planDetail{p.Bill.Subscription, p.Bill.Plan, "", encodeParts(p.Ended), encodeClosed(p.Bill), nil}
	case e.Recovery != nil:
		r := e.Recovery
		body.Recovery = &recoveryDetail{r.Of.String(), r.Reason, r.Owed.String(), encodeParts(r.Taken), encodeParts(r.Restored)}
		for _, grant := range r.Reopened {
			body.Recovery.Restored = append(body.Recovery.Restored, partBody{grant.ID, grant.Amount.String()})
		}
	case e.Refill != nil:
		s := e.Refill
		body.Refill = &refillDetail{
			string(s.Step), string(s.State.Phase), s.State.Pack, s.ID, encodeMoney(s.Price), string(s.Outcome), s.State.Reason,
			optionalInstant(s.State.Until), s.Payment, encodeIssue(s.Issue),
		}
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

// encodeMoney is nil where there is no amount.
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

func nonZero(amount credit.Amount) string {
	if amount == 0 {
		return ""
	}
	return amount.String()
}
