package settlement

import "context"

// Kind is what a message of the processor is about, as it calls its objects.
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

// Settle makes true what an object of the processor says now. Kinds that say
// nothing of ours are ignored.
func (s *Settler) Settle(ctx context.Context, kind Kind, id string) error {
	switch kind {
	case OfPayment:
		return s.Payment(ctx, id)
	case OfCharge:
		return s.paymentBy(ctx, s.Processor.PaymentIDOfCharge, id)
	case OfRefund: // one that the bank did not take changes its payment, too
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
