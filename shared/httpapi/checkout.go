package httpapi

import (
	"drawdown/shared/cashier"
)

// DecodeCheckout reads POST .../checkouts.
func DecodeCheckout(r *Request) (cashier.Wish, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return cashier.Wish{}, err
	}
	wish := cashier.Wish{Account: account, Key: r.Operation, SaveCard: body.Bool("save_card", false), ReturnURL: returnURL(body)}
	wish.Plan, wish.Pack = oneOfTwo(body, "plan_id", "pack_id")
	if wish.SaveCard && body.Has("plan_id") {
		body.Refuse("save_card", "applies only to packs: the card of a plan is always saved for its renewals")
	}
	wish.SuccessURL, wish.CancelURL = r.Origin()+pagePath+"?checkout=success", r.Origin()+pagePath+"?checkout=canceled"
	if wish.ReturnURL != "" {
		wish.SuccessURL, wish.CancelURL = wish.ReturnURL, wish.ReturnURL
	}
	return wish, body.Close()
}

// EncodeCheckout answers POST .../checkouts.
func EncodeCheckout(p cashier.Page) Response { return Keyed(urlBody{p.URL}, p.Replayed) }

// Visit is a visit to the billing portal.
type Visit struct {
	Account   string
	ReturnURL string
}

// DecodePortal reads POST .../portal. The body may be omitted.
func DecodePortal(r *Request) (Visit, error) {
	account, body, err := r.accountAndOptionalBody()
	if err != nil {
		return Visit{}, err
	}
	visit := Visit{account, returnURL(body)}
	if visit.ReturnURL == "" {
		visit.ReturnURL = r.Origin() + pagePath
	}
	return visit, body.Close()
}

// EncodePortal answers POST .../portal.
func EncodePortal(url string) Response { return Created(urlBody{url}) }

type urlBody struct {
	URL string `json:"url"`
}

// accountAndOptionalBody is accountAndBody with a missing body read as an empty object.
func (r *Request) accountAndOptionalBody() (string, *Object, error) {
	content := r.body
	if len(content) == 0 {
		content = []byte("{}")
	}
	body, err := ReadObject(content)
	if err != nil {
		return "", nil, err
	}
	account, err := r.PathID("account_id")
	return account, body, err
}

// returnURL reads where a person returns to; empty if not given.
func returnURL(body *Object) string {
	text := body.OptionalText("return_url", maxReturnURL)
	if text != "" && !isWebAddress(text) {
		body.Refuse("return_url", `must be an address such as "https://example.com/account"`)
	}
	return text
}

// oneOfTwo reads two ids of which exactly one must be given.
func oneOfTwo(body *Object, first, second string) (one, other string) {
	one, other = body.OptionalID(first), body.OptionalID(second)
	if body.Has(first) == body.Has(second) {
		body.Refuse(first, "or %s must be given, but not both", second)
	}
	return one, other
}

// DecodeSubscriptionStep reads a route that acts on an account's subscription without
// further input. The body may be omitted or an empty object.
func DecodeSubscriptionStep(r *Request) (string, error) {
	account, body, err := r.accountAndOptionalBody()
	if err != nil {
		return "", err
	}
	return account, body.Close()
}

type subscribedPlanBody struct {
	ID              string          `json:"id"`
	Name            string          `json:"name"`
	Price           moneyBody       `json:"price"`
	Interval        string          `json:"interval"`
	IncludedCredits string          `json:"included_credits"`
	Overage         planOverageBody `json:"overage"`
}

type subscriptionBody struct {
	AccountID         string              `json:"account_id"`
	Status            string              `json:"status"`
	Plan              *subscribedPlanBody `json:"plan"`
	PeriodStart       *string             `json:"period_start"`
	PeriodEnd         *string             `json:"period_end"`
	CancelAtPeriodEnd bool                `json:"cancel_at_period_end"`
	NextPlanID        *string             `json:"next_plan_id"`
	RenewsAt          *string             `json:"renews_at"`
	IncludedRemaining string              `json:"included_remaining"`
	OverageUsed       string              `json:"overage_used"`
	OveragePrice      *moneyBody          `json:"overage_price"`
	PayURL            *string             `json:"pay_url"`
}

// EncodeSubscription answers with an account's subscription.
func EncodeSubscription(s cashier.Subscription) Response {
	body := subscriptionBody{
		AccountID: s.Account, Status: "none", IncludedRemaining: s.Included.String(),
		OverageUsed: s.OverageUsed.String(), OveragePrice: optionalMoney(s.OveragePrice),
	}
	if standing := s.Standing; standing != nil {
		body.Status = string(standing.Status)
	}
	if s.Plan == nil {
		return OK(body)
	}
	body.Plan = &subscribedPlanBody{
		s.Plan.ID, s.Plan.Name, moneyOf(s.Plan.Price), string(s.Plan.Interval), s.Plan.IncludedCredits.String(), encodePlanOverage(*s.Plan),
	}
	body.PeriodStart, body.PeriodEnd = optionalInstant(s.Standing.PeriodStart), optionalInstant(s.Standing.PeriodEnd)
	body.CancelAtPeriodEnd, body.RenewsAt = s.Standing.CancelAtPeriodEnd, optionalInstant(s.RenewsAt)
	body.NextPlanID, body.PayURL = optionalText(s.NextPlan), optionalText(s.Standing.PayURL)
	return OK(body)
}

// optionalText is nil for an empty text.
func optionalText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
