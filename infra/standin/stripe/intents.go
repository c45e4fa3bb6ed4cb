package stripe

import (
	"fmt"
	"net/http"
)

type intent struct {
	id, customer, currency, description, method string
	amount                                      int64
	status                                      string
	reason                                      string // of a cancellation
	metadata                                    map[string]string
	setup                                       string // setup_future_usage
	charge                                      string // the latest
	failed                                      *failure
	created, canceled                           int64
	invoice                                     string // that it pays; set through invoice payments only
	session                                     string // that it belongs to
}

type charge struct {
	id, intent, customer, currency, method string
	amount, refunded                       int64
	status                                 string // "succeeded", "pending", "failed"
	failed                                 *failure
	disputed                               bool
	metadata                               map[string]string
	description                            string
	created                                int64
}

func (s *Server) renderIntent(p *intent) object {
	o := object{
		"id": p.id, "object": "payment_intent", "amount": p.amount, "amount_capturable": 0, "amount_received": 0,
		"automatic_payment_methods": nil, "canceled_at": orNone(p.canceled), "cancellation_reason": orNull(p.reason),
		"capture_method": "automatic_async", "client_secret": p.id + "_secret_local", "confirmation_method": "automatic",
		"created": p.created, "currency": p.currency, "customer": orNull(p.customer), "description": orNull(p.description),
		"last_payment_error": nil, "latest_charge": orNull(p.charge), "livemode": false, "metadata": p.metadata, "next_action": nil,
		"payment_method": orNull(p.method), "payment_method_types": []string{"card"}, "processing": nil, "receipt_email": nil,
		"setup_future_usage": orNull(p.setup), "status": p.status,
	}
	if p.status == "succeeded" {
		o["amount_received"] = p.amount
	}
	if p.status == "requires_action" {
		o["next_action"] = object{"type": "use_stripe_sdk"}
	}
	if p.failed != nil {
		o["last_payment_error"] = p.failed.render()
	}
	return o
}

func (s *Server) renderCharge(c *charge) object {
	o := object{
		"id": c.id, "object": "charge", "amount": c.amount, "amount_captured": 0, "amount_refunded": c.refunded, "captured": c.status == "succeeded",
		"created": c.created, "currency": c.currency, "customer": orNull(c.customer), "description": orNull(c.description),
		"disputed": c.disputed, "failure_code": nil, "failure_message": nil, "livemode": false, "metadata": c.metadata,
		"paid": c.status == "succeeded", "payment_intent": c.intent, "payment_method": c.method, "receipt_number": nil,
		"receipt_url": nil, "refunded": c.refunded == c.amount, "status": c.status,
		"payment_method_details": object{"type": s.methods.get(c.method).kind()},
	}
	if c.status == "succeeded" {
		o["amount_captured"], o["receipt_url"] = c.amount, s.url+"/receipt/"+c.id
	}
	if c.failed != nil {
		o["failure_code"], o["failure_message"] = c.failed.code, c.failed.message
	}
	return o
}

func (s *Server) newIntent(customerID, currency string, amount int64, metadata map[string]string) *intent {
	p := &intent{
		id: newID("pi"), customer: customerID, currency: currency, amount: amount, metadata: merge(metadata, nil),
		status: "requires_payment_method", created: s.now().Unix(),
	}
	s.intents.add(p.id, p)
	s.emit("payment_intent.created", s.renderIntent(p))
	return p
}

// declined returns the failure of a declined card; nil if it pays.
func declined(card Card, offSession bool) *failure {
	switch {
	case card == CardDeclined, card == CardDeclinedLater && offSession:
		return &failure{status: http.StatusPaymentRequired, kind: cardError, code: "card_declined", declineCode: "generic_decline", message: "Your card was declined."}
	case card == CardAuthentication && offSession:
		return &failure{status: http.StatusPaymentRequired, kind: cardError, code: "authentication_required", declineCode: "authentication_required",
			message: "Your card was declined. This transaction requires authentication."}
	}
	return nil
}

// attempt charges an intent, and returns why it was declined. A payment method that settles later leaves it processing.
func (s *Server) attempt(p *intent, m *method, offSession bool) *failure {
	ch := &charge{
		id: newID("ch"), intent: p.id, customer: p.customer, currency: p.currency, method: m.id, amount: p.amount,
		metadata: merge(p.metadata, nil), description: p.description, created: s.now().Unix(), status: "succeeded",
	}
	s.charges.add(ch.id, ch)
	p.charge, p.method = ch.id, m.id
	if refusal := declined(m.card, offSession); refusal != nil {
		s.fails(p, ch, refusal)
		refusal.intent = s.renderIntent(p)
		return refusal
	}
	if p.setup != "" {
		s.save(m, p.customer)
	}
	if m.card == CardAsync || m.card == CardSlow && offSession {
		ch.status, p.status, p.failed = "pending", "processing", nil
		s.emit("charge.pending", s.renderCharge(ch))
		s.emit("payment_intent.processing", s.renderIntent(p))
		return nil
	}
	s.succeeds(p, ch)
	return nil
}

