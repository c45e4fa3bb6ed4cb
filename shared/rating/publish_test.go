package rating_test

import (
	"context"
	"testing"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// shelf keeps cards; others publish one each time just before the first writes.
type shelf struct {
	cards  []rating.Card
	others []rating.Card
}

func (s *shelf) RateCard(_ context.Context, version string) (*rating.Card, error) {
	for _, card := range s.cards {
		if card.Version == version {
			return &card, nil
		}
	}
	return nil, nil
}

func (s *shelf) ReadBook(context.Context) (rating.Book, error) { return rating.NewBook(s.cards), nil }

func (s *shelf) PublishRateCard(_ context.Context, card rating.Card, first bool) (bool, error) {
	if len(s.others) > 0 {
		s.cards, s.others = append(s.cards, s.others[0]), s.others[1:]
		return false, nil
	}
	if first != (len(s.cards) == 0) {
		return false, nil
	}
	s.cards = append(s.cards, card)
	return true, nil
}

func TestACardIsPublishedOnce(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	ahead := now.Add(time.Hour)
	mine, other := card("mine", ahead, time.Time{}), card("other", ahead, now)
	differs := mine
	differs.EffectiveAt = ahead.Add(time.Hour)
	for name, c := range map[string]struct {
		before, others []rating.Card
		published      bool
		refused        fault.Code
		after          int
	}{
		"the first":                {published: true, after: 1},
		"another one":              {before: []rating.Card{other}, published: true, after: 2},
		"the same again":           {before: []rating.Card{mine}, after: 1},
		"other content":            {before: []rating.Card{differs}, refused: fault.RateCardPublished, after: 1},
		"others are faster":        {others: []rating.Card{other, other}, published: true, after: 3},
		"the same one was faster":  {others: []rating.Card{mine}, after: 1},
		"others are always faster": {others: []rating.Card{other, other, other}, refused: fault.Contended, after: 3},
	} {
		s := &shelf{c.before, c.others}
		got, published, err := rating.Publish(t.Context(), s, mine, func() time.Time { return now })
		if published != c.published || (err != nil) != (c.refused != "") || err != nil && fault.CodeOf(err) != c.refused || len(s.cards) != c.after {
			t.Errorf("%s: %t, %v; %d cards", name, published, err, len(s.cards))
		}
		if err == nil && !got.Equal(mine) || published && !got.PublishedAt.Equal(now) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	late := card("late", now, time.Time{})
	if _, published, err := rating.Publish(t.Context(), &shelf{cards: []rating.Card{other}}, late, func() time.Time { return now }); published || fault.CodeOf(err) != fault.InvalidRequest {
		t.Errorf("a card that comes into force at once: %t, %v", published, err)
	}
}
