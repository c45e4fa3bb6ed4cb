package credit_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/credit"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want credit.Amount
		err  error
	}{
		{"0", 0, nil},
		{"12.5", 12_500_000, nil},
		{"0.000001", 1, nil},
		{"-0.5", -500_000, nil},
		{"007", 7_000_000, nil},
		{"9223372036854.775807", math.MaxInt64, nil},
		{"-9223372036854.775808", math.MinInt64, nil},
		{"9223372036854.775808", 0, credit.ErrOverflow},
		{"99999999999999999999", 0, credit.ErrOverflow},
		{"1.0000001", 0, credit.ErrPrecision},
		{"", 0, credit.ErrSyntax},
		{"-", 0, credit.ErrSyntax},
		{".", 0, credit.ErrSyntax},
		{"1.", 0, credit.ErrSyntax},
		{".5", 0, credit.ErrSyntax},
		{"+1", 0, credit.ErrSyntax},
		{"1e3", 0, credit.ErrSyntax},
		{" 1", 0, credit.ErrSyntax},
		{"--1", 0, credit.ErrSyntax},
		{"1.-5", 0, credit.ErrSyntax},
		{"١", 0, credit.ErrSyntax},
	} {
		got, err := credit.Parse(c.text)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Parse(%q) = %d, %v; want %d, %v", c.text, got, err, c.want, c.err)
		}
	}
}

func TestString(t *testing.T) {
	for amount, want := range map[credit.Amount]string{
		0: "0", 1: "0.000001", -1: "-0.000001", 1_500_000: "1.5", 10_000_000: "10",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := amount.String(); got != want {
			t.Errorf("%d formats as %q, want %q", int64(amount), got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "-1.000001", "9223372036854.775807", "1e9", "0.1234567", "00.10"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := credit.Parse(text)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("Parse(%q) took what big.Rat refuses", text)
		}
		if exact.Cmp(big.NewRat(int64(amount), int64(credit.Credit))) != 0 {
			t.Fatalf("Parse(%q) = %s", text, amount)
		}
		again, err := credit.Parse(amount.String())
		if err != nil || again != amount {
			t.Fatalf("%q -> %s -> %d, %v", text, amount, again, err)
		}
	})
}

func anyAmount(t *rapid.T, label string) credit.Amount {
	return credit.Amount(rapid.OneOf(
		rapid.Int64(),
		rapid.Int64Range(-10, 10),
		rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, math.MaxInt64 - 1}),
	).Draw(t, label))
}

// agrees checks a result against exact arithmetic: the same value, or ErrOverflow just where it does not fit.
func agrees(t *rapid.T, got credit.Amount, err error, exact *big.Int) {
	if !exact.IsInt64() {
		if !errors.Is(err, credit.ErrOverflow) {
			t.Fatalf("got %d, %v where %s does not fit", got, err, exact)
		}
		return
	}
	if err != nil || int64(got) != exact.Int64() {
		t.Fatalf("got %d, %v, want %s", got, err, exact)
	}
}

func TestArithmeticAgreesWithBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAmount(t, "a"), anyAmount(t, "b")
		bigA, bigB := big.NewInt(int64(a)), big.NewInt(int64(b))
		sum, err := credit.Add(a, b)
		agrees(t, sum, err, new(big.Int).Add(bigA, bigB))
		difference, err := credit.Sub(a, b)
		agrees(t, difference, err, new(big.Int).Sub(bigA, bigB))
	})
}

// anyFactors are two factors of a price. Mostly their product lies at a half of a
// micro-credit: exactly, or next to it.
func anyFactors(t *rapid.T) (quantity, perUnit credit.Amount) {
	if rapid.IntRange(0, 3).Draw(t, "anything?") == 0 {
		return anyAmount(t, "quantity"), anyAmount(t, "per unit")
	}
	const half = credit.Credit / 2
	quantity = rapid.SampledFrom([]credit.Amount{1, 1, 2, 5, 32, 125, 1000, 15_625, half}).Draw(t, "divisor")
	odd := 2*credit.Amount(rapid.IntRange(0, 1000).Draw(t, "whole")) + 1
	perUnit = half/quantity*odd + rapid.SampledFrom([]credit.Amount{0, 0, 0, -1, 1}).Draw(t, "beside")
	if rapid.Bool().Draw(t, "swapped?") {
		return perUnit, quantity
	}
	return quantity, perUnit
}

func TestPriceRoundsHalfUpExactly(t *testing.T) {
	// Exact halves over an even and over an odd number: rounding them to even, up
	// or down is one and the same for only some of them.
	halves := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		q, p := anyFactors(t)
		got, err := credit.Price(q, p)
		if q < 0 || p < 0 {
			if err == nil {
				t.Fatal("took a negative factor")
			}
			return
		}
		product := new(big.Int).Mul(big.NewInt(int64(q)), big.NewInt(int64(p)))
		whole, rest := new(big.Int).DivMod(product, big.NewInt(int64(credit.Credit)), new(big.Int))
		if rest.Cmp(big.NewInt(int64(credit.Credit/2))) == 0 {
			halves[whole.Bit(0) == 0]++
		}
		if rest.Cmp(big.NewInt(int64(credit.Credit/2))) >= 0 {
			whole.Add(whole, big.NewInt(1))
		}
		agrees(t, got, err, whole)
	})
	t.Logf("exact halves: %d over even numbers, %d over odd ones", halves[true], halves[false])
	if halves[true] == 0 || halves[false] == 0 {
		t.Errorf("too few exact halves: %v", halves)
	}
}