func (s *Server) succeeds(p *intent, ch *charge) {
	ch.status, p.status, p.failed = "succeeded", "succeeded", nil
	s.emit("charge.succeeded", s.renderCharge(ch))
	s.emit("payment_intent.succeeded", s.renderIntent(p))
}

func (s *Server) fails(p *intent, ch *charge, refusal *failure) {
	kept := *refusal
	ch.status, ch.failed = "failed", &kept
	p.status, p.failed, p.method = "requires_payment_method", &kept, ""
	s.emit("charge.failed", s.renderCharge(ch))
	s.emit("payment_intent.payment_failed", s.renderIntent(p))
}

// Settle ends a payment that is processing.
func (s *Server) Settle(intentID string, succeed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.intents.get(intentID)
	if p == nil || p.status != "processing" {
		return fmt.Errorf("stripe: payment %q is not processing", intentID)
	}
	ch := s.charges.get(p.charge)
	refusal := &failure{kind: cardError, code: "payment_method_debit_failed", message: "The bank has refused the debit."}
	if succeed {
		s.succeeds(p, ch)
	} else {
		s.fails(p, ch, refusal)
	}
	if inv := s.invoices.get(p.invoice); inv != nil {
		if succeed {
			s.paid(inv)
		} else {
			s.unpaid(inv, refusal, true)
		}
	}
	if session := s.sessions.get(p.session); session != nil {
		kind := "checkout.session.async_payment_failed"
		if succeed {
			kind, session.paymentStatus = "checkout.session.async_payment_succeeded", "paid"
		}
		s.emit(kind, s.renderSession(session))
	}
	return nil
}

// createIntent creates and confirms a payment while the cardholder is absent: the only way that is supported here.
func (s *Server) createIntent(c *call) (object, error) {
	f := c.form
	f.needed("amount")
	amount, currency, customerID, methodID := f.number("amount"), f.needed("currency"), f.needed("customer"), f.needed("payment_method")
	description, metadata := f.filled("description"), f.meta("metadata")
	for _, name := range []string{"confirm", "off_session"} {
		f.needed(name)
		if !f.flag(name) {
			f.fail(refuse(name, "Only payments that are confirmed at once and off session are known here: %s must be true.", name))
		}
	}
	for _, kind := range f.list("payment_method_types") {
		if kind != "card" {
			f.fail(refuse("payment_method_types", "The payment method type %s is not known here.", kind))
		}
	}
	if amount < 1 {
		f.fail(&failure{status: 400, kind: invalidRequest, code: "parameter_invalid_integer", param: "amount", message: "This value must be greater than or equal to 1."})
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	if s.customers.get(customerID) == nil {
		return nil, noCustomer(customerID)
	}
	m := s.methods.get(methodID)
	if m == nil || m.customer != customerID {
		return nil, &failure{status: 400, kind: invalidRequest, code: "resource_missing", param: "payment_method", message: "No such PaymentMethod: '" + methodID + "'"}
	}
	p := s.newIntent(customerID, currency, amount, metadata)
	p.description = description
	if refusal := s.attempt(p, m, true); refusal != nil {
		return nil, refusal
	}
	return s.renderIntent(p), nil
}

func (s *Server) listIntents(c *call) (object, error) {
	customerID := c.form.filled("customer")
	page := readPage(c.form)
	if err := c.form.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, p := range s.intents.newest() {
		if customerID == "" || p.customer == customerID {
			all = append(all, s.renderIntent(p))
		}
	}
	return s.listed(page, "/v1/payment_intents", all)
}

func (s *Server) cancelIntent(c *call) (object, error) {
	p := s.intents.get(c.id)
	if p == nil {
		return nil, missing("payment_intent", c.id)
	}
	reason := c.form.filled("cancellation_reason")
	if err := c.form.done(); err != nil {
		return nil, err
	}
	if p.status == "succeeded" || p.status == "canceled" || p.status == "processing" {
		return nil, &failure{status: 400, kind: invalidRequest, code: "payment_intent_unexpected_state", intent: s.renderIntent(p),
			message: "You cannot cancel this PaymentIntent because it has a status of " + p.status + "."}
	}
	p.status, p.reason, p.canceled = "canceled", reason, s.now().Unix()
	o := s.renderIntent(p)
	s.emit("payment_intent.canceled", o)
	return o, nil
}
