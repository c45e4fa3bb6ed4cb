package billing

import (
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Interval is how long a plan's period is.
type Interval string

// The intervals.
const (
	Monthly Interval = "month"
	Yearly  Interval = "year"
)

// Plan is a subscription. Its id is its name for ever; what it costs and
// includes may change, for periods that begin later.
type Plan struct {
	ID              string
	Name            string
	Description     string
	Price           money.Money // of one period; a Minor of 0 is a free plan, which no processor knows
	Interval        Interval
	IncludedCredits credit.Amount
	Overage         ledger.Overage
	OveragePrice    credit.Amount // of one credit, in minor units of Price's currency, with six decimals
	// Rollover is how many included credits that were not used go into the next
	// period, at most. Credits that were carried over once may be again.
	Rollover credit.Amount
	Active   bool // offered to accounts that have not got it
	// PriceID and ProductID are the processor's, empty where it has not been told.
	ProductID string
	PriceID   string
	UpdatedAt time.Time
}

// Free tells whether the plan costs nothing by itself.
func (p Plan) Free() bool { return p.Price.Minor == 0 }

// OverageRate is the price of use beyond the grants, none where it has none. A plan
// that bills no overage itself may have one: an account's own setting, which wins,
// may allow it.
func (p Plan) OverageRate() money.Rate {
	if p.OveragePrice == 0 {
		return money.Rate{}
	}
	return money.Rate{PerCredit: p.OveragePrice, Currency: p.Price.Currency}
}

// Pack is a one-time purchase of credits.
type Pack struct {
	ID           string
	Name         string
	Description  string
	Price        money.Money
	Credits      credit.Amount
	ValidityDays int // of the credits, from their purchase; 0: for ever
	Active       bool
	ProductID    string
	PriceID      string
	UpdatedAt    time.Time
}

// ExpiresAt is when credits of the pack lapse that were bought at an instant;
// zero: never.
func (p Pack) ExpiresAt(boughtAt time.Time) time.Time {
	if p.ValidityDays == 0 {
		return time.Time{}
	}
	return boughtAt.AddDate(0, 0, p.ValidityDays)
}
