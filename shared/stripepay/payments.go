package stripepay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// expandPayment are the objects that a payment is read with.
func expandPayment() []*string { return stripe.StringSlice([]string{"latest_charge", "customer"}) }

// Payment is a payment as it is now.
func (p *Processor) Payment(ctx context.Context, paymentIntentID string) (billing.Payment, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Payment{}, err
	}
	intent, err := client.V1PaymentIntents.Retrieve(ctx, paymentIntentID, &stripe.PaymentIntentRetrieveParams{Expand: expandPayment()})
	if err != nil {
		return billing.Payment{}, failure("reading payment "+paymentIntentID, err)
	}
	return p.paymentWithRest(ctx, client, intent)
}

// paymentWithRest is a payment with what is in other objects: its disputes,
// and, unless it pays for a pack, the invoice that it pays.
func (p *Processor) paymentWithRest(ctx context.Context, client *stripe.Client, intent *stripe.PaymentIntent) (billing.Payment, error) {
	payment, err := p.paymentOf(intent)
	if err != nil {
		return billing.Payment{}, err
	}
	if charge := intent.LatestCharge; charge != nil && charge.Disputed {
		list := &stripe.DisputeListParams{Charge: &charge.ID}
		for dispute, err := range client.V1Disputes.List(ctx, list).All(ctx) {
			if err != nil {
				return billing.Payment{}, failure("reading the disputes of "+charge.ID, err)
			}
			addDispute(&payment, dispute)
		}
	}
	if payment.Pack != nil || payment.Account == "" {
		return payment, nil
	}
	list := &stripe.InvoicePaymentListParams{Payment: &stripe.InvoicePaymentListPaymentParams{
		Type: stripe.String(stripe.InvoicePaymentPaymentTypePaymentIntent), PaymentIntent: &intent.ID,
	}}
	for paid, err := range client.V1InvoicePayments.List(ctx, list).All(ctx) {
		if err != nil {
			return billing.Payment{}, failure("finding the invoice of "+intent.ID, err)
		}
		if paid.Invoice != nil {
			payment.Invoice = paid.Invoice.ID
		}
	}
	return payment, nil
}

// paymentOf is the payment of a payment intent by itself. The metadata of one
// that is not ours is not read.
func (p *Processor) paymentOf(intent *stripe.PaymentIntent) (billing.Payment, error) {
	payment := billing.Payment{
		ID: intent.ID, Account: p.accountIn(intent.Metadata), CreatedAt: at(intent.Created),
		Amount: money.Money{Minor: intent.Amount, Currency: string(intent.Currency)},
	}
	if intent.Customer != nil {
		payment.Customer = intent.Customer.ID
		if payment.Account == "" && !p.foreign(intent.Metadata) {
			payment.Account = p.accountOf(intent.Customer)
		}
	}
	payment.Status, payment.Reason = statusOf(intent)
	if charge := intent.LatestCharge; charge != nil {
		payment.ReceiptURL, payment.Refunded = charge.ReceiptURL, charge.AmountRefunded
		if payment.Status == billing.Succeeded {
			payment.PaidAt = at(charge.Created)
		}
	}
	if payment.Status == billing.Canceled {
		payment.Refused, payment.Reason = refusalOf(intent)
	}
	if payment.Account == "" {
		return payment, nil
	}
	pack, err := packOf(intent.Metadata)
	if err != nil {
		return billing.Payment{}, fmt.Errorf("stripepay: payment %s: %w", intent.ID, err)
	}
	payment.Pack = pack
	return payment, nil
}

// statusOf is the status of a payment, and the reason for it. An intent that
// waits for another card after a refusal was declined; one without any attempt
// to pay waits for the cardholder.
func statusOf(intent *stripe.PaymentIntent) (billing.PaymentStatus, string) {
	reason := ""
	if intent.LastPaymentError != nil {
		reason = intent.LastPaymentError.Msg
	}
	switch intent.Status {
	case stripe.PaymentIntentStatusSucceeded:
		return billing.Succeeded, ""
	case stripe.PaymentIntentStatusProcessing, stripe.PaymentIntentStatusRequiresCapture:
		return billing.Processing, ""
	case stripe.PaymentIntentStatusCanceled:
		return billing.Canceled, reason
	case stripe.PaymentIntentStatusRequiresPaymentMethod:
		if intent.LastPaymentError != nil && !needsBearer(intent.LastPaymentError) {
			return billing.Declined, reason
		}
	case stripe.PaymentIntentStatusRequiresAction, stripe.PaymentIntentStatusRequiresConfirmation:
	}
	return billing.ActionRequired, reason
}

// refusalOf is why an intent that was canceled had not been paid. The charge has
// the reason if the intent does not: an intent may lose its error when it is
// updated.
func refusalOf(intent *stripe.PaymentIntent) (billing.PaymentStatus, string) {
	answer := intent.LastPaymentError
	if charge := intent.LatestCharge; answer == nil && charge != nil && charge.FailureCode != "" {
		answer = &stripe.Error{Code: stripe.ErrorCode(charge.FailureCode), Msg: charge.FailureMessage}
	}
	switch {
	case answer == nil:
		return "", ""
	case needsBearer(answer):
		return billing.ActionRequired, answer.Msg
	}
	return billing.Declined, answer.Msg
}

