package main

import (
	"context"

	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/httpapi"
)

// sales are the catalog, and the purchases of an account.
type sales interface {
	cashier.Reader
	Plans(ctx context.Context) ([]billing.Plan, error)
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	Packs(ctx context.Context) ([]billing.Pack, error)
	Bills(ctx context.Context, account string, after billing.BillPlace, limit int) ([]billing.Bill, error)
}

func (h *handler) plan(ctx context.Context, id string) (billing.Plan, error) {
	plan, err := h.store.Plan(ctx, id)
	if err != nil {
		return billing.Plan{}, err
	}
	if plan == nil {
		return billing.Plan{}, cashier.NoPlan(id)
	}
	return *plan, nil
}

func (h *handler) pack(ctx context.Context, id string) (billing.Pack, error) {
	pack, err := h.store.Pack(ctx, id)
	if err != nil {
		return billing.Pack{}, err
	}
	if pack == nil {
		return billing.Pack{}, cashier.NoPack(id)
	}
	return *pack, nil
}

func (h *handler) plans(ctx context.Context, query httpapi.CatalogQuery) (httpapi.Listing[billing.Plan], error) {
	plans, err := h.store.Plans(ctx)
	return onPage(plans, query, func(p billing.Plan) (string, bool) { return p.ID, p.Active }), err
}

func (h *handler) packs(ctx context.Context, query httpapi.CatalogQuery) (httpapi.Listing[billing.Pack], error) {
	packs, err := h.store.Packs(ctx)
	return onPage(packs, query, func(p billing.Pack) (string, bool) { return p.ID, p.Active }), err
}

// onPage is the requested page of the whole catalog, ordered by id.
func onPage[A any](all []A, query httpapi.CatalogQuery, of func(A) (id string, active bool)) httpapi.Listing[A] {
	listing := httpapi.Listing[A]{Limit: query.Limit}
	for _, a := range all {
		id, active := of(a)
		if id > query.After && (active || query.All) && len(listing.Read) <= query.Limit {
			listing.Read = append(listing.Read, a)
		}
	}
	return listing
}

func (h *handler) subscription(ctx context.Context, account string) (cashier.Subscription, error) {
	return cashier.Look(ctx, h.store, account, h.now())
}

func (h *handler) history(ctx context.Context, query httpapi.HistoryQuery) (httpapi.Listing[billing.Bill], error) {
	bills, err := h.store.Bills(ctx, query.Account, query.After, query.Limit+1)
	if err == nil && len(bills) == 0 {
		_, err = h.balance(ctx, query.Account) // the account may not exist
	}
	return httpapi.Listing[billing.Bill]{Read: bills, Limit: query.Limit}, err
}
