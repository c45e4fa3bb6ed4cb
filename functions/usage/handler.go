package main

import (
	"context"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

type handler struct {
	store *dynamo.Client
	rates commit.Rates
	now   func() time.Time
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.GetBalance, httpapi.DecodeAccountID, h.balance, httpapi.EncodeWallet),
		httpapi.Handle(httpapi.ListEntries, httpapi.DecodeStatement, h.entries, httpapi.EncodeStatement),
		httpapi.Handle(httpapi.CurrentRates, httpapi.DecodeNothing, h.rateCard, httpapi.EncodeRateCard),
	)
}

func (h *handler) balance(ctx context.Context, account string) (httpapi.Wallet, error) {
	wallet, err := h.store.Wallet(ctx, account)
	if err != nil {
		return httpapi.Wallet{}, err
	}
	if wallet == nil {
		return httpapi.Wallet{}, ledger.NoAccount(account)
	}
	return httpapi.Wallet{Wallet: wallet, At: h.now()}, nil
}

func (h *handler) entries(ctx context.Context, query httpapi.StatementQuery) (httpapi.Listing[ledger.Entry], error) {
	listing := httpapi.Listing[ledger.Entry]{Limit: query.Limit}
	entries, err := h.store.Entries(ctx, query.Account, dynamo.Page{
		After: query.After, Limit: query.Limit + 1, Descending: !query.Ascending,
	})
	listing.Read = entries
	if err != nil || len(entries) > 0 || query.After > 0 {
		return listing, err
	}
	// No entries: every account has at least its opening, so this is none.
	_, err = h.balance(ctx, query.Account)
	return listing, err
}

func (h *handler) rateCard(ctx context.Context, _ struct{}) (rating.Card, error) {
	now := h.now()
	book, err := h.rates.Book(ctx, now)
	if err != nil {
		return rating.Card{}, err
	}
	card, found := book.At(now)
	if !found {
		return rating.Card{}, httpapi.NoRateCardAt(now)
	}
	return card, nil
}
