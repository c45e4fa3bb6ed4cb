package httpapi

import (
	"drawdown/shared/access"
	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

const (
	// maxMoney is the maximum of one payment in minor units, as processors limit it.
	maxMoney        = 99_999_999
	maxDescription  = 500
	maxValidityDays = 3650
	// maxOveragePrice bounds the price of one credit: a million minor units.
	maxOveragePrice = 1_000_000 * credit.Credit
)

// moneyOf is an amount that is always present.
func moneyOf(m money.Money) moneyBody { return moneyBody{m.Minor, m.Currency} }

// optionalMoney is nil for the zero money, which has no currency.
func optionalMoney(m money.Money) *moneyBody {
	if m.Currency == "" {
		return nil
	}
	body := moneyOf(m)
	return &body
}

// readMoney is a required member that is an amount of money of at least least minor
// units.
func readMoney(body *Object, name string, least int64) money.Money {
	object := body.Object(name)
	if !object.Has("amount") {
		object.Refuse("amount", "is required")
	}
	return money.Money{
		Minor: object.Int("amount", 0, least, maxMoney),
		Currency: object.stringWhere("currency", `must be a currency code of three lower-case letters, such as "usd"`,
			true, money.IsCurrency),
	}
}

// DecodePlan reads PUT /v1/plans/{plan_id}.
func DecodePlan(r *Request) (billing.Plan, error) {
	body, id, err := r.catalogBody("plan_id")
	if err != nil {
		return billing.Plan{}, err
	}
	plan := billing.Plan{
		ID: id, Name: body.Text("name", maxName), Description: body.OptionalText("description", maxDescription),
		Price:           readMoney(body, "price", 0),
		Interval:        billing.Interval(body.OneOf("interval", "", string(billing.Monthly), string(billing.Yearly))),
		IncludedCredits: body.Amount("included_credits", 0, maxAmount),
		Active:          body.Bool("active", true),
	}
	if rollover := body.OptionalAmount("rollover", 0, maxAmount); rollover != nil {
		plan.Rollover = *rollover
	}
	plan.Overage = ledger.Overage{Policy: ledger.Block}
	if body.Has("overage") {
		readPlanOverage(body.Object("overage"), &plan)
	}
	return plan, body.Close()
}

// readPlanOverage reads what a plan allows beyond its credits, and at what price.
func readPlanOverage(overage *Object, plan *billing.Plan) {
	plan.Overage = *readOverage(overage)
	if price := overage.OptionalAmount("price_per_credit", 0, maxOveragePrice); price != nil {
		plan.OveragePrice = *price
	} else if plan.Overage.Policy == ledger.Bill {
		overage.Refuse("price_per_credit", "is required if overage is billed")
	}
	if most, err := plan.OverageRate().Of(plan.Overage.Limit); err != nil || most.Minor > maxMoney {
		overage.Refuse("limit", "must not cost more than %d in minor units, the maximum of one invoice", int64(maxMoney))
	}
}

// DecodePack reads PUT /v1/packs/{pack_id}.
func DecodePack(r *Request) (billing.Pack, error) {
	body, id, err := r.catalogBody("pack_id")
	if err != nil {
		return billing.Pack{}, err
	}
	pack := billing.Pack{
		ID: id, Name: body.Text("name", maxName), Description: body.OptionalText("description", maxDescription),
		Price:        readMoney(body, "price", 1),
		Credits:      body.Amount("credits", credit.Micro, maxAmount),
		ValidityDays: int(body.Int("validity_days", 0, 0, maxValidityDays)),
		Active:       body.Bool("active", true),
	}
	return pack, body.Close()
}

func (r *Request) catalogBody(param string) (*Object, string, error) {
	body, err := ReadObject(r.body)
	if err != nil {
		return nil, "", err
	}
	id, err := r.PathID(param)
	return body, id, err
}

type planOverageBody struct {
	Policy         string `json:"policy"`
	Limit          string `json:"limit"`
	PricePerCredit string `json:"price_per_credit"`
}

type planBody struct {
	ID              string          `json:"id"`
	Name            string          `json:"name"`
	Description     string          `json:"description"`
	Price           moneyBody       `json:"price"`
	Interval        string          `json:"interval"`
	IncludedCredits string          `json:"included_credits"`
	Overage         planOverageBody `json:"overage"`
	Rollover        string          `json:"rollover"`
	Active          bool            `json:"active"`
	UpdatedAt       string          `json:"updated_at"`
}

func encodePlanOverage(p billing.Plan) planOverageBody {
	return planOverageBody{string(p.Overage.Policy), p.Overage.Limit.String(), p.OveragePrice.String()}
}

func encodePlan(p billing.Plan) planBody {
	return planBody{
		p.ID, p.Name, p.Description, moneyOf(p.Price), string(p.Interval), p.IncludedCredits.String(),
		encodePlanOverage(p), p.Rollover.String(), p.Active, instantText(p.UpdatedAt),
	}
}

type packBody struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Description  string    `json:"description"`
	Price        moneyBody `json:"price"`
	Credits      string    `json:"credits"`
	ValidityDays int       `json:"validity_days"`
	Active       bool      `json:"active"`
	UpdatedAt    string    `json:"updated_at"`
}

func encodePack(p billing.Pack) packBody {
	return packBody{
		p.ID, p.Name, p.Description, moneyOf(p.Price), p.Credits.String(), p.ValidityDays, p.Active, instantText(p.UpdatedAt),
	}
}

// Put is the result of a PUT of the catalog.
type Put[A any] struct {
	Now     A
	Created bool // by this request
}

// EncodePutPlan answers PUT /v1/plans/{plan_id}.
func EncodePutPlan(p Put[billing.Plan]) Response {
	if p.Created {
		return Created(encodePlan(p.Now))
	}
	return OK(encodePlan(p.Now))
}

// EncodePutPack answers PUT /v1/packs/{pack_id}.
func EncodePutPack(p Put[billing.Pack]) Response {
	if p.Created {
		return Created(encodePack(p.Now))
	}
	return OK(encodePack(p.Now))
}

// CatalogQuery asks for a page of the plans or packs.
type CatalogQuery struct {
	PageQuery
	All bool // including those no longer sold
}

// DecodeCatalog reads GET /v1/plans and /v1/packs. An operator also sees what is no
// longer sold.
func DecodeCatalog(r *Request) (CatalogQuery, error) {
	page, err := DecodePage(r)
	return CatalogQuery{page, r.Caller.May(access.Admin, "") == nil}, err
}

// DecodePlanID reads a route with a plan id and no other input.
func DecodePlanID(r *Request) (string, error) { return r.PathID("plan_id") }

// DecodePackID reads a route with a pack id and no other input.
func DecodePackID(r *Request) (string, error) { return r.PathID("pack_id") }

// EncodePlan answers with a plan.
func EncodePlan(p billing.Plan) Response { return OK(encodePlan(p)) }

// EncodePack answers with a pack.
func EncodePack(p billing.Pack) Response { return OK(encodePack(p)) }

// EncodePlans answers with a page of the plans.
func EncodePlans(l Listing[billing.Plan]) Response {
	return OK(newPage(l, func(p billing.Plan) string { return p.ID }, encodePlan))
}

// EncodePacks answers with a page of the packs.
func EncodePacks(l Listing[billing.Pack]) Response {
	return OK(newPage(l, func(p billing.Pack) string { return p.ID }, encodePack))
}
