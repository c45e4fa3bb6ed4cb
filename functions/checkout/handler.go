package main

import (
	"context"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/httpapi"
)

type handler struct {
	cashier *cashier.Cashier
	now     func() time.Time
}

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.PutPlan, httpapi.DecodePlan, h.putPlan, httpapi.EncodePutPlan),
		httpapi.Handle(httpapi.PutPack, httpapi.DecodePack, h.putPack, httpapi.EncodePutPack),
		httpapi.Handle(httpapi.PostCheckout, httpapi.DecodeCheckout, h.checkout, httpapi.EncodeCheckout),
		httpapi.Handle(httpapi.PostPortal, httpapi.DecodePortal, h.portal, httpapi.EncodePortal),
		httpapi.Handle(httpapi.CancelSubscription, httpapi.DecodeSubscriptionStep, h.cancel, httpapi.EncodeSubscription),
		httpapi.Handle(httpapi.ResumeSubscription, httpapi.DecodeSubscriptionStep, h.resume, httpapi.EncodeSubscription),
		httpapi.Handle(httpapi.PutRefill, httpapi.DecodeRefill, h.setRefill, httpapi.EncodeRefill),
	)
}

func (h *handler) putPlan(ctx context.Context, plan billing.Plan) (httpapi.Put[billing.Plan], error) {
	now, created, err := h.cashier.PutPlan(ctx, plan)
	return httpapi.Put[billing.Plan]{Now: now, Created: created}, err
}

func (h *handler) putPack(ctx context.Context, pack billing.Pack) (httpapi.Put[billing.Pack], error) {
	now, created, err := h.cashier.PutPack(ctx, pack)
	return httpapi.Put[billing.Pack]{Now: now, Created: created}, err
}

func (h *handler) checkout(ctx context.Context, wish cashier.Wish) (cashier.Page, error) {
	return h.cashier.Checkout(ctx, wish)
}

func (h *handler) portal(ctx context.Context, visit httpapi.Visit) (string, error) {
	return h.cashier.Portal(ctx, visit.Account, visit.ReturnURL)
}

func (h *handler) cancel(ctx context.Context, account string) (cashier.Subscription, error) {
	return h.cashier.Cancel(ctx, account, true)
}

func (h *handler) resume(ctx context.Context, account string) (cashier.Subscription, error) {
	return h.cashier.Cancel(ctx, account, false)
}

func (h *handler) setRefill(ctx context.Context, terms cashier.RefillTerms) (httpapi.Wallet, error) {
	wallet, err := h.cashier.SetRefill(ctx, terms)
	return httpapi.Wallet{Wallet: wallet, At: h.now()}, err
}
