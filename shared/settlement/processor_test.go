package settlement_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// keyMemory is how long the fake remembers idempotency keys, as the real one
// documents.
const keyMemory = 24 * time.Hour

// processor is a small honest payment processor: its objects change as
// instructed, and it remembers the keys of its requests.
type processor struct {
	*faults
	now func() time.Time

	mu            sync.Mutex
	made          int
	customers     map[string]string // by account
	payments      map[string]*billing.Payment
	invoices      map[string]*billing.Invoice
	subscriptions map[string]*billing.Subscription
	keys          map[string]keyed // of refills
	canceled      int              // subscriptions set to end with their period
	noCard        bool
	rejects       bool // accepts no charge
	stubborn      bool // cancels no payment
	// card is what becomes of a new charge by the saved card.
	card func(*billing.Payment)
}

type keyed struct {
	at      time.Time
	charge  string
	payment billing.Payment // the first answer
}

func newProcessor(f *faults, now func() time.Time) *processor {
	return &processor{
		faults: f, now: now, customers: map[string]string{}, payments: map[string]*billing.Payment{},
		invoices: map[string]*billing.Invoice{}, subscriptions: map[string]*billing.Subscription{}, keys: map[string]keyed{},
		card: func(p *billing.Payment) { p.Status = billing.Succeeded },
	}
}

// ask makes a call on the locked objects.
func (p *processor) ask(name string, effect func() error) error {
	return p.call("processor."+name, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		return effect()
	})
}

// change lets the processor's objects move on by themselves.
func (p *processor) change(effect func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	effect()
}

func (p *processor) id(prefix string) string {
	p.made++
	return fmt.Sprintf("%s_%d", prefix, p.made)
}

func (p *processor) Payment(_ context.Context, id string) (found billing.Payment, err error) {
	return found, p.ask("Payment", func() error {
		payment := p.payments[id]
		if payment == nil {
			return fmt.Errorf("no such payment: %q", id)
		}
		found = *payment
		return nil
	})
}

// Charges, refunds, disputes and sessions are called like their payment.
func (p *processor) PaymentIDOfCharge(_ context.Context, charge string) (string, error) {
	return "pi_" + strings.TrimPrefix(charge, "ch_"), p.ask("Charge", func() error { return nil })
}

func (p *processor) PaymentIDOfRefund(_ context.Context, refund string) (string, error) {
	return "pi_" + strings.TrimPrefix(refund, "re_"), p.ask("Refund", func() error { return nil })
}

func (p *processor) PaymentIDOfDispute(_ context.Context, dispute string) (string, error) {
	return "pi_" + strings.TrimPrefix(dispute, "dp_"), p.ask("Dispute", func() error { return nil })
}

func (p *processor) PaymentIDOfSession(_ context.Context, session string) (string, error) {
	id, _ := strings.CutPrefix(session, "cs_pi_")
	if id == session {
		return "", nil
	}
	return "pi_" + id, p.ask("Session", func() error { return nil })
}

func (p *processor) SubscriptionIDOfSession(_ context.Context, session string) (string, error) {
	id, _ := strings.CutPrefix(session, "cs_sub_")
	if id == session {
		return "", nil
	}
	return "sub_" + id, p.ask("Session", func() error { return nil })
}

func (p *processor) Subscription(_ context.Context, id string) (found billing.Subscription, err error) {
	return found, p.ask("Subscription", func() error {
		subscription := p.subscriptions[id]
		if subscription == nil {
			return fmt.Errorf("no such subscription: %q", id)
		}
		found = *subscription
		return nil
	})
}

func (p *processor) Invoice(_ context.Context, id string) (found billing.Invoice, err error) {
	return found, p.ask("Invoice", func() error {
		invoice := p.invoices[id]
		if invoice == nil {
			return fmt.Errorf("no such invoice: %q", id)
		}
		found = *invoice
		return nil
	})
}

func (p *processor) CancelAtPeriodEnd(_ context.Context, id string, cancel bool, _ string) (found billing.Subscription, err error) {
	return found, p.ask("CancelAtPeriodEnd", func() error {
		subscription := p.subscriptions[id]
		if subscription.Status == billing.SubscriptionEnded {
			return fmt.Errorf("subscription %s has ended", id)
		}
		subscription.CancelAtPeriodEnd = cancel
		p.canceled++
		found = *subscription
		return nil
	})
}

func (p *processor) EnsureCustomer(_ context.Context, account, _ string) (id string, err error) {
	return id, p.ask("EnsureCustomer", func() error {
		if p.customers[account] == "" {
			p.customers[account] = "cus_" + account
		}
		id = p.customers[account]
		return nil
	})
}

