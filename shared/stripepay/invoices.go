package stripepay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// Invoice is an invoice as it is now.
func (p *Processor) Invoice(ctx context.Context, id string) (billing.Invoice, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Invoice{}, err
	}
	found, err := client.V1Invoices.Retrieve(ctx, id, &stripe.InvoiceRetrieveParams{
		Expand: stripe.StringSlice([]string{"customer", "payments"}),
	})
	if err != nil {
		return billing.Invoice{}, failure("reading invoice "+id, err)
	}
	return p.invoiceOf(found)
}

// invoiceOf translates an invoice. For one that is not ours it returns the ids
// only.
func (p *Processor) invoiceOf(found *stripe.Invoice) (billing.Invoice, error) {
	account := p.accountOfInvoice(found)
	if account == "" {
		theirs := billing.Invoice{ID: found.ID}
		if found.Customer != nil {
			theirs.Customer = found.Customer.ID
		}
		return theirs, nil
	}
	invoice := billing.Invoice{
		ID: found.ID, Account: account, Bill: found.Metadata[metaBill],
		Reason: reasonOf(found), Total: money.Money{Minor: found.Total, Currency: string(found.Currency)},
		HostedURL: found.HostedInvoiceURL, CreatedAt: at(found.Created),
		Attempted: found.Attempted && found.Status != stripe.InvoiceStatusPaid,
	}
	invoice.NotedAt, _ = time.Parse(time.RFC3339Nano, found.Metadata[metaNoted]) // zero if it is not ours
	if parent := found.Parent; parent != nil && parent.SubscriptionDetails != nil {
		details := parent.SubscriptionDetails
		if details.Subscription != nil {
			invoice.Subscription = details.Subscription.ID
		}
		invoice.PlanID = details.Metadata[metaPlan]
	}
	if found.Customer != nil {
		invoice.Customer = found.Customer.ID
	}
	readLines(&invoice, found)
	invoice.Payment = paymentOfInvoice(found)
	switch found.Status {
	case stripe.InvoiceStatusDraft:
		invoice.Status = billing.InvoiceDraft
	case stripe.InvoiceStatusOpen:
		invoice.Status = billing.InvoiceOpen
	case stripe.InvoiceStatusPaid:
		invoice.Status = billing.InvoicePaid
	case stripe.InvoiceStatusVoid, stripe.InvoiceStatusUncollectible:
		invoice.Status = billing.InvoiceVoid
	default:
		return billing.Invoice{}, fmt.Errorf("stripepay: invoice %s has an unknown status: %s", found.ID, found.Status)
	}
	return invoice, nil
}

// accountOfInvoice is the account of an invoice, empty if it is not ours. A
// subscription's invoice is ours if the subscription is: by its own metadata, or
// because it is for a plan of ours. Its customer may have subscribed to something
// else.
func (p *Processor) accountOfInvoice(found *stripe.Invoice) string {
	if p.foreign(found.Metadata) {
		return ""
	}
	if account := found.Metadata[metaAccount]; account != "" {
		return account
	}
	if found.Parent == nil || found.Parent.SubscriptionDetails == nil {
		return p.accountOf(found.Customer)
	}
	meta := found.Parent.SubscriptionDetails.Metadata
	switch {
	case p.foreign(meta):
		return ""
	case meta[metaAccount] != "":
		return meta[metaAccount]
	case hasPlanLine(found):
		return p.accountOf(found.Customer)
	}
	return ""
}

func hasPlanLine(found *stripe.Invoice) bool {
	return found.Lines != nil && slices.ContainsFunc(found.Lines.Data, func(line *stripe.InvoiceLineItem) bool {
		return line.Pricing != nil && line.Pricing.PriceDetails != nil && planOf(line.Pricing.PriceDetails.Product) != ""
	})
}

func reasonOf(found *stripe.Invoice) billing.InvoiceReason {
	if found.Metadata[metaBill] != "" {
		return billing.InvoiceOfOverage
	}
	switch found.BillingReason {
	case stripe.InvoiceBillingReasonSubscriptionCreate:
		return billing.InvoiceOfStart
	case stripe.InvoiceBillingReasonSubscriptionCycle:
		return billing.InvoiceOfPeriod
	case stripe.InvoiceBillingReasonSubscriptionUpdate:
		return billing.InvoiceOfChange
	default:
		return billing.InvoiceOfOther
	}
}

// readLines takes plan, price and period from the line that begins a period. The
// others are prorations, for what is left of one. If there are prorations only,
// the plan is the one paid for from now on: that of the line with a price to
// pay.
func readLines(invoice *billing.Invoice, found *stripe.Invoice) {
	if found.Lines == nil {
		return
	}
	for _, line := range found.Lines.Data {
		if line.Parent == nil || line.Parent.SubscriptionItemDetails == nil {
			continue // an item that was added by itself
		}
		proration := line.Parent.SubscriptionItemDetails.Proration
		if proration && line.Amount < 0 {
			continue
		}
		if line.Pricing != nil && line.Pricing.PriceDetails != nil {
			if line.Pricing.PriceDetails.Price != nil {
				invoice.PriceID = line.Pricing.PriceDetails.Price.ID
			}
			if plan := planOf(line.Pricing.PriceDetails.Product); plan != "" {
				invoice.PlanID = plan
			}
		}
		if !proration {
			if line.Period != nil {
				invoice.PeriodStart, invoice.PeriodEnd = at(line.Period.Start), at(line.Period.End)
			}
			return
		}
	}
}