// addDispute adds one of a payment's disputes, of which the worst counts: while
// one is open, the money is gone. An inquiry takes no money.
func addDispute(payment *billing.Payment, dispute *stripe.Dispute) {
	state := billing.DisputeOpen
	switch dispute.Status {
	case stripe.DisputeStatusWon:
		state = billing.DisputeWon
	case stripe.DisputeStatusLost:
		state = billing.DisputeLost
	case stripe.DisputeStatusPrevented, stripe.DisputeStatusWarningNeedsResponse,
		stripe.DisputeStatusWarningUnderReview, stripe.DisputeStatusWarningClosed:
		return
	case stripe.DisputeStatusNeedsResponse, stripe.DisputeStatusUnderReview:
	}
	rank := map[billing.Dispute]int{billing.NoDispute: 0, billing.DisputeWon: 1, billing.DisputeLost: 2, billing.DisputeOpen: 3}
	switch {
	case state == billing.DisputeWon && rank[payment.Dispute] > rank[state]:
		return
	case payment.Dispute == billing.DisputeWon && state != billing.DisputeWon:
		payment.Disputed = 0 // a won dispute does not add to the amount
	}
	payment.Disputed += dispute.Amount
	if rank[state] > rank[payment.Dispute] {
		payment.Dispute = state
	}
}

func (p *Processor) packMetadata(account, kind string, sale billing.PackSale) map[string]string {
	meta := p.ours(map[string]string{
		metaAccount: account, metaKind: kind, metaPack: sale.PackID,
		metaCredits: decimal(int64(sale.Credits)), metaValidity: strconv.Itoa(sale.ValidityDays),
	})
	if sale.Refill != "" {
		meta[metaRefill] = sale.Refill
	}
	return meta
}

// packOf is the pack in metadata, or nil if there is none.
func packOf(meta map[string]string) (*billing.PackSale, error) {
	if kind := meta[metaKind]; kind != kindPack && kind != kindRefill {
		return nil, nil
	}
	credits, err := strconv.ParseInt(meta[metaCredits], 10, 64)
	if err != nil || credits < 0 {
		return nil, fmt.Errorf("its credits cannot be read: %q", meta[metaCredits])
	}
	days, err := strconv.Atoi(meta[metaValidity])
	if err != nil || days < 0 {
		return nil, fmt.Errorf("its validity cannot be read: %q", meta[metaValidity])
	}
	return &billing.PackSale{
		PackID: meta[metaPack], Credits: credit.Amount(credits), ValidityDays: days, Refill: meta[metaRefill],
	}, nil
}

// PaymentIDOfCharge is the payment that a charge belongs to, empty if it has
// none.
func (p *Processor) PaymentIDOfCharge(ctx context.Context, chargeID string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	charge, err := client.V1Charges.Retrieve(ctx, chargeID, nil)
	if err != nil || charge.PaymentIntent == nil {
		return "", failure("reading charge "+chargeID, err)
	}
	return charge.PaymentIntent.ID, nil
}

// PaymentIDOfDispute is the payment that a dispute is about, empty if it has
// none.
func (p *Processor) PaymentIDOfDispute(ctx context.Context, disputeID string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	dispute, err := client.V1Disputes.Retrieve(ctx, disputeID, nil)
	if err != nil || dispute.PaymentIntent == nil {
		return "", failure("reading dispute "+disputeID, err)
	}
	return dispute.PaymentIntent.ID, nil
}

// PaymentIDOfRefund is the payment that a refund gives back, empty if it has
// none.
func (p *Processor) PaymentIDOfRefund(ctx context.Context, refundID string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	refund, err := client.V1Refunds.Retrieve(ctx, refundID, nil)
	switch {
	case err != nil:
		return "", failure("reading refund "+refundID, err)
	case refund.PaymentIntent != nil:
		return refund.PaymentIntent.ID, nil
	case refund.Charge != nil:
		return p.PaymentIDOfCharge(ctx, refund.Charge.ID)
	}
	return "", nil
}

// CancelPayment cancels a payment that is not paid yet. One that is paid, or
// canceled already, stays as it is, and is returned.
func (p *Processor) CancelPayment(ctx context.Context, paymentIntentID string) (billing.Payment, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Payment{}, err
	}
	// Without an idempotency key: canceling twice is harmless, and a refusal that
	// Stripe remembers would be repeated for a day after its cause is gone.
	_, err = client.V1PaymentIntents.Cancel(ctx, paymentIntentID, nil)
	if err != nil && !hasCode(err, stripe.ErrorCodePaymentIntentUnexpectedState) {
		return billing.Payment{}, failure("canceling payment "+paymentIntentID, err)
	}
	return p.Payment(ctx, paymentIntentID)
}

// keyLife is how long Stripe remembers idempotency keys, and some more.
const keyLife = 25 * time.Hour

