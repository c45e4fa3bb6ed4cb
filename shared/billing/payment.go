package billing

import (
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// PaymentStatus is how far a payment is.
type PaymentStatus string

// The statuses of a payment.
const (
	Succeeded      PaymentStatus = "succeeded"
	Processing     PaymentStatus = "processing"      // neither paid nor refused yet; may take days
	Declined       PaymentStatus = "declined"        // refused; can be tried with another card
	ActionRequired PaymentStatus = "action_required" // the cardholder must confirm it
	Canceled       PaymentStatus = "canceled"        // will never be paid
)

// Dispute is the state of a cardholder's dispute with the bank.
type Dispute string

// The states of a dispute. While it is open, the money is gone.
const (
	NoDispute   Dispute = ""
	DisputeOpen Dispute = "open"
	DisputeWon  Dispute = "won"
	DisputeLost Dispute = "lost"
)

// Payment is a payment as the processor has it now. What it pays for was
// recorded with it when it was created, so that a later change of the catalog
// does not change what was bought.
type Payment struct {
	ID       string // of the processor: pi_...
	Account  string // empty: not one of ours
	Customer string
	Status   PaymentStatus
	Amount   money.Money
	Refunded int64 // of the amount, in minor units
	Dispute  Dispute
	Disputed int64  // of the amount, in minor units
	Reason   string // of a refusal, for people
	// Refused is why one that was canceled had not been paid: Declined or
	// ActionRequired; empty: it was not refused.
	Refused    PaymentStatus
	ReceiptURL string
	CreatedAt  time.Time
	PaidAt     time.Time // zero: not paid

	// Exactly one of these is set and is what it pays for; none: it is not ours.
	Pack    *PackSale
	Invoice string // in_...
}

// PackSale is the pack that a payment pays for.
type PackSale struct {
	PackID       string
	Credits      credit.Amount
	ValidityDays int
	Refill       string // the refill's id, empty if a person bought it
}

// TakenBack is how many of the granted credits are to be taken back in all,
// given the state of the money: a refund takes its share, an open or lost
// dispute its own, and a won one nothing.
func (p Payment) TakenBack(granted credit.Amount) (credit.Amount, error) {
	gone := p.Refunded
	if p.Dispute == DisputeOpen || p.Dispute == DisputeLost {
		gone += p.Disputed
	}
	if p.Amount.Minor == 0 {
		return 0, nil
	}
	return money.Share(granted, min(gone, p.Amount.Minor), p.Amount.Minor)
}

// SubscriptionStatus is the status of a subscription.
type SubscriptionStatus string

// The statuses of a subscription.
const (
	SubscriptionActive     SubscriptionStatus = "active"
	SubscriptionPastDue    SubscriptionStatus = "past_due"   // the processor is trying to collect
	SubscriptionIncomplete SubscriptionStatus = "incomplete" // the first payment is missing
	SubscriptionEnded      SubscriptionStatus = "ended"
)

// Subscription is a subscription as the processor has it now; of a free plan,
// as we have it.
type Subscription struct {
	ID                string // sub_..., or free_... for a free plan
	Account           string
	Customer          string
	PlanID            string
	PriceID           string
	Price             money.Money // of one period
	Status            SubscriptionStatus
	Anchor            time.Time
	PeriodStart       time.Time
	PeriodEnd         time.Time
	CancelAtPeriodEnd bool
	EndedAt           time.Time // zero: it goes on
	LatestInvoice     string    // in_..., the newest of its invoices; empty: none
}

// InvoiceReason is why an invoice was made.
type InvoiceReason string

// The reasons of invoices.
const (
	InvoiceOfStart   InvoiceReason = "start"   // the first of a subscription
	InvoiceOfPeriod  InvoiceReason = "period"  // the beginning of another period
	InvoiceOfChange  InvoiceReason = "change"  // what a change of plan costs for the rest of the period
	InvoiceOfOverage InvoiceReason = "overage" // use beyond the grants, billed by us
	InvoiceOfOther   InvoiceReason = "other"
)

// InvoiceStatus is how far an invoice is.
type InvoiceStatus string

// The statuses of an invoice.
const (
	InvoiceDraft InvoiceStatus = "draft"
	InvoiceOpen  InvoiceStatus = "open" // not paid yet
	InvoicePaid  InvoiceStatus = "paid"
	InvoiceVoid  InvoiceStatus = "void" // or marked uncollectible
)

// Invoice is an invoice as the processor has it now.
type Invoice struct {
	ID           string // in_...
	Account      string
	Customer     string
	Subscription string
	Reason       InvoiceReason
	Status       InvoiceStatus
	Total        money.Money
	// PlanID and PriceID are those of the line that begins a period, which runs
	// from PeriodStart to PeriodEnd.
	PlanID      string
	PriceID     string
	PeriodStart time.Time
	PeriodEnd   time.Time
	Payment     string // pi_..., empty if nothing had to be paid
	HostedURL   string // where it can be seen and paid
	Attempted   bool   // an attempt to collect it has failed
	CreatedAt   time.Time
	Bill        string    // of an overage: the id of our line in the billing history
	NotedAt     time.Time // and its time
}
