package rating

import (
	"context"
	"time"

	"drawdown/shared/fault"
)

// Cards stores the published cards.
type Cards interface {
	// RateCard is nil if no card of that version is published.
	RateCard(ctx context.Context, version string) (*Card, error)
	ReadBook(ctx context.Context) (Book, error)
	// PublishRateCard adds a card to the book that was read, and reports false if
	// another publication came first.
	PublishRateCard(ctx context.Context, card Card, first bool) (bool, error)
}

// maxPublishTries bounds how often a publication is tried against concurrent ones.
const maxPublishTries = 3

// Publish publishes a card, unless it is published already, and reports whether
// it did.
func Publish(ctx context.Context, cards Cards, card Card, clock func() time.Time) (Card, bool, error) {
	for range maxPublishTries {
		published, err := cards.RateCard(ctx, card.Version)
		if err != nil {
			return Card{}, false, err
		}
		if published != nil {
			if !published.Equal(card) {
				return Card{}, false, fault.New(fault.RateCardPublished,
					"Rate card %q is already published with different content; publish a new version.", card.Version)
			}
			return *published, false, nil
		}
		book, err := cards.ReadBook(ctx)
		if err != nil {
			return Card{}, false, err
		}
		now := clock()
		if err := book.Publish(card, now); err != nil {
			return Card{}, false, err
		}
		card.PublishedAt = now.UTC().Truncate(time.Millisecond)
		done, err := cards.PublishRateCard(ctx, card, book.Empty())
		if err != nil || done {
			return card, done, err
		}
	}
	return Card{}, false, fault.New(fault.Contended, "Another request is publishing a rate card; nothing was changed. Send the request again.")
}
