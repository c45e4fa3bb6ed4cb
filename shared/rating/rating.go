// Package rating prices what agents do.
//
// A Card is one published, immutable version of the prices: credits per unit of
// every node/action. A Book is all cards; the one in force at an instant is the
// one with the latest EffectiveAt not after it. Cards are published ahead of
// time, so that every function that caches a Book has a card before it comes
// into force.
package rating

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

const (
	// LeadTime is how far ahead of its effect a card is published, at least;
	// only the very first card may be in force at once.
	LeadTime = 2 * time.Minute
	// MaxRates bounds a card, so that it stays well within one stored item.
	MaxRates = 1000
)

// Item names what is priced.
type Item struct {
	Node   string
	Action string
}

// String is the item's public key, "node/action".
func (i Item) String() string { return i.Node + "/" + i.Action }

// Rate is the price of one item.
type Rate struct {
	Item
	Label   string        // what people read
	Unit    string        // what is counted: "reply", "page", "1k tokens"
	PerUnit credit.Amount // credits for one unit, never negative
}

// Card is one version of the prices.
type Card struct {
	Version     string
	EffectiveAt time.Time
	PublishedAt time.Time
	Rates       []Rate // sorted by node, then action; each item once
}

// Line asks for the price of a quantity (six decimals) of one item.
type Line struct {
	Item
	Quantity credit.Amount
}

// Priced is a line with its price.
type Priced struct {
	Line
	PerUnit credit.Amount
	Credits credit.Amount
}

// Rate finds an item's rate.
func (c Card) Rate(item Item) (Rate, bool) {
	at, found := slices.BinarySearchFunc(c.Rates, item, func(r Rate, want Item) int { return compare(r.Item, want) })
	if !found {
		return Rate{}, false
	}
	return c.Rates[at], true
}

func compare(a, b Item) int {
	if byNode := strings.Compare(a.Node, b.Node); byNode != 0 {
		return byNode
	}
	return strings.Compare(a.Action, b.Action)
}

// Price prices lines: quantity times credits per unit, rounded half up to the
// micro-credit, line by line. It fails with fault.RateNotFound, naming every
// line without a rate, or fault.InvalidRequest where an amount overflows.
func (c Card) Price(lines []Line) ([]Priced, credit.Amount, error) {
	var total credit.Amount
	var missing []fault.Param
	priced := make([]Priced, len(lines))
	for i, line := range lines {
		rate, found := c.Rate(line.Item)
		if !found {
			missing = append(missing, fault.Param{
				Name:   fmt.Sprintf("lines[%d]", i),
				Reason: fmt.Sprintf("rate card %q has no rate for %s", c.Version, line.Item),
			})
			continue
		}
		credits, err := credit.Price(line.Quantity, rate.PerUnit)
		if err == nil {
			total, err = credit.Add(total, credits)
		}
		if err != nil {
			return nil, 0, fault.Invalid(fault.Param{Name: fmt.Sprintf("lines[%d].quantity", i), Reason: "the price is too large to represent"})
		}
		priced[i] = Priced{Line: line, PerUnit: rate.PerUnit, Credits: credits}
	}
	if len(missing) > 0 {
		refusal := fault.New(fault.RateNotFound, "The rate card in force has no rate for some lines; publish a rate card that prices them, or correct node and action.")
		refusal.Params = missing
		return nil, 0, refusal
	}
	return priced, total, nil
}

// Equal reports whether two cards have the same content, whenever they were
// published.
func (c Card) Equal(other Card) bool {
	return c.Version == other.Version && c.EffectiveAt.Equal(other.EffectiveAt) && slices.Equal(c.Rates, other.Rates)
}

// Sort puts the rates into the order that a Card requires.
func (c Card) Sort() {
	slices.SortFunc(c.Rates, func(a, b Rate) int { return compare(a.Item, b.Item) })
}

// Book is all published cards, in the order in which they come into force.
type Book struct {
	cards []Card
}

// NewBook makes a book of cards in any order.
func NewBook(cards []Card) Book {
	sorted := slices.Clone(cards)
	// Of two cards with the same instant the later published one counts: it is a correction.
	slices.SortStableFunc(sorted, func(a, b Card) int {
		if byEffect := a.EffectiveAt.Compare(b.EffectiveAt); byEffect != 0 {
			return byEffect
		}
		if byPublication := a.PublishedAt.Compare(b.PublishedAt); byPublication != 0 {
			return byPublication
		}
		return strings.Compare(a.Version, b.Version)
	})
	return Book{sorted}
}

// At is the card in force at an instant, and false before the first one.
func (b Book) At(t time.Time) (Card, bool) {
	for _, card := range slices.Backward(b.cards) {
		if !card.EffectiveAt.After(t) {
			return card, true
		}
	}
	return Card{}, false
}

// Rate is an item's rate by the latest card in force at or before an instant
// that has the item.
func (b Book) Rate(item Item, t time.Time) (Rate, bool) {
	for _, card := range slices.Backward(b.cards) {
		if rate, found := card.Rate(item); found && !card.EffectiveAt.After(t) {
			return rate, true
		}
	}
	return Rate{}, false
}

// Empty reports whether no card has been published.
func (b Book) Empty() bool { return len(b.cards) == 0 }

// Cards lists the cards in the order in which they come into force.
func (b Book) Cards() []Card { return slices.Clone(b.cards) }

// Publish checks that a card may be added at the instant now. The first card
// may take effect at any time; every other one at least LeadTime ahead, since
// functions cache a book for up to a minute. It fails with
// fault.InvalidRequest.
func (b Book) Publish(card Card, now time.Time) error {
	if len(b.cards) > 0 && card.EffectiveAt.Before(now.Add(LeadTime)) {
		return fault.Invalid(fault.Param{
			Name:   "effective_at",
			Reason: fmt.Sprintf("must be at least %d seconds ahead, at or after %s", int(LeadTime.Seconds()), now.Add(LeadTime).UTC().Format(time.RFC3339)),
		})
	}
	return nil
}
