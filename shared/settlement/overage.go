package settlement

import (
	"context"
	"fmt"
	"time"

	"drawdown/shared/billing"
)

// BillOverage sends the invoice for overage that the end of a period has
// recorded. The record was written with the reset of the overage, so it exists
// once; the processor looks the invoice up by the record's id, so it is billed
// once.
func (s *Settler) BillOverage(ctx context.Context, account string, at time.Time, id string) error {
	for range maxTries {
		bill, err := s.Store.Bill(ctx, account, at, id)
		if err != nil || bill == nil || bill.Kind != billing.OverageBill || bill.Invoice != "" {
			return err
		}
		customer, err := billing.Customer(ctx, s.Store, s.Processor, account)
		if err != nil {
			return err
		}
		invoice, err := s.Processor.BillOverage(ctx, billing.OverageCharge{
			Bill: bill.ID, Account: account, Customer: customer, Amount: bill.Amount, NotedAt: bill.At,
			Description: fmt.Sprintf("%s credits of usage beyond the included credits", bill.Credits),
		})
		if err != nil {
			return err
		}
		sent := *bill
		sent.Invoice, sent.State, sent.ReceiptURL, sent.Payment = invoice.ID, invoiceState(invoice), invoice.HostedURL, invoice.Payment
		saved, err := s.Store.SaveBill(ctx, sent)
		if err != nil || saved {
			return err
		}
	}
	return ErrMoved
}

// overageBill brings the line of an overage up to its invoice.
func (s *Settler) overageBill(ctx context.Context, invoice billing.Invoice) error {
	if invoice.Bill == "" {
		return nil
	}
	for range maxTries {
		bill, err := s.Store.Bill(ctx, invoice.Account, invoice.NotedAt, invoice.Bill)
		if err != nil {
			return err
		}
		if bill == nil {
			return fmt.Errorf("settlement: invoice %s names bill %q, which does not exist", invoice.ID, invoice.Bill)
		}
		present, err := s.Processor.Invoice(ctx, invoice.ID)
		if err != nil {
			return err
		}
		next := *bill
		next.Invoice, next.State, next.ReceiptURL, next.Payment = present.ID, invoiceState(present), present.HostedURL, present.Payment
		if next == *bill {
			return nil
		}
		if _, err := s.Store.SaveBill(ctx, next); err != nil {
			return err
		}
	}
	return ErrMoved
}
