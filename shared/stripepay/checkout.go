package stripepay

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
)

// PackCheckout opens Stripe's page for a pack.
func (p *Processor) PackCheckout(ctx context.Context, c billing.PackCheckout) (string, error) {
	if c.Pack.PriceID == "" {
		return "", fmt.Errorf("stripepay: pack %s has no price at Stripe", c.Pack.ID)
	}
	meta := p.packMetadata(c.Account, kindPack, billing.PackSale{
		PackID: c.Pack.ID, Credits: c.Pack.Credits, ValidityDays: c.Pack.ValidityDays,
	})
	params := checkout(c.Customer, c.Pack.PriceID, c.SuccessURL, c.CancelURL, stripe.CheckoutSessionModePayment, meta)
	params.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{Metadata: meta, Description: &c.Pack.Name}
	if c.Pack.Name == "" {
		params.PaymentIntentData.Description = nil
	}
	// Stripe's own checkbox is not shown to those who did not agree here: a saved
	// card may be charged later, and only our question explains that.
	if c.SaveCard {
		params.PaymentIntentData.SetupFutureUsage = stripe.String(stripe.PaymentIntentSetupFutureUsageOffSession)
	}
	return p.openCheckout(ctx, params, c.Account, c.Key)
}

// PlanCheckout opens Stripe's page for a plan.
func (p *Processor) PlanCheckout(ctx context.Context, c billing.PlanCheckout) (string, error) {
	if c.Plan.PriceID == "" {
		return "", fmt.Errorf("stripepay: plan %s has no price at Stripe", c.Plan.ID)
	}
	meta := p.ours(map[string]string{metaAccount: c.Account, metaKind: kindPlan, metaPlan: c.Plan.ID})
	params := checkout(c.Customer, c.Plan.PriceID, c.SuccessURL, c.CancelURL, stripe.CheckoutSessionModeSubscription, meta)
	params.SubscriptionData = &stripe.CheckoutSessionCreateSubscriptionDataParams{
		Metadata: p.ours(map[string]string{metaAccount: c.Account, metaPlan: c.Plan.ID}),
	}
	return p.openCheckout(ctx, params, c.Account, c.Key)
}

func checkout(customer, priceID, successURL, cancelURL string, mode stripe.CheckoutSessionMode, meta map[string]string) *stripe.CheckoutSessionCreateParams {
	return &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String(mode), Customer: &customer, SuccessURL: &successURL, CancelURL: &cancelURL, Metadata: meta,
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Price: &priceID, Quantity: stripe.Int64(1)}},
	}
}

func (p *Processor) openCheckout(ctx context.Context, params *stripe.CheckoutSessionCreateParams, account, key string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	params.IdempotencyKey = p.once("checkout", account, key)
	session, err := client.V1CheckoutSessions.Create(ctx, params)
	if err != nil {
		return "", failure("opening a checkout of "+account, err)
	}
	return session.URL, nil
}

func (p *Processor) session(ctx context.Context, id string) (*stripe.CheckoutSession, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return nil, err
	}
	session, err := client.V1CheckoutSessions.Retrieve(ctx, id, nil)
	return session, failure("reading checkout "+id, err)
}

// PaymentIDOfSession is the payment of a checkout, empty if it has none: one
// for a plan has a subscription instead.
func (p *Processor) PaymentIDOfSession(ctx context.Context, sessionID string) (string, error) {
	session, err := p.session(ctx, sessionID)
	if err != nil || session.PaymentIntent == nil {
		return "", err
	}
	return session.PaymentIntent.ID, nil
}

// SubscriptionIDOfSession is the subscription of a checkout, empty if it has
// none, or none yet.
func (p *Processor) SubscriptionIDOfSession(ctx context.Context, sessionID string) (string, error) {
	session, err := p.session(ctx, sessionID)
	if err != nil || session.Subscription == nil {
		return "", err
	}
	return session.Subscription.ID, nil
}

// Portal opens Stripe's page where a customer changes cards and sees invoices.
func (p *Processor) Portal(ctx context.Context, customer, returnURL string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	// Without an idempotency key: each visit gets its own page, and it changes
	// nothing.
	session, err := client.V1BillingPortalSessions.Create(ctx, &stripe.BillingPortalSessionCreateParams{
		Customer: &customer, ReturnURL: &returnURL,
	})
	if err != nil {
		return "", failure("opening the portal of "+customer, err)
	}
	return session.URL, nil
}
