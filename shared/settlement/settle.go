package settlement

import "context"

// Kind is the type of a message's object, as the processor names it.
type Kind string

// The kinds of objects that are settled.
const (
	OfSession      Kind = "checkout.session"
	OfPayment      Kind = "payment_intent"
	OfCharge       Kind = "charge"
	OfRefund       Kind = "refund"
	OfDispute      Kind = "dispute"
	OfInvoice      Kind = "invoice"
	OfSubscription Kind = "subscription"
)

// Settle applies the current state of an object of the processor. Kinds that do
// not concern us are ignored.
func (s *Settler) Settle(ctx context.Context, kind Kind, id string) error {
	switch kind {
	case OfPayment:
		return s.Payment(ctx, id)
	case OfCharge:
		return s.paymentBy(ctx, s.Processor.PaymentIDOfCharge, id)
	case OfRefund: // one that the bank rejected changes its payment, too
		return s.paymentBy(ctx, s.Processor.PaymentIDOfRefund, id)
	case OfDispute:
		return s.paymentBy(ctx, s.Processor.PaymentIDOfDispute, id)
	case OfSession:
		if err := s.paymentBy(ctx, s.Processor.PaymentIDOfSession, id); err != nil {
			return err
		}
		subscription, err := s.Processor.SubscriptionIDOfSession(ctx, id)
		if err != nil || subscription == "" {
			return err
		}
		return s.Subscription(ctx, subscription)
	case OfInvoice:
		return s.Invoice(ctx, id)
	case OfSubscription:
		return s.Subscription(ctx, id)
	}
	return nil
}

func (s *Settler) paymentBy(ctx context.Context, find func(context.Context, string) (string, error), id string) error {
	payment, err := find(ctx, id)
	if err != nil || payment == "" {
		return err
	}
	return s.Payment(ctx, payment)
}
