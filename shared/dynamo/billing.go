package dynamo

import (
	"context"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// Billing is what is kept of accounts' money beside their ledgers: subscriptions,
// bills, checkouts, and what of these is due.
type Billing struct{ *core }

// Standing reads what is kept of an account's subscription strongly consistently;
// nil where it never had one.
func (b *Billing) Standing(ctx context.Context, account string) (*billing.Standing, error) {
	r, err := read[standingRecord](ctx, b.core, standingKey(account))
	if err != nil || r == nil {
		return nil, err
	}
	return &billing.Standing{
		Subscription: billing.Subscription{
			ID: r.ID, Account: r.Account, Customer: r.Customer, PlanID: r.Plan, PriceID: r.Price,
			Price:  money.Money{Minor: r.PriceMinor, Currency: r.Currency},
			Status: billing.SubscriptionStatus(r.Status), Anchor: instant(r.Anchor),
			PeriodStart: instant(r.Start), PeriodEnd: instant(r.End),
			CancelAtPeriodEnd: r.CancelAtPeriodEnd, EndedAt: instant(r.EndedAt),
		},
		NextPlan: r.NextPlan, InvoiceID: r.Invoice, PayURL: r.PayURL, Version: r.Version,
	}, nil
}

// SaveStanding writes a standing in place of the one of its version, 0 where there
// was none, and answers false where another write came first; what is stored has
// the next version. The calendar looks at it from due on, and never where due is zero.
func (b *Billing) SaveStanding(ctx context.Context, s billing.Standing, due time.Time) (bool, error) {
	key := standingKey(s.Account)
	record := standingRecord{
		PK: key.PK, SK: key.SK, Account: s.Account, ID: s.ID, Customer: s.Customer, Plan: s.PlanID, Price: s.PriceID,
		PriceMinor: s.Price.Minor, Currency: s.Price.Currency,
		Status: string(s.Status), Anchor: millis(s.Anchor), Start: millis(s.PeriodStart), End: millis(s.PeriodEnd),
		CancelAtPeriodEnd: s.CancelAtPeriodEnd, EndedAt: millis(s.EndedAt),
		NextPlan: s.NextPlan, Invoice: s.InvoiceID, PayURL: s.PayURL, Version: s.Version + 1,
	}
	if !due.IsZero() {
		record.DueIn, record.DueAt = dueRenewals, dueAt(due, s.Account, s.ID)
	}
	return b.putVersioned(ctx, "saving the subscription of "+s.Account, record, s.Version)
}

type standingRecord struct {
	PK                string `dynamodbav:"pk"`
	SK                string `dynamodbav:"sk"`
	DueIn             string `dynamodbav:"db,omitempty"`
	DueAt             string `dynamodbav:"dt,omitempty"`
	Account           string `dynamodbav:"ac"`
	ID                string `dynamodbav:"i"`
	Customer          string `dynamodbav:"cu,omitempty"`
	Plan              string `dynamodbav:"pl"`
	Price             string `dynamodbav:"pi,omitempty"`
	PriceMinor        int64  `dynamodbav:"pm,omitempty"`
	Currency          string `dynamodbav:"py,omitempty"`
	Status            string `dynamodbav:"st"`
	Anchor            int64  `dynamodbav:"an,omitempty"`
	Start             int64  `dynamodbav:"ps,omitempty"`
	End               int64  `dynamodbav:"pe,omitempty"`
	CancelAtPeriodEnd bool   `dynamodbav:"ce,omitempty"`
	EndedAt           int64  `dynamodbav:"ea,omitempty"`
	NextPlan          string `dynamodbav:"np,omitempty"`
	Invoice           string `dynamodbav:"iv,omitempty"`
	PayURL            string `dynamodbav:"pu,omitempty"`
	Version           int64  `dynamodbav:"v"`
}
