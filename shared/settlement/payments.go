package settlement

import (
	"context"
	"fmt"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// Payment settles a payment: it grants what was paid for, once, and takes back
// the credits whose money was given back.
func (s *Settler) Payment(ctx context.Context, id string) error {
	payment, err := s.Processor.Payment(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case payment.Account == "":
		return nil // the operator's processor account sells other things too
	case payment.Pack != nil && payment.Pack.Refill != "":
		return s.byPayment(ctx, payment.Account, payment.Pack.Refill, payment)
	case payment.Pack != nil:
		return s.purchase(ctx, payment)
	case payment.Invoice != "":
		return s.invoicePayment(ctx, payment)
	}
	return nil
}

// purchase settles a pack that a person has bought.
func (s *Settler) purchase(ctx context.Context, payment billing.Payment) error {
	if payment.Status == billing.Succeeded {
		operation := ledger.PaymentOperation(payment.ID)
		if err := s.grantPack(ctx, payment, operation, ledger.FromPurchase); err != nil {
			return err
		}
		if err := s.takeBack(ctx, payment.Account, operation, payment.ID); err != nil {
			return err
		}
	}
	return s.paymentBills(ctx, payment, billing.PurchaseBill)
}

// grantPack grants what a payment has paid for, under an operation that follows
// from the payment's id. The validity runs from now: credits that were paid
// late are valid for as long.
func (s *Settler) grantPack(ctx context.Context, payment billing.Payment, operation ledger.OperationID, source ledger.Source) error {
	pack := payment.Pack
	add := ledger.AddGrant{Amount: pack.Credits, Source: source, Reason: "pack " + pack.PackID, Payment: payment.ID}
	expiresAt := billing.Pack{ValidityDays: pack.ValidityDays}.ExpiresAt(s.Now())
	if !expiresAt.IsZero() {
		add.ExpiresAt = &expiresAt
	}
	return s.Committer.Do(ctx, payment.Account, ledger.Command{Operation: operation, Action: add}).Err
}

// paymentBills writes the payment's line of the history, and one for what was
// given back of it.
func (s *Settler) paymentBills(ctx context.Context, payment billing.Payment, kind billing.BillKind) error {
	name, err := s.packName(ctx, payment.Pack.PackID)
	if err != nil {
		return err
	}
	again := func(of func(billing.Payment) billing.Bill) func() (billing.Bill, error) {
		return func() (billing.Bill, error) {
			present, err := s.Processor.Payment(ctx, payment.ID)
			return of(present), err
		}
	}
	line := func(p billing.Payment) billing.Bill { return paymentBill(p, kind, name) }
	if err := s.writeBill(ctx, line(payment), again(line)); err != nil {
		return err
	}
	return s.refundBill(ctx, payment, name)
}

// refundBill writes the line of what was given back. If nothing was, or no
// longer is, as after a refund that the bank rejected, only an existing line is
// updated.
func (s *Settler) refundBill(ctx context.Context, payment billing.Payment, name string) error {
	line := func(p billing.Payment) billing.Bill {
		p.Account = payment.Account // an invoice's payment may not have it
		return refundBill(p, name)
	}
	first := line(payment)
	if payment.Refunded == 0 && payment.Dispute == billing.NoDispute {
		stored, err := s.Store.Bill(ctx, first.Account, first.At, first.ID)
		if err != nil || stored == nil {
			return err
		}
	}
	return s.writeBill(ctx, first, func() (billing.Bill, error) {
		present, err := s.Processor.Payment(ctx, payment.ID)
		return line(present), err
	})
}

// packName is the display name of a pack; its id if it is not in the catalog.
func (s *Settler) packName(ctx context.Context, id string) (string, error) {
	pack, err := s.Store.Pack(ctx, id)
	if err != nil || pack == nil {
		return id, err
	}
	return pack.Name, nil
}

func paymentBill(p billing.Payment, kind billing.BillKind, name string) billing.Bill {
	bill := billing.Bill{
		Account: p.Account, ID: p.ID, At: p.CreatedAt, Kind: kind, Amount: p.Amount,
		Description: name, ReceiptURL: p.ReceiptURL, Payment: p.ID, Reason: p.Reason,
	}
	if p.Pack != nil {
		bill.Credits = p.Pack.Credits
	}
	switch p.Status {
	case billing.Succeeded:
		bill.State = billing.BillPaid
		if p.Dispute == billing.DisputeOpen {
			bill.State = billing.BillDisputed
		}
	case billing.Processing:
		bill.State = billing.BillPending
	case billing.Declined:
		bill.State = billing.BillFailed
	case billing.ActionRequired:
		bill.State = billing.BillOpen
	case billing.Canceled:
		bill.State = billing.BillVoid
	}
	if kind == billing.RefillBill && (bill.State == billing.BillOpen || bill.State == billing.BillVoid) {
		bill.State = billing.BillFailed // no one is expected to complete it
	}
	return bill
}

// refundBill is the line of what was given back of a payment.
func refundBill(p billing.Payment, name string) billing.Bill {
	bill := billing.Bill{
		Account: p.Account, ID: "refund:" + p.ID, At: p.CreatedAt, Kind: billing.RefundBill, State: billing.BillPaid,
		Amount: p.Amount, Description: name, ReceiptURL: p.ReceiptURL, Payment: p.ID, Reason: reasonOf(p),
	}
	bill.Amount.Minor = p.Refunded
	disputed := min(p.Refunded+p.Disputed, p.Amount.Minor)
	switch p.Dispute {
	case billing.DisputeOpen:
		bill.State, bill.Amount.Minor = billing.BillDisputed, disputed
	case billing.DisputeLost:
		bill.Amount.Minor = disputed
	case billing.DisputeWon, billing.NoDispute:
		if p.Refunded == 0 {
			bill.State = billing.BillVoid
		}
	}
	return bill
}

// invoicePayment settles changes of an invoice's payment, such as a refund.
func (s *Settler) invoicePayment(ctx context.Context, payment billing.Payment) error {
	if err := s.Invoice(ctx, payment.Invoice); err != nil {
		return fmt.Errorf("settlement: payment %s of invoice %s: %w", payment.ID, payment.Invoice, err)
	}
	return nil
}
