package main

import "slices"

// settledTypes lists the types of Stripe events that require settling, grouped by the
// object that is read again. Others are accepted and ignored, since an endpoint may be
// subscribed to more. It is also the list to subscribe to.
func settledTypes() []string {
	return []string{
		// checkout.session
		"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
		// payment_intent
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled",
		// charge
		"charge.refunded",
		// refund: one may fail days after it was made
		"refund.created", "refund.updated", "refund.failed", "charge.refund.updated",
		// dispute
		"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
		"charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
		// invoice
		"invoice.paid", "invoice.payment_failed", "invoice.finalized", "invoice.voided", "invoice.marked_uncollectible",
		// subscription
		"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
	}
}

func settled(kind string) bool { return slices.Contains(settledTypes(), kind) }
