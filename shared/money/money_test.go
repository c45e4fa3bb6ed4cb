package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/money"
)

func TestAddKeepsCurrenciesApart(t *testing.T) {
	if _, err := (money.Money{Minor: 1, Currency: "usd"}).Add(money.Money{Minor: 1, Currency: "eur"}); !errors.Is(err, money.ErrCurrency) {
		t.Errorf("dollars and euros: %v", err)
	}
	if _, err := (money.Money{Minor: math.MaxInt64, Currency: "usd"}).Add(money.Money{Minor: 1, Currency: "usd"}); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("too many: %v", err)
	}
	for _, c := range [][3]int64{{1, 2, 3}, {5, -7, -2}, {0, 0, 0}} {
		got, err := money.Money{Minor: c[0], Currency: "usd"}.Add(money.Money{Minor: c[1], Currency: "usd"})
		if err != nil || got != (money.Money{Minor: c[2], Currency: "usd"}) {
			t.Errorf("%d + %d = %s, %v", c[0], c[1], got, err)
		}
	}
}

func TestRatesAreRoundedHalfUp(t *testing.T) {
	for _, c := range []struct {
		credits, rate string
		minor         int64
	}{
		{"0", "1.5", 0}, {"1", "1.5", 2}, {"1", "1.499999", 1}, {"100", "0.015", 2}, {"1000", "0", 0},
		{"0.333333", "3", 1}, {"0.1", "4.999999", 0}, {"0.1", "5", 1}, {"123456.789", "2.5", 308642},
	} {
		credits, _ := credit.Parse(c.credits)
		rate, _ := credit.Parse(c.rate)
		got, err := money.Rate{PerCredit: rate, Currency: "usd"}.Of(credits)
		if err != nil || got.Minor != c.minor || got.Currency != "usd" {
			t.Errorf("%s credits at %s: %s, %v, want %d", c.credits, c.rate, got, err, c.minor)
		}
	}
	if _, err := (money.Rate{PerCredit: credit.Max, Currency: "usd"}).Of(credit.Max); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("too much: %v", err)
	}
}

// Mostly the price lies at a half of the minor unit: exactly, or next to it.
func TestPricesOfCreditsAreExact(t *testing.T) {
	const one = 1_000_000_000_000 // a millionth of a credit at a millionth of a minor unit, to the minor unit
	halves := map[bool]int{}      // by whether they lie over an even number
	rapid.Check(t, func(t *rapid.T) {
		credits := rapid.Int64Range(0, 1<<50).Draw(t, "credits")
		rate := rapid.Int64Range(0, 1<<30).Draw(t, "rate")
		if rapid.IntRange(0, 3).Draw(t, "anything?") > 0 {
			credits = rapid.SampledFrom([]int64{1, 1, 32, 1000, 500_000, 1_000_000, 100_000_000}).Draw(t, "divisor")
			odd := 2*rapid.Int64Range(0, 1000).Draw(t, "whole") + 1
			rate = one/2/credits*odd + rapid.SampledFrom([]int64{0, 0, 0, -1, 1}).Draw(t, "beside")
		}
		got, err := money.Rate{PerCredit: credit.Amount(rate), Currency: "usd"}.Of(credit.Amount(credits))
		product := new(big.Int).Mul(big.NewInt(credits), big.NewInt(rate))
		whole, rest := new(big.Int).DivMod(product, big.NewInt(one), new(big.Int))
		if rest.Cmp(big.NewInt(one/2)) == 0 {
			halves[whole.Bit(0) == 0]++
		}
		if rest.Cmp(big.NewInt(one/2)) >= 0 {
			whole.Add(whole, big.NewInt(1))
		}
		if !whole.IsInt64() {
			t.Skip("beyond what money holds")
		}
		if err != nil || got.Minor != whole.Int64() {
			t.Fatalf("%d micro-credits at %d: %d, %v, want %s", credits, rate, got.Minor, err, whole)
		}
	})
	t.Logf("exact halves: %d over even numbers, %d over odd ones", halves[true], halves[false])
	if halves[true] == 0 || halves[false] == 0 {
		t.Errorf("too few exact halves: %v", halves)
	}
}

// Whatever the parts, they never take more than the whole, and all of it in the end.
func TestSharesNeverPassTheWhole(t *testing.T) {
	floors := census.Floors{"shares in between": 12, "shares of the whole": 2}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		of := credit.Amount(rapid.Int64Range(0, math.MaxInt64).Draw(t, "of"))
		whole := rapid.Int64Range(1, math.MaxInt64).Draw(t, "whole")
		less := rapid.Int64Range(0, whole).Draw(t, "less")
		more := rapid.Int64Range(less, whole).Draw(t, "more")
		a, errA := money.Share(of, less, whole)
		b, errB := money.Share(of, more, whole)
		if errA != nil || errB != nil || a < 0 || a > b || b > of || more == whole && b != of {
			t.Fatalf("shares %d and %d of %d: %v %v", a, b, of, errA, errB)
		}
		did.CountIf(a > 0 && a < of, "shares in between")
		did.CountIf(more == whole, "shares of the whole")
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(of)), big.NewInt(less)), big.NewInt(whole))
		off := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(a)))
		if off.Sign() < 0 || off.Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("the share is off by %s", off)
		}
	})
}

func FuzzIsCurrency(f *testing.F) {
	for _, text := range []string{"usd", "USD", "us", "usdd", "us1", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if money.IsCurrency(text) && len(text) != 3 {
			t.Fatalf("%q", text)
		}
	})
}
