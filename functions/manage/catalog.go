package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/fault"
	"drawdown/shared/httpapi"
	"drawdown/shared/rating"
)

// apiKeys are the keys of the API.
type apiKeys interface {
	Key(ctx context.Context, id string) (*access.Key, error)
	Keys(ctx context.Context, after string, limit int) ([]access.Key, error)
	AddKey(ctx context.Context, key access.Key) error
	RevokeKey(ctx context.Context, id string, at time.Time) (bool, error)
}

func (h *handler) putRateCard(ctx context.Context, card rating.Card) (httpapi.Published, error) {
	published, created, err := rating.Publish(ctx, h.store, card, h.now)
	return httpapi.Published{Card: published, Created: created}, err
}

func (h *handler) rateCard(ctx context.Context, version string) (rating.Card, error) {
	card, err := h.store.RateCard(ctx, version)
	if err != nil {
		return rating.Card{}, err
	}
	if card == nil {
		return rating.Card{}, httpapi.NoRateCard(version)
	}
	return *card, nil
}

func (h *handler) rateCards(ctx context.Context, page httpapi.PageQuery) (httpapi.Listing[rating.Card], error) {
	book, err := h.store.ReadBook(ctx)
	if err != nil {
		return httpapi.Listing[rating.Card]{}, err
	}
	cards := book.Cards()
	slices.SortFunc(cards, func(a, b rating.Card) int { return strings.Compare(a.Version, b.Version) })
	cards = slices.DeleteFunc(cards, func(c rating.Card) bool { return c.Version <= page.After })
	return firstCards(cards, page.Limit), nil
}

// maxListedRates bounds the rates of one page of cards, about 150 bytes each: the
// response of a function is limited to 6 MB.
const maxListedRates = 10_000

// firstCards returns the whole cards that fit into one answer, at least one.
func firstCards(cards []rating.Card, limit int) httpapi.Listing[rating.Card] {
	rates := 0
	for i, card := range cards[:min(limit, len(cards))] {
		if rates += len(card.Rates); rates > maxListedRates && i > 0 {
			return httpapi.Listing[rating.Card]{Read: cards[:i], Limit: limit, Next: cards[i-1].Version}
		}
	}
	return httpapi.Listing[rating.Card]{Read: cards, Limit: limit}
}

func (h *handler) addKey(ctx context.Context, wanted httpapi.NewAPIKey) (httpapi.IssuedKey, error) {
	if wanted.Account != "" {
		if _, err := h.account(ctx, wanted.Account); err != nil {
			return httpapi.IssuedKey{}, err
		}
	}
	key, token := access.NewKey(wanted.Name, wanted.Scopes, wanted.Account, h.now())
	return httpapi.IssuedKey{Key: key, Token: token}, h.store.AddKey(ctx, key)
}

func (h *handler) keys(ctx context.Context, page httpapi.PageQuery) (httpapi.Listing[access.Key], error) {
	keys, err := h.store.Keys(ctx, page.After, page.Limit+1)
	return httpapi.Listing[access.Key]{Read: keys, Limit: page.Limit}, err
}

func (h *handler) revokeKey(ctx context.Context, id string) (string, error) {
	found, err := h.store.RevokeKey(ctx, id, h.now())
	if err == nil && !found {
		err = fault.New(fault.APIKeyNotFound, "There is no API key %q; GET /v1/api-keys lists the existing keys.", id)
	}
	return id, err
}

func (h *handler) document(context.Context, struct{}) (string, error) { return httpapi.Document(), nil }

// health reads from the store once, so that an answer means that requests can be served.
func (h *handler) health(ctx context.Context, _ struct{}) (struct{}, error) {
	_, err := h.store.Key(ctx, "health")
	return struct{}{}, err
}