// paymentOfInvoice is the payment that paid an invoice, otherwise the one that
// is to pay it.
func paymentOfInvoice(found *stripe.Invoice) string {
	id := ""
	if found.Payments == nil {
		return id
	}
	for _, payment := range found.Payments.Data {
		if payment.Payment == nil || payment.Payment.PaymentIntent == nil {
			continue
		}
		if payment.Status == "paid" {
			return payment.Payment.PaymentIntent.ID
		}
		if id == "" || payment.IsDefault {
			id = payment.Payment.PaymentIntent.ID
		}
	}
	return id
}

// BillOverage creates the invoice of an overage, or continues where an earlier
// call stopped. The invoice is looked up by our id, since Stripe forgets
// idempotency keys after a day. Automatic advancement is off until it is
// complete, so that Stripe does not finalize it while it is empty.
func (p *Processor) BillOverage(ctx context.Context, o billing.OverageCharge) (billing.Invoice, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Invoice{}, err
	}
	invoice, err := p.overageInvoice(ctx, client, o)
	if err != nil {
		return billing.Invoice{}, err
	}
	if invoice.Status != stripe.InvoiceStatusDraft {
		return p.Invoice(ctx, invoice.ID)
	}
	if invoice.Lines == nil || len(invoice.Lines.Data) == 0 {
		item := &stripe.InvoiceItemCreateParams{
			Customer: &o.Customer, Invoice: &invoice.ID, Amount: &o.Amount.Minor, Currency: &o.Amount.Currency,
			Description: &o.Description, Metadata: p.ours(map[string]string{metaAccount: o.Account, metaBill: o.Bill}),
		}
		item.IdempotencyKey = p.once("overage", o.Account, o.Bill, "item")
		if _, err := client.V1InvoiceItems.Create(ctx, item); err != nil {
			return billing.Invoice{}, failure("adding to the invoice of bill "+o.Bill, err)
		}
	}
	finalize := &stripe.InvoiceFinalizeInvoiceParams{AutoAdvance: stripe.Bool(true)}
	finalize.IdempotencyKey = p.once("overage", o.Account, o.Bill, "finalize")
	if _, err = client.V1Invoices.FinalizeInvoice(ctx, invoice.ID, finalize); err != nil {
		return billing.Invoice{}, failure("finalizing the invoice of bill "+o.Bill, err)
	}
	return p.Invoice(ctx, invoice.ID)
}

// overageInvoice finds the invoice of an overage, or creates it empty.
func (p *Processor) overageInvoice(ctx context.Context, client *stripe.Client, o billing.OverageCharge) (*stripe.Invoice, error) {
	list := &stripe.InvoiceListParams{
		Customer: &o.Customer, CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: o.NotedAt.Add(-clockSkew).Unix()},
	}
	list.Limit = stripe.Int64(pageSize)
	for found, err := range client.V1Invoices.List(ctx, list).All(ctx) {
		if err != nil {
			return nil, failure("finding the invoice of bill "+o.Bill, err)
		}
		if found.Metadata[metaBill] == o.Bill && !p.foreign(found.Metadata) {
			return found, nil
		}
	}
	create := &stripe.InvoiceCreateParams{
		Customer: &o.Customer, Currency: &o.Amount.Currency, Description: &o.Description,
		AutoAdvance: stripe.Bool(false), CollectionMethod: stripe.String(stripe.InvoiceCollectionMethodChargeAutomatically),
		PendingInvoiceItemsBehavior: stripe.String("exclude"),
		Metadata:                    p.ours(map[string]string{metaAccount: o.Account, metaBill: o.Bill, metaNoted: o.NotedAt.UTC().Format(time.RFC3339Nano)}),
	}
	// An invoice without a subscription is charged to the customer's default card
	// only, and a customer who bought a plan or a pack need not have one.
	switch card, err := savedCard(ctx, client, o.Customer); {
	case err == nil:
		create.DefaultPaymentMethod = &card
	case !errors.Is(err, billing.ErrNoCard): // without a card it waits for the customer to pay it
		return nil, err
	}
	create.IdempotencyKey = p.once("overage", o.Account, o.Bill, "invoice")
	made, err := client.V1Invoices.Create(ctx, create)
	err = failure("creating the invoice of bill "+o.Bill, err)
	if errors.Is(err, ErrKeyReused) { // created with another card a moment ago, and not listed yet
		return nil, fmt.Errorf("%w: %w", billing.ErrUnknown, err)
	}
	return made, err
}
