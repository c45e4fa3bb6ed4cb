package stripepay

import (
	"context"
	"fmt"
	"slices"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

func expandCustomer() []*string { return stripe.StringSlice([]string{"customer"}) }

// Subscription is a subscription as it is now.
func (p *Processor) Subscription(ctx context.Context, id string) (billing.Subscription, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Subscription{}, err
	}
	found, err := client.V1Subscriptions.Retrieve(ctx, id, &stripe.SubscriptionRetrieveParams{Expand: expandCustomer()})
	if err != nil {
		return billing.Subscription{}, failure("reading subscription "+id, err)
	}
	return p.subscriptionOf(found)
}

// SubscriptionsOf are all subscriptions that a customer has or had, the newest
// first.
func (p *Processor) SubscriptionsOf(ctx context.Context, customer string) ([]billing.Subscription, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return nil, err
	}
	list := &stripe.SubscriptionListParams{
		Customer: &customer, Status: stripe.String("all"), Expand: stripe.StringSlice([]string{"data.customer"}),
	}
	list.Limit = stripe.Int64(pageSize)
	var all []billing.Subscription
	for found, err := range client.V1Subscriptions.List(ctx, list).All(ctx) {
		if err != nil {
			return nil, failure("reading the subscriptions of "+customer, err)
		}
		subscription, err := p.subscriptionOf(found)
		if err != nil {
			return nil, err
		}
		all = append(all, subscription)
	}
	return all, nil
}

// subscriptionOf translates a subscription. Ours have one item: the plan. Others
// may have any form; only their ids are returned.
func (p *Processor) subscriptionOf(found *stripe.Subscription) (billing.Subscription, error) {
	account := p.accountOfSubscription(found)
	if account == "" {
		theirs := billing.Subscription{ID: found.ID}
		if found.Customer != nil {
			theirs.Customer = found.Customer.ID
		}
		return theirs, nil
	}
	item, err := onlyItem(found)
	if err != nil {
		return billing.Subscription{}, err
	}
	s := billing.Subscription{
		ID: found.ID, Account: account, PlanID: found.Metadata[metaPlan],
		Anchor: at(found.BillingCycleAnchor), PeriodStart: at(item.CurrentPeriodStart), PeriodEnd: at(item.CurrentPeriodEnd),
		EndedAt: at(found.EndedAt), CancelAtPeriodEnd: ends(found, item),
	}
	if found.Customer != nil {
		s.Customer = found.Customer.ID
	}
	if found.LatestInvoice != nil {
		s.LatestInvoice = found.LatestInvoice.ID
	}
	if item.Price != nil {
		s.PriceID = item.Price.ID
		s.Price = money.Money{Minor: item.Price.UnitAmount, Currency: string(item.Price.Currency)}
		if item.Price.Product != nil {
			if plan := planOf(item.Price.Product.ID); plan != "" { // what is paid for is what counts
				s.PlanID = plan
			}
		}
	}
	switch found.Status {
	case stripe.SubscriptionStatusActive, stripe.SubscriptionStatusTrialing:
		s.Status = billing.SubscriptionActive
	case stripe.SubscriptionStatusPastDue, stripe.SubscriptionStatusUnpaid, stripe.SubscriptionStatusPaused:
		s.Status = billing.SubscriptionPastDue
	case stripe.SubscriptionStatusIncomplete:
		s.Status = billing.SubscriptionIncomplete
	case stripe.SubscriptionStatusCanceled, stripe.SubscriptionStatusIncompleteExpired:
		s.Status = billing.SubscriptionEnded
	default:
		return billing.Subscription{}, fmt.Errorf("stripepay: subscription %s has an unknown status: %s", found.ID, found.Status)
	}
	return s, nil
}

// accountOfSubscription is the account of a subscription, empty if it is not ours:
// its own metadata name the account, or it is for a plan of ours. A customer of
// ours may have subscribed to something else, too.
func (p *Processor) accountOfSubscription(found *stripe.Subscription) string {
	if p.foreign(found.Metadata) {
		return ""
	}
	if account := found.Metadata[metaAccount]; account != "" {
		return account
	}
	if found.Items != nil && slices.ContainsFunc(found.Items.Data, func(item *stripe.SubscriptionItem) bool {
		return item.Price != nil && item.Price.Product != nil && planOf(item.Price.Product.ID) != ""
	}) {
		return p.accountOf(found.Customer)
	}
	return ""
}

