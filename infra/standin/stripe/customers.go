package stripe

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// Card is how a payment method behaves.
type Card string

// The cards.
const (
	CardWorks          Card = "works"
	CardDeclined       Card = "declined"       // always declined
	CardDeclinedLater  Card = "declined_later" // pays while the cardholder is present, and is declined afterwards
	CardAuthentication Card = "authentication" // requires the cardholder to confirm each payment
	CardAsync          Card = "async"          // a bank debit: paid or declined some days later (Settle)
	CardSlow           Card = "slow"           // pays at once while the cardholder is present, and otherwise some days later (Settle), as cards with an e-mandate do
)

// cards are their numbers, those of Stripe's test cards where there is one.
var cards = map[Card]struct{ number, label string }{
	CardWorks:          {"4242", "Visa that works"},
	CardDeclined:       {"0002", "Visa that is declined"},
	CardDeclinedLater:  {"0341", "Visa that pays now and is declined later"},
	CardAuthentication: {"3184", "Visa that needs authentication each time"},
	CardAsync:          {"6789", "Bank debit that is settled later"},
	CardSlow:           {"0123", "Visa that lets later charges wait"},
}

func (c Card) known() bool { _, ok := cards[c]; return ok }

type customer struct {
	id, name, email, description string
	defaultMethod                string
	metadata                     map[string]string
	created                      int64
}

func (s *Server) renderCustomer(c *customer) object {
	return object{
		"id": c.id, "object": "customer", "address": nil, "balance": 0, "created": c.created, "currency": nil, "default_source": nil,
		"delinquent": false, "description": orNull(c.description), "discount": nil, "email": orNull(c.email),
		"invoice_settings": object{"custom_fields": nil, "default_payment_method": orNull(c.defaultMethod), "footer": nil, "rendering_options": nil},
		"livemode":         false, "metadata": c.metadata, "name": orNull(c.name), "phone": nil, "preferred_locales": []string{},
		"shipping": nil, "tax_exempt": "none", "test_clock": nil,
	}
}

func (s *Server) createCustomer(c *call) (object, error) {
	f := c.form
	made := &customer{
		id: newID("cus"), name: f.filled("name"), email: f.filled("email"), description: f.filled("description"),
		metadata: f.meta("metadata"), created: s.now().Unix(),
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	s.customers.add(made.id, made)
	o := s.renderCustomer(made)
	s.emit("customer.created", o)
	return o, nil
}

func (s *Server) updateCustomer(c *call) (object, error) {
	found, f := s.customers.get(c.id), c.form
	if found == nil {
		return nil, missing("customer", c.id)
	}
	changed := *found
	for name, field := range map[string]*string{"name": &changed.name, "email": &changed.email, "description": &changed.description} {
		if f.has(name) {
			*field = f.text(name)
		}
	}
	if name := "invoice_settings[default_payment_method]"; f.has(name) {
		changed.defaultMethod = f.text(name)
		if m := s.methods.get(changed.defaultMethod); changed.defaultMethod != "" && (m == nil || m.customer != found.id) {
			f.fail(refuse(name, "The customer does not have a payment method with the ID %s.", changed.defaultMethod))
		}
	}
	changed.metadata = merge(found.metadata, f.meta("metadata"))
	if err := f.done(); err != nil {
		return nil, err
	}
	*found = changed
	o := s.renderCustomer(found)
	s.emit("customer.updated", o)
	return o, nil
}

// method is a payment method: a card, or a bank account.
type method struct {
	id, customer string // no customer: it was used once and is not saved
	card         Card
	created      int64
}

func (m *method) kind() string {
	if m.card == CardAsync {
		return "us_bank_account"
	}
	return "card"
}

func (s *Server) renderMethod(m *method) object {
	o := object{
		"id": m.id, "object": "payment_method", "allow_redisplay": "unspecified", "created": m.created, "customer": orNull(m.customer),
		"livemode": false, "metadata": object{}, "type": m.kind(),
		"billing_details": object{"address": nil, "email": nil, "name": nil, "phone": nil, "tax_id": nil},
	}
	last4 := cards[m.card].number
	if m.kind() == "card" {
		expires := time.Unix(m.created, 0).UTC().AddDate(3, 0, 0)
		o["card"] = object{
			"brand": "visa", "country": "US", "display_brand": "visa", "exp_month": int(expires.Month()), "exp_year": expires.Year(),
			"funding": "credit", "last4": last4, "wallet": nil,
		}
	} else {
		o["us_bank_account"] = object{"bank_name": "Test bank", "last4": last4}
	}
	return o
}

// newMethod creates a payment method without a customer.
func (s *Server) newMethod(card Card) *method {
	m := &method{id: newID("pm"), card: card, created: s.now().Unix()}
	return s.methods.add(m.id, m)
}

// save attaches a payment method to its customer.
func (s *Server) save(m *method, customerID string) {
	if m.customer == "" {
		m.customer = customerID
		s.emit("payment_method.attached", s.renderMethod(m))
	}
}

// detach detaches all payment methods of a customer.
func (s *Server) detach(customerID string) {
	for _, m := range s.methods.newest() {
		if m.customer == customerID {
			m.customer = ""
			s.emit("payment_method.detached", s.renderMethod(m))
		}
	}
}

// SetCard replaces a customer's payment methods, also for subscriptions, as the customer does in the portal. An empty
// card leaves none.
func (s *Server) SetCard(customerID string, card Card) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setCard(customerID, card)
}

func (s *Server) setCard(customerID string, card Card) error {
	found := s.customers.get(customerID)
	if found == nil || card != "" && !card.known() {
		return fmt.Errorf("stripe: no customer %q or no card %q", customerID, card)
	}
	s.detach(customerID)
	found.defaultMethod = ""
	if card != "" {
		m := s.newMethod(card)
		s.save(m, customerID)
		found.defaultMethod = m.id
	}
	for _, sub := range s.subscriptions.newest() {
		if sub.customer == customerID && sub.ended == 0 {
			sub.method = found.defaultMethod
		}
	}
	s.emit("customer.updated", s.renderCustomer(found))
	return nil
}

func (s *Server) listMethods(c *call) (object, error) {
	f := c.form
	customerID, kind := f.needed("customer"), f.filled("type")
	page := readPage(f)
	if err := f.done(); err != nil {
		return nil, err
	}
	if s.customers.get(customerID) == nil {
		return nil, noCustomer(customerID)
	}
	var all []object
	for _, m := range s.methods.newest() {
		if m.customer == customerID && (kind == "" || m.kind() == kind) {
			all = append(all, s.renderMethod(m))
		}
	}
	return s.listed(page, "/v1/payment_methods", all)
}

func noCustomer(id string) *failure {
	return &failure{status: http.StatusBadRequest, kind: invalidRequest, code: "resource_missing", param: "customer", message: "No such customer: '" + id + "'"}
}
