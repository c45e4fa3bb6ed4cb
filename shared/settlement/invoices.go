package settlement

import (
	"context"
	"errors"
	"fmt"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// Invoice settles an invoice: a paid one opens the period, or makes the change,
// that it is for, and its credits are taken back to the extent that its money
// was given back.
func (s *Settler) Invoice(ctx context.Context, id string) error {
	invoice, err := s.Processor.Invoice(ctx, id)
	if err != nil || invoice.Account == "" {
		return err
	}
	if invoice.Status == billing.InvoicePaid {
		if err := s.invoicePaid(ctx, invoice); err != nil {
			return err
		}
	}
	if invoice.Subscription != "" {
		if err := s.Subscription(ctx, invoice.Subscription); err != nil {
			return err
		}
		if err := s.noteUnpaid(ctx, invoice); err != nil {
			return err
		}
	}
	if err := s.invoiceBill(ctx, invoice); err != nil {
		return err
	}
	if invoice.Payment == "" || invoice.Status != billing.InvoicePaid {
		return nil
	}
	return s.invoiceMoney(ctx, invoice)
}

func (s *Settler) invoicePaid(ctx context.Context, invoice billing.Invoice) error {
	operation, found := granting(invoice)
	if !found {
		return nil
	}
	stands, err := s.stands(ctx, invoice.Account, invoice.Subscription)
	if err != nil {
		return err
	}
	if !stands {
		return s.paidForNothing(ctx, invoice, operation)
	}
	if operation == ledger.ChangeOperation(invoice.ID) {
		return s.changePlan(ctx, invoice)
	}
	return s.openPeriod(ctx, invoice)
}

// paidForNothing reports an invoice that was paid but no longer grants anything. If
// it granted before, or the money was given back, there is nothing to report.
func (s *Settler) paidForNothing(ctx context.Context, invoice billing.Invoice, operation ledger.OperationID) error {
	if s.OnPaidForNothing == nil || invoice.Payment == "" {
		return nil
	}
	snapshot, err := s.Store.Read(ctx, invoice.Account, []ledger.OperationID{operation}, "")
	if err != nil {
		return err
	}
	if _, granted := snapshot.Entries[operation]; granted {
		return nil
	}
	payment, err := s.Processor.Payment(ctx, invoice.Payment)
	if err != nil {
		return err
	}
	gone := payment.Refunded
	if payment.Dispute == billing.DisputeOpen || payment.Dispute == billing.DisputeLost {
		gone += payment.Disputed
	}
	if gone < payment.Amount.Minor {
		s.OnPaidForNothing(ctx, invoice.Account, invoice.ID)
	}
	return nil
}

// granting is the operation that grants what an invoice has paid for. A change of
// plan that begins a period, such as one to another interval, is a period.
func granting(invoice billing.Invoice) (ledger.OperationID, bool) {
	switch invoice.Reason {
	case billing.InvoiceOfStart, billing.InvoiceOfPeriod:
		return ledger.PeriodOperation(invoice.Subscription, invoice.PeriodStart), true
	case billing.InvoiceOfChange:
		if !invoice.PeriodStart.IsZero() {
			return ledger.PeriodOperation(invoice.Subscription, invoice.PeriodStart), true
		}
		return ledger.ChangeOperation(invoice.ID), true
	case billing.InvoiceOfOverage, billing.InvoiceOfOther:
	}
	return "", false
}

// invoiceMoney takes back what an invoice has granted, to the extent that its
// money was given back. An invoice that deliberately granted nothing leaves
// nothing to take back: its plan includes no credits, its period was over or its
// subscription replaced when it was settled, or it is for overage, which has been
// used.
func (s *Settler) invoiceMoney(ctx context.Context, invoice billing.Invoice) error {
	if operation, found := granting(invoice); found {
		err := s.takeBack(ctx, invoice.Account, operation, invoice.Payment)
		if err != nil && !errors.Is(err, ErrNotYet) {
			return err
		}
	}
	payment, err := s.Processor.Payment(ctx, invoice.Payment)
	if err != nil {
		return err
	}
	name, err := s.invoiceName(ctx, invoice)
	if err != nil {
		return err
	}
	payment.Account = invoice.Account
	return s.refundBill(ctx, payment, name)
}

// openPeriod opens the period that an invoice has paid for, with the current
// catalog.
func (s *Settler) openPeriod(ctx context.Context, invoice billing.Invoice) error {
	plan, err := s.plan(ctx, invoice.PlanID)
	if err != nil {
		return err
	}
	return s.open(ctx, invoice.Account, invoice.Subscription, plan, periodOf{
		invoice.PeriodStart, invoice.PeriodEnd,
	}, invoice.Payment)
}

func (s *Settler) plan(ctx context.Context, id string) (billing.Plan, error) {
	plan, err := s.Store.Plan(ctx, id)
	if err != nil {
		return billing.Plan{}, err
	}
	if plan == nil {
		return billing.Plan{}, fmt.Errorf("%w: plan %q", errGone, id)
	}
	return *plan, nil
}

// changePlan makes a change within a period that its invoice has paid for. It
// waits for the period to be open.
func (s *Settler) changePlan(ctx context.Context, invoice billing.Invoice) error {
	plan, err := s.plan(ctx, invoice.PlanID)
	if err != nil {
		return err
	}
	wallet, err := s.Store.Wallet(ctx, invoice.Account)
	if err != nil {
		return err
	}
	if wallet == nil || wallet.Plan == nil || wallet.Plan.Subscription != invoice.Subscription ||
		!invoice.CreatedAt.Before(wallet.Plan.End) { // of the period after the open one, whose invoice is on its way
		return ErrNotYet
	}
	late, err := s.overtaken(ctx, invoice, plan, *wallet.Plan)
	if err != nil || late {
		return err
	}
	return s.Committer.Do(ctx, invoice.Account, ledger.Command{Operation: ledger.ChangeOperation(invoice.ID), Action: ledger.ChangePlan{
		Subscription: invoice.Subscription, Plan: plan.ID, At: invoice.CreatedAt, Included: plan.IncludedCredits,
		Overage: plan.Overage, OverageRate: plan.OverageRate(), Rollover: plan.Rollover, Payment: invoice.Payment,
	}}).Err
}

// overtaken reports whether a change is obsolete: the period that it changed is
// over, or a later change to a larger plan was settled before it and has
// granted the difference.
func (s *Settler) overtaken(ctx context.Context, invoice billing.Invoice, plan billing.Plan, open ledger.PlanState) (bool, error) {
	if invoice.CreatedAt.Before(open.Start) {
		return true, nil
	}
	if open.Plan == plan.ID || plan.IncludedCredits > open.Included {
		return false, nil
	}
	present, err := s.Processor.Subscription(ctx, invoice.Subscription)
	return err == nil && present.PlanID != plan.ID && present.PlanID == open.Plan, err
}

// invoiceBill writes the invoice's line of the billing history.
func (s *Settler) invoiceBill(ctx context.Context, invoice billing.Invoice) error {
	if invoice.Status == billing.InvoiceDraft || invoice.Reason == billing.InvoiceOfOther {
		return nil
	}
	if invoice.Reason == billing.InvoiceOfOverage {
		return s.overageBill(ctx, invoice)
	}
	plan, err := s.Store.Plan(ctx, invoice.PlanID)
	if err != nil {
		return err
	}
	line := func(i billing.Invoice) billing.Bill { return planBill(i, plan) }
	return s.writeBill(ctx, line(invoice), func() (billing.Bill, error) {
		present, err := s.Processor.Invoice(ctx, invoice.ID)
		return line(present), err
	})
}

func planBill(i billing.Invoice, plan *billing.Plan) billing.Bill {
	bill := billing.Bill{
		Account: i.Account, ID: i.ID, At: i.CreatedAt, Kind: billing.PlanBill, State: invoiceState(i), Amount: i.Total,
		Description: i.PlanID, ReceiptURL: i.HostedURL, Payment: i.Payment, Invoice: i.ID,
	}
	if plan != nil {
		bill.Description = plan.Name
	}
	if i.Reason == billing.InvoiceOfChange {
		bill.Kind = billing.ChangeBill
	} else if plan != nil {
		bill.Credits = plan.IncludedCredits
	}
	return bill
}

func invoiceState(i billing.Invoice) billing.BillState {
	switch i.Status {
	case billing.InvoicePaid:
		return billing.BillPaid
	case billing.InvoiceVoid:
		return billing.BillVoid
	case billing.InvoiceOpen:
		if i.Attempted {
			return billing.BillFailed
		}
		return billing.BillOpen
	case billing.InvoiceDraft:
	}
	return billing.BillPending
}

// invoiceName is the display name of what an invoice is for.
func (s *Settler) invoiceName(ctx context.Context, invoice billing.Invoice) (string, error) {
	if invoice.Reason == billing.InvoiceOfOverage {
		return "Usage beyond the included credits", nil
	}
	plan, err := s.Store.Plan(ctx, invoice.PlanID)
	if err != nil || plan == nil {
		return invoice.PlanID, err
	}
	return plan.Name, nil
}
