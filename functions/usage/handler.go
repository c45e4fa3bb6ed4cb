package main

import (
	"context"
	"strconv"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/httpapi"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// ledgers are the accounts' wallets and entries; no wallet is nil.
type ledgers interface {
	Wallet(ctx context.Context, account string) (*ledger.Wallet, error)
	Entries(ctx context.Context, account string, page ledger.Page) ([]ledger.Entry, error)
}

// store is everything that an account can read.
type store interface {
	ledgers
	sheets
	sales
}

type handler struct {
	store    store
	rates    commit.Rates
	channels []string
	now      func() time.Time
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.GetBalance, httpapi.DecodeAccountID, h.balance, httpapi.EncodeWallet),
		httpapi.Handle(httpapi.GetUsage, httpapi.DecodeUsage, h.usage, httpapi.EncodeUsage),
		httpapi.Handle(httpapi.ListEntries, httpapi.DecodeStatement, h.entries, httpapi.EncodeStatement),
		httpapi.Handle(httpapi.CurrentRates, httpapi.DecodeNothing, h.rateCard, httpapi.EncodeRateCard),
		httpapi.Handle(httpapi.GetPlan, httpapi.DecodePlanID, h.plan, httpapi.EncodePlan),
		httpapi.Handle(httpapi.ListPlans, httpapi.DecodeCatalog, h.plans, httpapi.EncodePlans),
		httpapi.Handle(httpapi.GetPack, httpapi.DecodePackID, h.pack, httpapi.EncodePack),
		httpapi.Handle(httpapi.ListPacks, httpapi.DecodeCatalog, h.packs, httpapi.EncodePacks),
		httpapi.Handle(httpapi.GetSubscription, httpapi.DecodeAccountID, h.subscription, httpapi.EncodeSubscription),
		httpapi.Handle(httpapi.GetRefill, httpapi.DecodeAccountID, h.balance, httpapi.EncodeRefill),
		httpapi.Handle(httpapi.GetHistory, httpapi.DecodeHistory, h.history, httpapi.EncodeHistory),
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

// filteredPage is the maximum number of entries that a filtered page reads.
const filteredPage = 500

func (h *handler) entries(ctx context.Context, query httpapi.StatementQuery) (httpapi.Listing[ledger.Entry], error) {
	listing := httpapi.Listing[ledger.Entry]{Limit: query.Limit}
	page := ledger.Page{After: query.After, Limit: query.Limit + 1, Descending: !query.Ascending}
	if !query.Filter.All() {
		page.Limit, page.NoDebits = filteredPage, query.Filter.NoDebits()
	}
	entries, err := h.store.Entries(ctx, query.Account, page)
	if err != nil {
		return listing, err
	}
	if len(entries) == 0 && query.After == 0 {
		// Every account has at least its opening entry, so there is no such account.
		_, err = h.balance(ctx, query.Account)
		return listing, err
	}
	past := false
	for i := range entries {
		if query.Filter.Takes(&entries[i]) {
			listing.Read = append(listing.Read, entries[i])
		}
		past = past || query.Filter.Past(&entries[i], query.Ascending)
	}
	if len(entries) == page.Limit && !past {
		listing.Next = strconv.FormatInt(entries[len(entries)-1].Seq, 10)
	}
	return listing, nil
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
