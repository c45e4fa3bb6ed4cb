// Package credit is the arithmetic of credits.
//
// An Amount is a whole number of micro-credits, a millionth of a credit, in an
// int64: never a float. Sums and products are checked: they fail with
// ErrOverflow where the result does not fit, and never wrap. Outside the
// program an amount is a decimal string with at most six decimals ("12.5").
package credit

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Amount counts micro-credits. It also serves as a decimal quantity with six
// places, for the quantity of a line.
type Amount int64

// Units of Amount.
const (
	Micro  Amount = 1
	Credit Amount = 1_000_000

	// Max is the largest amount: a little over nine trillion credits.
	Max Amount = math.MaxInt64

	decimals = 6
)

// The failures of this package.
var (
	// ErrOverflow: the result does not fit in an Amount.
	ErrOverflow = errors.New("credit: amount too large")
	// ErrSyntax: the text is not a decimal number.
	ErrSyntax = errors.New(`credit: not a decimal number such as "12.5"`)
	// ErrPrecision: the text has more than six decimals.
	ErrPrecision = errors.New("credit: more than 6 decimals")
)

// Parse reads a decimal such as "12", "12.5" or "-0.000001". It accepts no
// exponent, no leading plus, no spaces and no bare point. Errors: ErrSyntax,
// ErrPrecision, ErrOverflow.
func Parse(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	if !allDigits(whole) || (pointed && !allDigits(fraction)) {
		return 0, ErrSyntax
	}
	if len(fraction) > decimals {
		return 0, ErrPrecision
	}
	// Scaling is done on the text, so that the one conversion below finds
	// every overflow, the most negative amount included.
	scaled := whole + fraction + strings.Repeat("0", decimals-len(fraction))
	if negative {
		scaled = "-" + scaled
	}
	n, err := strconv.ParseInt(scaled, 10, 64)
	if err != nil {
		return 0, ErrOverflow
	}
	return Amount(n), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String formats the amount in credits, without trailing zeros: Parse reads it back.
func (a Amount) String() string {
	sign, magnitude := "", uint64(a) //nolint:gosec // two's complement is intended: the sign is removed next
	if a < 0 {
		sign, magnitude = "-", -uint64(a) //nolint:gosec // the magnitude of the least amount, too
	}
	whole, fraction := magnitude/uint64(Credit), magnitude%uint64(Credit)
	text := sign + strconv.FormatUint(whole, 10)
	if fraction == 0 {
		return text
	}
	tail := strconv.FormatUint(fraction+uint64(Credit), 10)[1:]
	return text + "." + strings.TrimRight(tail, "0")
}

// Add is a + b, or ErrOverflow.
func Add(a, b Amount) (Amount, error) {
	sum := a + b
	if (sum > a) != (b > 0) {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Sub is a - b, or ErrOverflow.
func Sub(a, b Amount) (Amount, error) {
	difference := a - b
	if (difference < a) != (b > 0) {
		return 0, ErrOverflow
	}
	return difference, nil
}

// Sum adds amounts, or fails with ErrOverflow.
func Sum(amounts ...Amount) (Amount, error) {
	var total Amount
	for _, amount := range amounts {
		var err error
		if total, err = Add(total, amount); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Price is quantity times the credits of one unit, both at six decimals,
// rounded half up to the micro-credit. Neither may be negative. It fails with
// ErrOverflow.
func Price(quantity, perUnit Amount) (Amount, error) {
	if quantity < 0 || perUnit < 0 {
		return 0, ErrSyntax
	}
	high, low := bits.Mul64(uint64(quantity), uint64(perUnit))
	low, carry := bits.Add64(low, uint64(Credit)/2, 0)
	high += carry
	if high >= uint64(Credit) {
		return 0, ErrOverflow
	}
	product, _ := bits.Div64(high, low, uint64(Credit))
	if product > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return Amount(product), nil
}
