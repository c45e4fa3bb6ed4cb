// Package money is the arithmetic of money: a whole number of a currency's
// minor unit, and a currency code, as at Stripe. It has no exchange rates and
// rounds only where a price requires it.
package money

import (
	"errors"
	"math/big"
	"strconv"

	"drawdown/shared/credit"
)

// Money is an amount in the minor unit of a currency: 1250 of "usd" are 12.50
// dollars, 1250 of "jpy" as many yen.
type Money struct {
	Minor    int64
	Currency string // ISO 4217, in lower case
}

// The failures of this package.
var (
	// ErrCurrency: the amounts are of two currencies.
	ErrCurrency = errors.New("money: amounts of different currencies")
	// ErrOverflow: the result does not fit in an int64 of minor units.
	ErrOverflow = errors.New("money: amount too large")
)

// Add is m + other.
func (m Money) Add(other Money) (Money, error) {
	if m.Currency != other.Currency {
		return Money{}, ErrCurrency
	}
	sum := m.Minor + other.Minor
	if (sum > m.Minor) != (other.Minor > 0) {
		return Money{}, ErrOverflow
	}
	return Money{sum, m.Currency}, nil
}

// String is the amount for a log line: "1250 usd".
func (m Money) String() string { return strconv.FormatInt(m.Minor, 10) + " " + m.Currency }

// IsCurrency reports whether a text can be a currency code: three lower-case
// letters.
func IsCurrency(text string) bool {
	const length = 3
	if len(text) != length {
		return false
	}
	for i := range len(text) {
		if text[i] < 'a' || text[i] > 'z' {
			return false
		}
	}
	return true
}

// Rate is the price of one credit, in minor units with six decimals: 1_500_000
// of "usd" are 1.5 cents a credit.
type Rate struct {
	PerCredit credit.Amount // a decimal of minor units
	Currency  string
}

// Of is the price of some credits, rounded half up to the minor unit. Neither
// may be negative. It fails with ErrOverflow.
func (r Rate) Of(credits credit.Amount) (Money, error) {
	one := big.NewInt(int64(credit.Credit))
	scale := new(big.Int).Mul(one, one)
	price := new(big.Int).Mul(big.NewInt(int64(credits)), big.NewInt(int64(r.PerCredit)))
	price.Add(price, new(big.Int).Rsh(scale, 1)).Div(price, scale)
	if !price.IsInt64() {
		return Money{}, ErrOverflow
	}
	return Money{price.Int64(), r.Currency}, nil
}

// Share is part/whole of an amount of credits, rounded down, as a partial
// refund takes credits back. It fails where whole is not positive.
func Share(of credit.Amount, part, whole int64) (credit.Amount, error) {
	if whole <= 0 || part < 0 || of < 0 {
		return 0, errors.New("money: the whole of a share must be positive")
	}
	if part >= whole {
		return of, nil
	}
	share := new(big.Int).Mul(big.NewInt(int64(of)), big.NewInt(part))
	return credit.Amount(share.Div(share, big.NewInt(whole)).Int64()), nil
}
