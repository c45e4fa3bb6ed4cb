package stripe

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// sessionLife is how long a checkout stays open.
const sessionLife = 24 * time.Hour

type session struct {
	id, customer, mode, price, successURL, cancelURL string
	quantity                                         int64
	status, paymentStatus                            string
	intent, subscription, invoice                    string
	intentDescription, setup                         string
	offerSave                                        bool // Stripe's own box
	metadata, intentMetadata, subscriptionMetadata   map[string]string
	created, expires                                 int64
}

func (s *Server) renderSession(c *session) object {
	p := s.prices.get(c.price)
	total := p.amount * c.quantity
	o := object{
		"id": c.id, "object": "checkout.session", "amount_subtotal": total, "amount_total": total, "cancel_url": orNull(c.cancelURL),
		"client_reference_id": nil, "created": c.created, "currency": p.currency, "customer": c.customer, "customer_email": nil,
		"expires_at": c.expires, "invoice": orNull(c.invoice), "livemode": false, "metadata": c.metadata, "mode": c.mode,
		"payment_intent": orNull(c.intent), "payment_method_types": []string{"card"}, "payment_status": c.paymentStatus, "setup_intent": nil,
		"status": c.status, "subscription": orNull(c.subscription), "success_url": c.successURL, "ui_mode": "hosted_page", "url": nil,
	}
	if c.status == "open" {
		o["url"] = s.url + "/pay/" + c.id
	}
	return o
}

func (s *Server) createSession(c *call) (object, error) {
	f := c.form
	now := s.now()
	made := &session{
		id: newID("cs_test"), mode: f.choice("mode", "payment", "subscription"), customer: f.needed("customer"),
		successURL: f.needed("success_url"), cancelURL: f.filled("cancel_url"), metadata: f.meta("metadata"),
		status: "open", paymentStatus: "unpaid", created: now.Unix(), expires: now.Add(sessionLife).Unix(),
	}
	f.needed("mode")
	for i, name := range f.elements("line_items") {
		made.price, made.quantity = f.needed(name+"[price]"), f.number(name+"[quantity]")
		if i > 0 || made.quantity != 1 {
			f.fail(refuse(name, "Checkouts have one item here, once."))
		}
	}
	if made.mode == "payment" {
		made.intentMetadata = f.meta("payment_intent_data[metadata]")
		made.intentDescription = f.filled("payment_intent_data[description]")
		if name := "payment_intent_data[setup_future_usage]"; f.has(name) {
			made.setup = f.choice(name, "off_session", "on_session")
		}
		made.offerSave = f.choice("saved_payment_method_options[payment_method_save]", "disabled", "enabled") == "enabled"
	} else {
		made.subscriptionMetadata = f.meta("subscription_data[metadata]")
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	p := s.prices.get(made.price)
	switch {
	case s.customers.get(made.customer) == nil:
		return nil, noCustomer(made.customer)
	case p == nil:
		return nil, refuse("line_items[0][price]", "No such price: '%s'", made.price)
	case (p.interval != "") != (made.mode == "subscription"):
		return nil, refuse("mode", "The mode %s does not go with a price of type %s.", made.mode, text(s.renderPrice(p)["type"]))
	}
	s.sessions.add(made.id, made)
	return s.renderSession(made), nil
}

func (s *Server) expireSession(c *session) {
	c.status = "expired"
	s.emit("checkout.session.expired", s.renderSession(c))
}

// Pay pays an open checkout with a card, as the cardholder does on the page, including authentication. The error of a
// declined card is the message that the page shows.
func (s *Server) Pay(sessionID string, card Card, save bool) (successURL string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catchUp()
	c := s.sessions.get(sessionID)
	if c == nil || c.status != "open" {
		return "", fmt.Errorf("stripe: checkout %q is not open", sessionID)
	}
	if !card.known() {
		return "", fmt.Errorf("stripe: no such card: %q", card)
	}
	m := s.newMethod(card)
	var refusal *failure
	if c.mode == "subscription" {
		refusal = s.paySubscription(c, m)
	} else {
		refusal = s.payOnce(c, m, save && c.offerSave)
	}
	if refusal != nil {
		return "", fmt.Errorf("%s", refusal.message)
	}
	c.status, c.paymentStatus = "complete", "paid"
	if card == CardAsync {
		c.paymentStatus = "unpaid"
	}
	s.emit("checkout.session.completed", s.renderSession(c))
	return strings.ReplaceAll(c.successURL, "{CHECKOUT_SESSION_ID}", url.QueryEscape(c.id)), nil
}

func (s *Server) payOnce(c *session, m *method, save bool) *failure {
	price := s.prices.get(c.price)
	p := s.intents.get(c.intent)
	if p == nil {
		p = s.newIntent(c.customer, price.currency, price.amount, c.intentMetadata)
		p.description, p.setup, p.session = c.intentDescription, c.setup, c.id
		c.intent = p.id
	}
	if refusal := s.attempt(p, m, false); refusal != nil {
		return refusal
	}
	if save {
		s.save(m, c.customer)
	}
	return nil
}

func (s *Server) paySubscription(c *session, m *method) *failure {
	sub, refusal := s.subscribe(c.customer, c.price, c.subscriptionMetadata, m)
	if refusal != nil {
		return refusal
	}
	c.subscription, c.invoice = sub.id, sub.latest
	if p := s.paymentOf(s.invoices.get(sub.latest)); p != nil {
		s.intents.get(p.intent).session = c.id
	}
	return nil
}

// portal is a visit to the page where customers manage their subscriptions and
// cards.
type portal struct {
	id, customer, returnURL string
	created                 int64
}

func (s *Server) createPortal(c *call) (object, error) {
	made := &portal{id: newID("bps"), customer: c.form.needed("customer"), returnURL: c.form.filled("return_url"), created: s.now().Unix()}
	if err := c.form.done(); err != nil {
		return nil, err
	}
	if s.customers.get(made.customer) == nil {
		return nil, noCustomer(made.customer)
	}
	s.portals.add(made.id, made)
	return object{
		"id": made.id, "object": "billing_portal.session", "configuration": "bpc_local", "created": made.created, "customer": made.customer,
		"flow": nil, "livemode": false, "locale": nil, "on_behalf_of": nil, "return_url": orNull(made.returnURL), "url": s.url + "/portal/" + made.id,
	}, nil
}
