package rating_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func card(version string, effectiveAt, publishedAt time.Time) rating.Card {
	return rating.Card{Version: version, EffectiveAt: effectiveAt, PublishedAt: publishedAt}
}

func item(node, action string) rating.Item { return rating.Item{Node: node, Action: action} }

func priceCard() rating.Card {
	c := rating.Card{Version: "v1", Rates: []rating.Rate{
		{Item: item("b", "run"), PerUnit: 500_000},
		{Item: item("a", "stop"), PerUnit: 1},
		{Item: item("a", "run"), PerUnit: 1_500_000},
		{Item: item("ab", ""), PerUnit: 0},
	}}
	c.Sort()
	return c
}

func TestEveryRateIsFound(t *testing.T) {
	c := priceCard()
	for _, rate := range c.Rates {
		if got, found := c.Rate(rate.Item); !found || got != rate {
			t.Errorf("%s: %+v, %t", rate.Item, got, found)
		}
	}
	for _, unknown := range []rating.Item{item("a", ""), item("a", "runs"), item("", "run"), item("z", "run")} {
		if _, found := c.Rate(unknown); found {
			t.Errorf("%s has a rate", unknown)
		}
	}
}

func TestPriceRoundsEachLineHalfUp(t *testing.T) {
	lines := []rating.Line{
		{Item: item("a", "stop"), Quantity: 499_999}, // 0.499999 micro-credits
		{Item: item("a", "stop"), Quantity: 500_000}, // half a micro-credit
		{Item: item("a", "run"), Quantity: 2 * credit.Credit},
		{Item: item("ab", ""), Quantity: credit.Credit},
	}
	priced, total, err := priceCard().Price(lines)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []credit.Amount{0, 1, 3 * credit.Credit, 0} {
		if priced[i].Credits != want || priced[i].Line != lines[i] {
			t.Errorf("line %d: %+v, want %s", i, priced[i], want)
		}
	}
	if total != 3*credit.Credit+1 {
		t.Errorf("total %s", total)
	}
}

func TestEveryLineWithoutARateIsNamed(t *testing.T) {
	_, _, err := priceCard().Price([]rating.Line{{Item: item("x", "run")}, {Item: item("a", "run")}, {Item: item("a", "walk")}})
	var refused *fault.Error
	if !errors.As(err, &refused) || refused.Code != fault.RateNotFound || len(refused.Params) != 2 ||
		refused.Params[0].Name != "lines[0]" || refused.Params[1].Name != "lines[2]" {
		t.Errorf("refused with %v", err)
	}
}

func TestAPriceTooLargeIsRefused(t *testing.T) {
	for name, lines := range map[string][]rating.Line{
		"lines[0].quantity": {{Item: item("a", "run"), Quantity: credit.Max}},
		"lines[1].quantity": {{Item: item("b", "run"), Quantity: credit.Max}, {Item: item("b", "run"), Quantity: credit.Max}, {Item: item("b", "run"), Quantity: credit.Max}},
	} {
		_, _, err := priceCard().Price(lines)
		var refused *fault.Error
		if !errors.As(err, &refused) || refused.Code != fault.InvalidRequest || len(refused.Params) != 1 {
			t.Fatalf("refused with %v", err)
		}
		if name == "lines[0].quantity" && refused.Params[0].Name != name {
			t.Errorf("names %s, want %s", refused.Params[0].Name, name)
		}
	}
}

