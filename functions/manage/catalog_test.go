package main

import (
	"strconv"
	"testing"

	"drawdown/shared/rating"
)

func cards(sizes ...int) []rating.Card {
	made := make([]rating.Card, len(sizes))
	for i, size := range sizes {
		made[i] = rating.Card{Version: strconv.Itoa(i), Rates: make([]rating.Rate, size)}
	}
	return made
}

func TestAPageOfCardsIsWhatOneAnswerCanCarry(t *testing.T) {
	for _, c := range []struct {
		name  string
		cards []rating.Card
		limit int
		read  int
		next  string
	}{
		{"few", cards(1, 2, 3), 50, 3, ""},
		{"more than the limit", cards(1, 1, 1, 1), 2, 4, ""}, // the listing's limit cuts it
		{"just as many rates as can be", cards(maxListedRates, 0), 50, 2, ""},
		{"too many rates", cards(maxListedRates, 1, 1), 50, 1, "0"},
		{"a card too large by itself", cards(2*maxListedRates, 1), 50, 1, "0"},
	} {
		got := firstCards(c.cards, c.limit)
		if len(got.Read) != c.read || got.Next != c.next || got.Limit != c.limit {
			t.Errorf("%s: %d read, next %q; want %d, %q", c.name, len(got.Read), got.Next, c.read, c.next)
		}
	}
}