// ends reports whether a subscription ends with its period. The portal sets
// only the date.
func ends(found *stripe.Subscription, item *stripe.SubscriptionItem) bool {
	return found.CancelAtPeriodEnd || found.CancelAt != 0 && found.CancelAt <= item.CurrentPeriodEnd
}

func onlyItem(found *stripe.Subscription) (*stripe.SubscriptionItem, error) {
	if found.Items == nil || len(found.Items.Data) != 1 {
		return nil, fmt.Errorf("stripepay: subscription %s does not have exactly one item", found.ID)
	}
	return found.Items.Data[0], nil
}

// ChangeSubscription gives a subscription another price. An upgrade is in force
// at once: the rest of the period is invoiced and paid, and the invoice's id is
// returned; a refused card is an error, and nothing has changed. A downgrade is
// the price of the periods that follow.
func (p *Processor) ChangeSubscription(
	ctx context.Context, subscriptionID, priceID, planID string, upgrade bool, key string,
) (billing.Subscription, string, error) {
	none := billing.Subscription{}
	client, err := p.stripe(ctx)
	if err != nil {
		return none, "", err
	}
	found, err := client.V1Subscriptions.Retrieve(ctx, subscriptionID, nil)
	if err != nil {
		return none, "", failure("reading subscription "+subscriptionID, err)
	}
	item, err := onlyItem(found)
	if err != nil {
		return none, "", err
	}
	params := &stripe.SubscriptionUpdateParams{
		Items:             []*stripe.SubscriptionUpdateItemParams{{ID: &item.ID, Price: &priceID}},
		Metadata:          p.ours(map[string]string{metaPlan: planID}),
		ProrationBehavior: stripe.String("none"),
		Expand:            stripe.StringSlice([]string{"customer", "latest_invoice"}),
	}
	if upgrade {
		params.ProrationBehavior, params.PaymentBehavior = stripe.String("always_invoice"), stripe.String("error_if_incomplete")
	} else if err := sameInterval(ctx, client, item, priceID); err != nil {
		return none, "", err
	}
	params.IdempotencyKey = p.once("change", subscriptionID, key)
	changed, err := client.V1Subscriptions.Update(ctx, subscriptionID, params)
	if upgrade && cardMissing(err) {
		return none, "", fmt.Errorf("changing subscription %s: %w", subscriptionID,
			&billing.Refusal{Message: "There is no card to charge.", Code: "no_card"})
	}
	if err != nil {
		return none, "", failure("changing subscription "+subscriptionID, err)
	}
	subscription, err := p.subscriptionOf(changed)
	if err != nil {
		return none, "", err
	}
	if invoice := changed.LatestInvoice; upgrade && invoice != nil && invoice.BillingReason == stripe.InvoiceBillingReasonSubscriptionUpdate {
		return subscription, invoice.ID, nil
	}
	return subscription, "", nil
}

func sameInterval(ctx context.Context, client *stripe.Client, item *stripe.SubscriptionItem, priceID string) error {
	price, err := client.V1Prices.Retrieve(ctx, priceID, nil)
	if err != nil {
		return failure("reading price "+priceID, err)
	}
	if price.Recurring == nil || item.Price == nil || item.Price.Recurring == nil ||
		price.Recurring.Interval != item.Price.Recurring.Interval || price.Recurring.IntervalCount != item.Price.Recurring.IntervalCount {
		return ErrInterval
	}
	return nil
}

// CancelAtPeriodEnd ends a subscription with its period, or resumes it.
func (p *Processor) CancelAtPeriodEnd(ctx context.Context, subscriptionID string, cancel bool, key string) (billing.Subscription, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Subscription{}, err
	}
	params := &stripe.SubscriptionUpdateParams{Expand: expandCustomer()}
	found, err := client.V1Subscriptions.Retrieve(ctx, subscriptionID, nil)
	if err != nil {
		return billing.Subscription{}, failure("reading subscription "+subscriptionID, err)
	}
	how := "end"
	if found.CancelAt != 0 && !found.CancelAtPeriodEnd && !cancel { // set to end by date, in the portal
		how = "date"
		params.AddUnsetField(stripe.SubscriptionUpdateParamsUnsetFieldCancelAt)
	} else {
		params.CancelAtPeriodEnd = &cancel
	}
	params.IdempotencyKey = p.once("cancel", subscriptionID, fmt.Sprint(cancel), how, key)
	changed, err := client.V1Subscriptions.Update(ctx, subscriptionID, params)
	if err != nil {
		return billing.Subscription{}, failure("changing the end of subscription "+subscriptionID, err)
	}
	return p.subscriptionOf(changed)
}