// ChargeRefill charges the customer's saved card. A refusal is returned as a
// payment, not as an error. A request that Stripe rejects fails with
// billing.ErrRejected.
func (p *Processor) ChargeRefill(ctx context.Context, c billing.RefillCharge) (billing.Payment, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return billing.Payment{}, err
	}
	card, err := savedCard(ctx, client, c.Customer)
	if errors.Is(err, billing.ErrNoCard) { // the card may have been removed: an earlier try still counts
		return p.earlierTry(ctx, c, err)
	}
	if err != nil {
		return billing.Payment{}, rejection(err)
	}
	params := &stripe.PaymentIntentCreateParams{
		Amount: &c.Amount.Minor, Currency: &c.Amount.Currency, Customer: &c.Customer, PaymentMethod: &card,
		PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
		Confirm:            stripe.Bool(true), OffSession: stripe.Bool(true),
		Metadata: p.packMetadata(c.Account, kindRefill, c.Pack), Expand: expandPayment(),
	}
	params.IdempotencyKey = p.once("refill", c.Pack.Refill)
	intent, err := client.V1PaymentIntents.Create(ctx, params)
	if err == nil {
		return p.paymentOf(intent)
	}
	var answer *stripe.Error
	if errors.As(err, &answer) && answer.Type == stripe.ErrorTypeCard {
		return p.refusedPayment(c, answer)
	}
	err = failure("charging refill "+c.Pack.Refill, err)
	if errors.Is(err, ErrKeyReused) { // an earlier try was made with another card, and its payment is what counts
		return p.earlierTry(ctx, c, fmt.Errorf("%w: %w", billing.ErrUnknown, err))
	}
	return billing.Payment{}, rejection(err)
}

// refusedPayment is the payment that a refusal carries.
func (p *Processor) refusedPayment(c billing.RefillCharge, answer *stripe.Error) (billing.Payment, error) {
	payment := billing.Payment{Account: c.Account, Customer: c.Customer, Amount: c.Amount, Pack: &c.Pack}
	if answer.PaymentIntent != nil {
		found, err := p.paymentOf(answer.PaymentIntent)
		if err != nil {
			return billing.Payment{}, err
		}
		payment = found
	}
	payment.Status, payment.Reason = billing.Declined, answer.Msg
	if needsBearer(answer) {
		payment.Status = billing.ActionRequired
	}
	return payment, nil
}

// earlierTry is the payment that an earlier call created, or otherwise the error.
func (p *Processor) earlierTry(ctx context.Context, c billing.RefillCharge, otherwise error) (billing.Payment, error) {
	found, err := p.FindRefill(ctx, c.Customer, c.Pack.Refill, p.options.Now().Add(-keyLife))
	if err != nil {
		return billing.Payment{}, err
	}
	if found == nil {
		return billing.Payment{}, otherwise
	}
	return *found, nil
}

// savedCard is the card to charge without the cardholder: the customer's
// default, otherwise the one that was saved last.
func savedCard(ctx context.Context, client *stripe.Client, customerID string) (string, error) {
	customer, err := client.V1Customers.Retrieve(ctx, customerID, &stripe.CustomerRetrieveParams{
		Expand: stripe.StringSlice([]string{"invoice_settings.default_payment_method"}),
	})
	if err != nil {
		return "", failure("reading customer "+customerID, err)
	}
	if settings := customer.InvoiceSettings; settings != nil && settings.DefaultPaymentMethod != nil &&
		settings.DefaultPaymentMethod.Type == stripe.PaymentMethodTypeCard {
		return settings.DefaultPaymentMethod.ID, nil
	}
	list := &stripe.PaymentMethodListParams{Customer: &customerID, Type: stripe.String("card")}
	list.Limit, list.Single = stripe.Int64(1), true
	for card, err := range client.V1PaymentMethods.List(ctx, list).All(ctx) {
		if err != nil {
			return "", failure("finding the cards of "+customerID, err)
		}
		return card.ID, nil
	}
	return "", billing.ErrNoCard
}

// clockSkew is how far our clock and Stripe's may be apart.
const clockSkew = time.Hour

// FindRefill is the payment of a refill that was charged since then, or nil if
// there is none. Of several, which only an expired key allows, it is one that
// is paid.
func (p *Processor) FindRefill(ctx context.Context, customer, refillID string, since time.Time) (*billing.Payment, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return nil, err
	}
	list := &stripe.PaymentIntentListParams{
		Customer: &customer, CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: since.Add(-clockSkew).Unix()},
	}
	list.Limit = stripe.Int64(pageSize)
	id := ""
	for intent, err := range client.V1PaymentIntents.List(ctx, list).All(ctx) {
		if err != nil {
			return nil, failure("finding refill "+refillID, err)
		}
		if intent.Metadata[metaRefill] != refillID || p.foreign(intent.Metadata) {
			continue
		}
		if id == "" || intent.Status == stripe.PaymentIntentStatusSucceeded {
			id = intent.ID
		}
	}
	if id == "" {
		return nil, nil
	}
	payment, err := p.Payment(ctx, id)
	if err != nil {
		return nil, err
	}
	return &payment, nil
}

// pageSize is the most that Stripe lists at once.
const pageSize = 100
