package stripe

import (
	"fmt"
	"net/http"
	"time"
)

type invoice struct {
	id, customer, subscription, currency, description, method string
	reason                                                    string // billing_reason
	status                                                    string // "draft", "open", "paid", "void"
	lines                                                     []line
	metadata, details                                         map[string]string // details: the subscription's, kept when it is finalized
	autoAdvance                                               bool
	attempts, retries                                         int
	created, finalizeAt, nextAttempt, finalized, paidAt       int64
}

type line struct {
	id, description, price, item string // the invoice item, or else the subscription's
	amount, start, end           int64
	ofItem, proration            bool
	metadata                     map[string]string
}

// invoicePayment links a payment to the invoice that it pays.
type invoicePayment struct {
	id, invoice, intent, status string
	amount, created, paidAt     int64
}

func (inv *invoice) total() int64 {
	var sum int64
	for _, l := range inv.lines {
		sum += l.amount
	}
	return sum
}

func (s *Server) renderInvoice(inv *invoice) object {
	total := inv.total()
	lines := make([]object, 0, len(inv.lines))
	for _, l := range inv.lines {
		lines = append(lines, s.renderLine(inv, l))
	}
	o := object{
		"id": inv.id, "object": "invoice", "amount_due": total, "amount_paid": 0, "amount_remaining": total, "attempt_count": inv.attempts,
		"attempted": inv.attempts > 0, "auto_advance": inv.autoAdvance, "automatically_finalizes_at": nil,
		"billing_reason": inv.reason, "collection_method": "charge_automatically", "created": inv.created, "currency": inv.currency,
		"customer": inv.customer, "default_payment_method": orNull(inv.method), "description": orNull(inv.description), "due_date": nil,
		"effective_at": orNone(inv.finalized), "hosted_invoice_url": nil, "invoice_pdf": nil, "livemode": false, "metadata": inv.metadata,
		"lines":                object{"object": "list", "url": "/v1/invoices/" + inv.id + "/lines", "has_more": false, "data": lines},
		"next_payment_attempt": orNone(inv.nextAttempt), "number": nil, "parent": nil, "period_start": inv.created, "period_end": inv.created,
		"starting_balance": 0, "status": inv.status, "subtotal": total, "total": total,
		"status_transitions": object{"finalized_at": orNone(inv.finalized), "paid_at": orNone(inv.paidAt), "voided_at": nil, "marked_uncollectible_at": nil},
	}
	if inv.status == "draft" && inv.autoAdvance {
		o["automatically_finalizes_at"] = orNone(inv.finalizeAt)
	}
	if inv.status == "paid" {
		o["amount_paid"], o["amount_remaining"] = total, 0
	}
	if inv.finalized != 0 {
		o["hosted_invoice_url"], o["invoice_pdf"], o["number"] = s.url+"/invoice/"+inv.id, s.url+"/invoice/"+inv.id, upper(inv.id[len(inv.id)-8:])
	}
	if inv.subscription != "" {
		o["parent"] = object{"type": "subscription_details", "quote_details": nil, "subscription_details": object{
			"subscription": inv.subscription, "metadata": inv.details,
		}}
	}
	return o
}

func (s *Server) renderLine(inv *invoice, l line) object {
	o := object{
		"id": l.id, "object": "line_item", "amount": l.amount, "currency": inv.currency, "description": l.description, "discountable": !l.proration,
		"invoice": inv.id, "livemode": false, "metadata": merge(l.metadata, nil), "period": object{"start": l.start, "end": l.end}, "pricing": nil,
		"quantity": 1, "subscription": orNull(inv.subscription), "subtotal": l.amount, "taxes": []string{},
	}
	if p := s.prices.get(l.price); p != nil {
		o["pricing"] = object{
			"type": "price_details", "unit_amount_decimal": decimal(p.amount), "price_details": object{"price": p.id, "product": p.product},
		}
	}
	if l.ofItem {
		o["parent"] = object{"type": "invoice_item_details", "subscription_item_details": nil, "invoice_item_details": object{
			"invoice_item": l.item, "proration": false, "proration_details": nil, "subscription": nil,
		}}
		return o
	}
	o["parent"] = object{"type": "subscription_item_details", "invoice_item_details": nil, "subscription_item_details": object{
		"invoice_item": nil, "proration": l.proration, "proration_details": nil, "subscription": inv.subscription, "subscription_item": l.item,
	}}
	return o
}

