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

// Plan is a subscription. Its id never changes; its price and contents may, for
// periods that begin later.
type Plan struct {
	ID              string
	Name            string
	Description     string
	Price           money.Money // of one period; a Minor of 0 is a free plan, which the processor does not have
	Interval        Interval
	IncludedCredits credit.Amount
	Overage         ledger.Overage
	OveragePrice    credit.Amount // of one credit, in minor units of Price's currency, with six decimals
	// Rollover is how many included credits that were not used go into the next
	// period, at most. Carried-over credits may be carried over again.
	Rollover credit.Amount
	Active   bool // offered to accounts that do not have it
	// PriceID and ProductID are the processor's; empty: not created there yet.
	ProductID string
	PriceID   string
	UpdatedAt time.Time
}

// Free reports whether the plan costs nothing by itself.
func (p Plan) Free() bool { return p.Price.Minor == 0 }

// OverageRate is the price of use beyond the grants, or none. A plan that does not
// bill overage itself may have one, since an account's own setting takes precedence
// and may allow it.
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