// The card in force is the latest that has begun, however the book was put together.
func TestTheCardInForce(t *testing.T) {
	floors := census.Floors{"cards in force": 20, "no card in force": 5, "cards that begin alike": 2}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		cards := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rating.Card {
			hours := rapid.IntRange(-5, 5)
			return card(rapid.StringMatching(`v[0-9]{4}`).Draw(t, "version"), noon.Add(time.Duration(hours.Draw(t, "effective"))*time.Hour), noon.Add(time.Duration(hours.Draw(t, "published"))*time.Hour))
		}), 0, 6).Draw(t, "cards")
		at := noon.Add(time.Duration(rapid.IntRange(-6, 6).Draw(t, "at"))*time.Hour + time.Duration(rapid.IntRange(-1, 1).Draw(t, "near"))*time.Millisecond)
		got, found := rating.NewBook(cards).At(at)
		did.CountIf(found, "cards in force")
		did.CountIf(!found, "no card in force")
		for i, c := range cards {
			did.CountIf(slices.ContainsFunc(cards[:i], func(other rating.Card) bool { return other.EffectiveAt.Equal(c.EffectiveAt) }), "cards that begin alike")
			if c.EffectiveAt.After(at) {
				continue
			}
			if !found {
				t.Fatalf("no card at %s of %+v", at, cards)
			}
			later := c.EffectiveAt.After(got.EffectiveAt) || c.EffectiveAt.Equal(got.EffectiveAt) && c.PublishedAt.After(got.PublishedAt)
			if later {
				t.Fatalf("at %s: %+v, though %+v is later", at, got, c)
			}
		}
		if found && got.EffectiveAt.After(at) {
			t.Fatalf("at %s: %+v has not begun", at, got)
		}
	})
}

func TestCardsArePublishedAhead(t *testing.T) {
	empty := rating.NewBook(nil)
	if err := empty.Publish(card("v1", noon.Add(-time.Hour), noon), noon); err != nil {
		t.Errorf("the first card: %v", err)
	}
	book := rating.NewBook([]rating.Card{card("v1", noon, noon)})
	if err := book.Publish(card("v2", noon.Add(2*time.Minute), noon), noon); err != nil {
		t.Errorf("just ahead: %v", err)
	}
	if err := book.Publish(card("v2", noon.Add(2*time.Minute-time.Millisecond), noon), noon); fault.CodeOf(err) != fault.InvalidRequest {
		t.Errorf("too late: %v", err)
	}
}

func TestEqualCards(t *testing.T) {
	one, other := priceCard(), priceCard()
	other.PublishedAt = noon
	if !one.Equal(other) {
		t.Error("when it was published makes a difference")
	}
	for name, change := range map[string]func(*rating.Card){
		"version": func(c *rating.Card) { c.Version = "v2" },
		"effect":  func(c *rating.Card) { c.EffectiveAt = noon },
		"a price": func(c *rating.Card) { c.Rates[0].PerUnit++ },
		"a label": func(c *rating.Card) { c.Rates[0].Label = "x" },
		"less":    func(c *rating.Card) { c.Rates = c.Rates[1:] },
	} {
		changed := priceCard()
		change(&changed)
		if one.Equal(changed) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

func TestPricesAreExact(t *testing.T) {
	floors := census.Floors{"prices that fit": 20, "prices that do not": 3, "prices that are rounded": 20}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		amounts := rapid.OneOf(rapid.Int64Range(0, 1<<40), rapid.Int64Range(1<<50, math.MaxInt64))
		quantity, perUnit := amounts.Draw(t, "quantity"), amounts.Draw(t, "per unit")
		c := rating.Card{Rates: []rating.Rate{{Item: item("n", "a"), PerUnit: credit.Amount(perUnit)}}}
		exact := new(big.Int).Mul(big.NewInt(quantity), big.NewInt(perUnit))
		exact.Add(exact, big.NewInt(500_000)).Div(exact, big.NewInt(1_000_000))
		_, total, err := c.Price([]rating.Line{{Item: item("n", "a"), Quantity: credit.Amount(quantity)}})
		did.CountIf(err == nil, "prices that fit")
		did.CountIf(err != nil, "prices that do not")
		did.CountIf(quantity%1_000_000*(perUnit%1_000_000)%1_000_000 != 0, "prices that are rounded")
		if exact.IsInt64() != (err == nil) || (err == nil && int64(total) != exact.Int64()) {
			t.Fatalf("%d at %d: %s, %v; want %s", quantity, perUnit, total, err, exact)
		}
	})
}