func (s *Server) renderPayments(inv *invoice) object {
	data := []object{}
	for _, id := range s.payments.order {
		if p := s.payments.get(id); p.invoice == inv.id {
			data = append(data, s.renderInvoicePayment(p))
		}
	}
	return object{"object": "list", "url": "/v1/invoice_payments", "has_more": false, "data": data}
}

func (s *Server) renderInvoicePayment(p *invoicePayment) object {
	inv := s.invoices.get(p.invoice)
	o := object{
		"id": p.id, "object": "invoice_payment", "amount_paid": nil, "amount_requested": p.amount, "created": p.created, "currency": inv.currency,
		"invoice": p.invoice, "is_default": true, "livemode": false, "status": p.status,
		"payment":            object{"type": "payment_intent", "payment_intent": p.intent},
		"status_transitions": object{"canceled_at": nil, "paid_at": orNone(p.paidAt)},
	}
	if p.status == "paid" {
		o["amount_paid"] = p.amount
	}
	return o
}

func (s *Server) listInvoicePayments(c *call) (object, error) {
	f := c.form
	invoiceID, intentID := f.filled("invoice"), f.filled("payment[payment_intent]")
	if intentID != "" {
		f.needed("payment[type]")
	}
	f.choice("payment[type]", "payment_intent")
	page := readPage(f)
	if err := f.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, p := range s.payments.newest() {
		if (invoiceID == "" || p.invoice == invoiceID) && (intentID == "" || p.intent == intentID) {
			all = append(all, s.renderInvoicePayment(p))
		}
	}
	return s.listed(page, "/v1/invoice_payments", all)
}

func (s *Server) newInvoice(inv invoice) *invoice {
	inv.id, inv.status, inv.created = newID("in"), "draft", s.now().Unix()
	inv.metadata = merge(inv.metadata, nil)
	for i := range inv.lines {
		inv.lines[i].id = newID("il")
	}
	s.invoices.add(inv.id, &inv)
	s.emit("invoice.created", s.renderInvoice(&inv))
	return &inv
}

func (s *Server) createInvoice(c *call) (object, error) {
	f := c.form
	made := invoice{
		customer: f.needed("customer"), currency: f.filled("currency"), description: f.filled("description"), method: f.filled("default_payment_method"),
		metadata: f.meta("metadata"), autoAdvance: f.flag("auto_advance"), reason: "manual",
		finalizeAt: s.now().Add(draftTime).Unix(),
	}
	f.choice("collection_method", "charge_automatically")
	f.choice("pending_invoice_items_behavior", "exclude")
	if err := f.done(); err != nil {
		return nil, err
	}
	if s.customers.get(made.customer) == nil {
		return nil, noCustomer(made.customer)
	}
	if m := s.methods.get(made.method); made.method != "" && (m == nil || m.customer != made.customer) {
		return nil, refuse("default_payment_method", "The customer does not have a payment method with the ID %s.", made.method)
	}
	if made.currency == "" {
		made.currency = "usd"
	}
	return s.renderInvoice(s.newInvoice(made)), nil
}

// createInvoiceItem adds a line to a draft. Items for a later invoice are not supported here.
func (s *Server) createInvoiceItem(c *call) (object, error) {
	f := c.form
	f.needed("amount")
	customerID, invoiceID, amount, currency := f.needed("customer"), f.needed("invoice"), f.number("amount"), f.needed("currency")
	now := s.now().Unix()
	l := line{id: newID("il"), item: newID("ii"), ofItem: true, amount: amount, description: f.filled("description"), metadata: f.meta("metadata"), start: now, end: now}
	if err := f.done(); err != nil {
		return nil, err
	}
	inv := s.invoices.get(invoiceID)
	if inv == nil || inv.customer != customerID {
		return nil, &failure{status: 400, kind: invalidRequest, code: "resource_missing", param: "invoice", message: "No such invoice: '" + invoiceID + "'"}
	}
	if inv.status != "draft" {
		return nil, &failure{status: 400, kind: invalidRequest, code: "invoice_not_editable", message: "You can only add invoice items to draft invoices."}
	}
	if currency != inv.currency {
		return nil, refuse("currency", "The currency of the invoice item (%s) must match that of the invoice (%s).", currency, inv.currency)
	}
	inv.lines = append(inv.lines, l)
	o := object{
		"id": l.item, "object": "invoiceitem", "amount": amount, "currency": currency, "customer": customerID, "date": now,
		"description": orNull(l.description), "discountable": true, "invoice": invoiceID, "livemode": false, "metadata": l.metadata,
		"parent": nil, "period": object{"start": now, "end": now}, "pricing": nil, "proration": false, "quantity": 1,
	}
	s.emit("invoiceitem.created", o)
	return o, nil
}

