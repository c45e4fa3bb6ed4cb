package httpapi

import (
	"time"

	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

const (
	maxPriority = 1000
	maxZone     = 64
)

// DecodeAccount reads PUT /v1/accounts/{account_id}.
func DecodeAccount(r *Request) (Command, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return Command{}, err
	}
	settings := ledger.Settings{
		Name:   body.Text("name", maxName),
		Zone:   body.Text("time_zone", maxZone),
		Status: ledger.Status(body.OneOf("status", string(ledger.Active), string(ledger.Active), string(ledger.Suspended))),
	}
	if threshold := body.OptionalAmount("low_balance_threshold", 0, maxAmount); threshold != nil {
		settings.LowBalance = *threshold
	}
	if body.Has("overage") {
		settings.Overage = readOverage(body.Object("overage"))
	}
	if err := body.Close(); err != nil {
		return Command{}, err
	}
	return Command{account, ledger.Command{Action: ledger.Configure{Settings: settings}}}, nil
}

func readOverage(body *Object) *ledger.Overage {
	overage := &ledger.Overage{Policy: ledger.OveragePolicy(body.OneOf("policy", "", string(ledger.Block), string(ledger.Bill)))}
	if overage.Policy == ledger.Bill {
		overage.Limit = body.Amount("limit", 0, maxAmount)
	} else if limit := body.OptionalAmount("limit", 0, maxAmount); limit != nil {
		overage.Limit = *limit
	}
	return overage
}

type accountBody struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	TimeZone   string       `json:"time_zone"`
	Status     string       `json:"status"`
	Overage    *overageBody `json:"overage,omitempty"`
	LowBalance string       `json:"low_balance_threshold"`
	CreatedAt  *string      `json:"created_at,omitempty"`
	UpdatedAt  string       `json:"updated_at"`
}

type overageBody struct {
	Policy string `json:"policy"`
	Limit  string `json:"limit"`
}

// Account is an account as the operator sees it.
type Account struct {
	ID        string
	Settings  ledger.Settings
	CreatedAt time.Time
	UpdatedAt time.Time
	Created   bool // by this request
}

func encodeAccount(a Account) accountBody {
	s := a.Settings
	body := accountBody{
		ID: a.ID, Name: s.Name, TimeZone: s.Zone, Status: string(s.Status),
		LowBalance: s.LowBalance.String(),
		CreatedAt:  optionalInstant(a.CreatedAt),
		UpdatedAt:  instantText(a.UpdatedAt),
	}
	if s.Overage != nil {
		body.Overage = &overageBody{string(s.Overage.Policy), s.Overage.Limit.String()}
	}
	return body
}

// EncodeAccount answers with an account: 201 if this request created it.
func EncodeAccount(a Account) Response {
	if a.Created {
		return Created(encodeAccount(a))
	}
	return OK(encodeAccount(a))
}

// DecodeAccountID reads a route with an account id and no other input.
func DecodeAccountID(r *Request) (string, error) { return r.PathID("account_id") }

// DecodePage reads a listing's ?limit= and ?cursor=.
func DecodePage(r *Request) (PageQuery, error) {
	page, problems := r.pageQuery()
	problems = append(problems, r.refuseUnknownQuery("limit", "cursor")...)
	if len(problems) > 0 {
		return page, fault.Invalid(problems...)
	}
	return page, nil
}

// EncodeAccounts answers with a page of the listing.
func EncodeAccounts(l Listing[Account]) Response {
	return OK(newPage(l, func(a Account) string { return a.ID }, encodeAccount))
}

// DecodeGrant reads POST .../grants.
func DecodeGrant(r *Request) (Command, error) {
	account, body, err := r.accountAndBody()
	if err != nil {
		return Command{}, err
	}
	grant := ledger.AddGrant{
		Amount: body.Amount("amount", credit.Micro, maxAmount),
		Source: ledger.Source(body.OneOf("source", "",
			string(ledger.FromPromo), string(ledger.FromAdjustment), string(ledger.FromPurchase))),
		EffectiveAt: body.Instant("effective_at"),
		ExpiresAt:   body.Instant("expires_at"),
		Reason:      body.OptionalText("reason", maxReason),
	}
	if body.Has("priority") {
		priority := int(body.Int("priority", ledger.DefaultPriority, 0, maxPriority))
		grant.Priority = &priority
	}
	if err := body.Close(); err != nil {
		return Command{}, err
	}
	return Command{account, ledger.Keyed(r.Operation, grant)}, nil
}

type grantBody struct {
	ID          string  `json:"id"`
	Source      string  `json:"source"`
	Amount      string  `json:"amount"`
	Remaining   string  `json:"remaining"`
	Priority    int     `json:"priority"`
	EffectiveAt string  `json:"effective_at"`
	ExpiresAt   *string `json:"expires_at"`
}

func encodeGrant(g ledger.Grant) grantBody {
	return grantBody{
		ID: g.ID, Source: string(g.Source), Amount: g.Amount.String(), Remaining: g.Remaining.String(),
		Priority: g.Priority, EffectiveAt: instantText(g.EffectiveAt), ExpiresAt: optionalInstant(g.ExpiresAt),
	}
}

// EncodeGrant answers a grant.
func EncodeGrant(o commit.Outcome) Response {
	issue := ledger.DetailOf[*ledger.Issue](o.Entry)
	return Keyed(struct {
		grantBody
		Reason      string      `json:"reason"`
		OperationID string      `json:"operation_id"`
		AccountID   string      `json:"account_id"`
		Seq         int64       `json:"seq"`
		Balance     balanceBody `json:"balance"`
		CreatedAt   string      `json:"created_at"`
	}{
		encodeGrant(issue.Grant), issue.Reason, o.Entry.Operation.String(), o.Entry.Account,
		o.Entry.Seq, encodeBalance(o.Entry.After), instantText(o.Entry.CreatedAt),
	}, o.Replayed)
}