// ChargeRefill answers under a key as it did the first time, as long as it
// remembers, and refuses another request under it.
func (p *processor) ChargeRefill(_ context.Context, charge billing.RefillCharge) (made billing.Payment, err error) {
	return made, p.ask("ChargeRefill", func() error {
		if p.noCard {
			return billing.ErrNoCard
		}
		if p.rejects {
			return fmt.Errorf("charging: %w: no such currency", billing.ErrRejected)
		}
		key := charge.Pack.Refill
		if known, found := p.keys[key]; found && p.now().Sub(known.at) < keyMemory {
			if known.charge != fmt.Sprint(charge) {
				return fmt.Errorf("key %s was used with another request", key)
			}
			made = known.payment
			return nil
		}
		made = billing.Payment{
			ID: p.id("pi"), Account: charge.Account, Customer: charge.Customer, Amount: charge.Amount,
			CreatedAt: p.now().Truncate(time.Second), Pack: &charge.Pack,
		}
		p.card(&made)
		kept := made
		p.payments[made.ID] = &kept
		p.keys[key] = keyed{p.now(), fmt.Sprint(charge), made}
		return nil
	})
}

func (p *processor) FindRefill(_ context.Context, customer, refill string, _ time.Time) (found *billing.Payment, err error) {
	return found, p.ask("FindRefill", func() error {
		for _, payment := range p.payments {
			if payment.Customer == customer && payment.Pack != nil && payment.Pack.Refill == refill {
				copied := *payment
				found = &copied
			}
		}
		return nil
	})
}

// CancelPayment keeps the reason of a refusal, as the real one does.
func (p *processor) CancelPayment(_ context.Context, id string) (found billing.Payment, err error) {
	return found, p.ask("CancelPayment", func() error {
		payment := p.payments[id]
		if !p.stubborn && (payment.Status == billing.Declined || payment.Status == billing.ActionRequired) {
			payment.Status, payment.Refused = billing.Canceled, payment.Status
		}
		found = *payment
		return nil
	})
}

// BillOverage finds the invoice of a bill before it makes one.
func (p *processor) BillOverage(_ context.Context, overage billing.OverageCharge) (made billing.Invoice, err error) {
	return made, p.ask("BillOverage", func() error {
		for _, invoice := range p.invoices {
			if invoice.Bill == overage.Bill {
				made = *invoice
				return nil
			}
		}
		made = billing.Invoice{
			ID: p.id("in"), Account: overage.Account, Customer: overage.Customer, Reason: billing.InvoiceOfOverage,
			Status: billing.InvoiceOpen, Total: overage.Amount, CreatedAt: p.now().Truncate(time.Second),
			Bill: overage.Bill, NotedAt: overage.NotedAt, HostedURL: "https://pay.example.com/" + overage.Bill,
		}
		kept := made
		p.invoices[made.ID] = &kept
		return nil
	})
}

// The rest is what happens at the processor without us.

// buy is a person who pays for a pack.
func (p *processor) buy(account string, pack billing.PackSale, price int64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.id("pi")
	p.payments[id] = &billing.Payment{
		ID: id, Account: account, Status: billing.Succeeded, Amount: money.Money{Minor: price, Currency: "usd"},
		CreatedAt: p.now().Truncate(time.Second), Pack: &pack,
	}
	return id
}

// charges is how many payments of refills there are that were paid or may be.
func (p *processor) charges() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := 0
	for _, payment := range p.payments {
		if payment.Pack != nil && payment.Pack.Refill != "" && (payment.Status == billing.Succeeded || payment.Status == billing.Processing) {
			count++
		}
	}
	return count
}

// subscribe is a person who pays for a plan from now on.
func (p *processor) subscribe(id, plan string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := p.now().Truncate(time.Second)
	s := &billing.Subscription{ID: id, Account: acme, PlanID: plan, Status: billing.SubscriptionActive, Anchor: start}
	s.PeriodStart, s.PeriodEnd = billing.Period(start, billing.Monthly, 0)
	p.subscriptions[id] = s
}

// invoice is a paid invoice of a subscription as it is now.
func (p *processor) invoice(subscription string, reason billing.InvoiceReason) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, id, payment := p.subscriptions[subscription], p.id("in"), p.id("pi")
	i := &billing.Invoice{
		ID: id, Account: s.Account, Subscription: s.ID, Reason: reason, Status: billing.InvoicePaid, Payment: payment,
		Total: money.Money{Minor: 1000, Currency: "usd"}, PlanID: s.PlanID, CreatedAt: p.now().Truncate(time.Second),
	}
	if reason != billing.InvoiceOfChange {
		i.PeriodStart, i.PeriodEnd = s.PeriodStart, s.PeriodEnd
	}
	p.invoices[id], s.LatestInvoice = i, id
	p.payments[payment] = &billing.Payment{
		ID: payment, Account: s.Account, Status: billing.Succeeded, Amount: i.Total, CreatedAt: i.CreatedAt, Invoice: id,
	}
	return id
}

// renew begins a subscription's next period.
func (p *processor) renew(subscription string) string {
	p.mu.Lock()
	s := p.subscriptions[subscription]
	s.PeriodStart, s.PeriodEnd = billing.Period(s.Anchor, billing.Monthly, billing.PeriodAt(s.Anchor, billing.Monthly, s.PeriodEnd))
	p.mu.Unlock()
	return p.invoice(subscription, billing.InvoiceOfPeriod)
}

// end ends the first subscription.
func (p *processor) end() {
	p.change(func() {
		s := p.subscriptions[sub]
		s.Status, s.EndedAt = billing.SubscriptionEnded, p.now().Truncate(time.Second)
	})
}