func (s *Server) listInvoices(c *call) (object, error) {
	f := c.form
	customerID, subscriptionID, status := f.filled("customer"), f.filled("subscription"), f.filled("status")
	page := readPage(f)
	if err := f.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, inv := range s.invoices.newest() {
		if (customerID == "" || inv.customer == customerID) && (subscriptionID == "" || inv.subscription == subscriptionID) && (status == "" || inv.status == status) {
			all = append(all, s.renderInvoice(inv))
		}
	}
	return s.listed(page, "/v1/invoices", all)
}

// draftTime is how long an invoice with auto_advance stays a draft.
const draftTime = time.Hour

func (s *Server) finalizeInvoice(c *call) (object, error) {
	inv, f := s.invoices.get(c.id), c.form
	if inv == nil {
		return nil, missing("invoice", c.id)
	}
	advance := inv.autoAdvance
	if f.has("auto_advance") {
		advance = f.flag("auto_advance")
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	if inv.status != "draft" {
		return nil, refuse("", "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
	}
	if inv.total() < 0 {
		return nil, refuse("", "Invoices of less than nothing are not known here.")
	}
	inv.autoAdvance = advance
	s.finalize(inv)
	if inv.autoAdvance && inv.status == "open" {
		inv.nextAttempt = s.now().Unix() // Stripe collects soon afterwards, and not in this request
	}
	return s.renderInvoice(inv), nil
}

// finalize ends a draft: with a payment, or paid if nothing is due.
func (s *Server) finalize(inv *invoice) {
	now := s.now().Unix()
	inv.status, inv.finalized, inv.finalizeAt = "open", now, 0
	if sub := s.subscriptions.get(inv.subscription); sub != nil {
		inv.details = merge(sub.metadata, nil)
	}
	s.emit("invoice.finalized", s.renderInvoice(inv))
	if inv.total() == 0 {
		s.paid(inv)
		return
	}
	p := s.newIntent(inv.customer, inv.currency, inv.total(), nil)
	p.invoice = inv.id
	payment := &invoicePayment{id: newID("inpay"), invoice: inv.id, intent: p.id, status: "open", amount: inv.total(), created: now}
	s.payments.add(payment.id, payment)
}

func (s *Server) paymentOf(inv *invoice) *invoicePayment {
	for _, p := range s.payments.newest() {
		if p.invoice == inv.id {
			return p
		}
	}
	return nil
}

// collect tries to charge an open invoice while the cardholder is absent.
func (s *Server) collect(inv *invoice) {
	if inv.status != "open" {
		return
	}
	if refusal := s.charge(inv, nil, true); refusal != nil {
		s.options.Log.Debug("an invoice was not paid", "invoice", inv.id, "message", refusal.message)
	}
}

// charge charges an open invoice to a payment method: the given one, else the invoice's, the subscription's or the
// customer's.
func (s *Server) charge(inv *invoice, m *method, offSession bool) *failure {
	p := s.intents.get(s.paymentOf(inv).intent)
	if p.status == "processing" {
		return nil
	}
	automatic := m == nil // otherwise the cardholder tries, which delays no other attempt
	if automatic {
		m = s.methodFor(inv)
		inv.nextAttempt = 0
	}
	inv.attempts++
	if m == nil {
		refusal := &failure{status: http.StatusPaymentRequired, kind: cardError, code: "invoice_payment_intent_requires_action",
			message: "There is no payment method that could be charged."}
		p.failed = refusal
		s.unpaid(inv, refusal, automatic)
		return refusal
	}
	if refusal := s.attempt(p, m, offSession); refusal != nil {
		s.unpaid(inv, refusal, automatic)
		return refusal
	}
	if p.status == "succeeded" {
		s.paid(inv)
	}
	return nil
}

func (s *Server) methodFor(inv *invoice) *method {
	candidates := []string{inv.method}
	if sub := s.subscriptions.get(inv.subscription); sub != nil {
		candidates = append(candidates, sub.method)
	}
	candidates = append(candidates, s.customers.get(inv.customer).defaultMethod)
	for _, id := range candidates {
		if m := s.methods.get(id); m != nil && m.customer == inv.customer {
			return m
		}
	}
	return nil
}

func (s *Server) paid(inv *invoice) {
	now := s.now().Unix()
	inv.status, inv.paidAt, inv.nextAttempt = "paid", now, 0
	if p := s.paymentOf(inv); p != nil {
		p.status, p.paidAt = "paid", now
		s.emit("invoice_payment.paid", s.renderInvoicePayment(p))
	}
	s.emit("invoice.paid", s.renderInvoice(inv))
	s.emit("invoice.payment_succeeded", s.renderInvoice(inv))
	if sub := s.subscriptions.get(inv.subscription); sub != nil && sub.ended == 0 && sub.status != "active" && !s.hasOpenInvoice(sub) {
		sub.status = "active"
		s.emit("customer.subscription.updated", s.renderSubscription(sub))
	}
}

func (s *Server) hasOpenInvoice(sub *subscription) bool {
	for _, inv := range s.invoices.newest() {
		if inv.subscription == sub.id && inv.status == "open" && inv.attempts > 0 {
			return true
		}
	}
	return false
}

// retryAfter are the waits between the attempts to collect an invoice. After the last one its subscription ends.
func retryAfter() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{3 * day, 5 * day, 7 * day}
}

// unpaid does what follows from an invoice that could not be collected.
func (s *Server) unpaid(inv *invoice, refusal *failure, automatic bool) {
	if automatic {
		waits := retryAfter()
		if inv.autoAdvance = inv.autoAdvance && inv.retries < len(waits); inv.autoAdvance {
			inv.nextAttempt = s.now().Add(waits[inv.retries]).Unix()
		}
		inv.retries++
	}
	s.emit("invoice.payment_failed", s.renderInvoice(inv))
	if refusal.code == "authentication_required" {
		s.emit("invoice.payment_action_required", s.renderInvoice(inv))
	}
	sub := s.subscriptions.get(inv.subscription)
	if sub == nil || sub.ended != 0 {
		return
	}
	if automatic && !inv.autoAdvance {
		s.endSubscription(sub)
		return
	}
	if sub.status == "active" {
		sub.status = "past_due"
		s.emit("customer.subscription.updated", s.renderSubscription(sub))
	}
}

func (s *Server) payInvoice(c *call) (object, error) {
	inv, f := s.invoices.get(c.id), c.form
	if inv == nil {
		return nil, missing("invoice", c.id)
	}
	methodID := f.filled("payment_method")
	offSession := !f.has("off_session") || f.flag("off_session")
	if err := f.done(); err != nil {
		return nil, err
	}
	m := s.methods.get(methodID)
	if methodID != "" && (m == nil || m.customer != inv.customer) {
		return nil, refuse("payment_method", "No such PaymentMethod: '%s'", methodID)
	}
	if inv.status == "draft" {
		s.finalize(inv)
	}
	if inv.status != "open" {
		return nil, refuse("", "Invoice is already %s", inv.status)
	}
	if refusal := s.charge(inv, m, offSession); refusal != nil {
		return nil, refusal
	}
	return s.renderInvoice(inv), nil
}

// PayInvoice pays an open invoice with a card, as the cardholder does on its
// page.
func (s *Server) PayInvoice(invoiceID string, card Card) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	inv := s.invoices.get(invoiceID)
	if inv == nil || inv.status != "open" || !card.known() {
		return fmt.Errorf("stripe: invoice %q is not open, or there is no card %q", invoiceID, card)
	}
	if refusal := s.charge(inv, s.newMethod(card), false); refusal != nil {
		return fmt.Errorf("%s", refusal.message)
	}
	return nil
}
