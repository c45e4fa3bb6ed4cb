package stripe

import (
	"net/http"
	"strings"
)

type subscription struct {
	id, customer, item, price, method        string
	status                                   string
	anchor, start, end                       int64
	number                                   int // of the period, counted from the anchor
	cancelAtPeriodEnd                        bool
	cancelAt, canceled, ended, created, from int64
	latest                                   string // invoice
	metadata                                 map[string]string
}

func (s *Server) renderSubscription(sub *subscription) object {
	p := s.prices.get(sub.price)
	item := object{
		"id": sub.item, "object": "subscription_item", "created": sub.created, "current_period_start": sub.start, "current_period_end": sub.end,
		"discounts": []string{}, "metadata": object{}, "price": s.renderPrice(p), "quantity": 1, "subscription": sub.id, "tax_rates": []string{},
	}
	return object{
		"id": sub.id, "object": "subscription", "billing_cycle_anchor": sub.anchor, "billing_mode": object{"type": "flexible"},
		"cancel_at": orNone(sub.cancelAt), "cancel_at_period_end": sub.cancelAtPeriodEnd, "canceled_at": orNone(sub.canceled),
		"collection_method": "charge_automatically", "created": sub.created, "currency": p.currency, "customer": sub.customer,
		"days_until_due": nil, "default_payment_method": orNull(sub.method), "description": nil, "ended_at": orNone(sub.ended),
		"items":          object{"object": "list", "url": "/v1/subscription_items?subscription=" + sub.id, "has_more": false, "data": []object{item}},
		"latest_invoice": orNull(sub.latest), "livemode": false, "metadata": sub.metadata, "pending_update": nil, "schedule": nil,
		"start_date": sub.from, "status": sub.status, "trial_end": nil, "trial_start": nil,
	}
}

// subscribe starts a subscription whose first invoice the cardholder pays. If the card is declined, nothing is kept.
func (s *Server) subscribe(customerID, priceID string, metadata map[string]string, m *method) (*subscription, *failure) {
	if refusal := declined(m.card, false); refusal != nil {
		return nil, refusal
	}
	now := s.now().Unix()
	p := s.prices.get(priceID)
	sub := &subscription{
		id: newID("sub"), item: newID("si"), customer: customerID, price: priceID, method: m.id, status: "active",
		anchor: now, created: now, from: now, metadata: merge(metadata, nil),
	}
	sub.start, sub.end = period(now, p.interval, 0)
	s.subscriptions.add(sub.id, sub)
	s.save(m, customerID)
	s.emit("customer.subscription.created", s.renderSubscription(sub))
	inv := s.newInvoice(invoice{
		customer: customerID, subscription: sub.id, currency: p.currency, reason: "subscription_create", autoAdvance: true,
		lines: []line{s.periodLine(sub)},
	})
	sub.latest = inv.id
	s.finalize(inv)
	if inv.status == "open" {
		return sub, s.charge(inv, m, false)
	}
	return sub, nil
}

func (s *Server) periodLine(sub *subscription) line {
	p := s.prices.get(sub.price)
	return line{description: "1 × " + s.products.get(p.product).name, price: p.id, item: sub.item, amount: p.amount, start: sub.start, end: sub.end}
}

// renew starts the next period, or ends the subscription if it was to end.
func (s *Server) renew(sub *subscription) {
	if sub.cancelAtPeriodEnd || sub.cancelAt != 0 && sub.cancelAt <= sub.end {
		s.endSubscription(sub)
		return
	}
	p := s.prices.get(sub.price)
	sub.number++
	sub.start, sub.end = period(sub.anchor, p.interval, sub.number)
	s.emit("customer.subscription.updated", s.renderSubscription(sub))
	inv := s.newInvoice(invoice{
		customer: sub.customer, subscription: sub.id, currency: p.currency, reason: "subscription_cycle", autoAdvance: true,
		lines: []line{s.periodLine(sub)}, finalizeAt: s.now().Add(draftTime).Unix(), details: merge(sub.metadata, nil),
	})
	sub.latest = inv.id
}

func (s *Server) endSubscription(sub *subscription) {
	now := s.now().Unix()
	sub.status, sub.ended = "canceled", now
	if sub.canceled == 0 {
		sub.canceled = now
	}
	for _, inv := range s.invoices.newest() {
		if inv.subscription == sub.id && (inv.status == "draft" || inv.status == "open") {
			inv.autoAdvance, inv.nextAttempt = false, 0
		}
	}
	s.emit("customer.subscription.deleted", s.renderSubscription(sub))
}

func (s *Server) listSubscriptions(c *call) (object, error) {
	f := c.form
	customerID, priceID := f.filled("customer"), f.filled("price")
	status := f.choice("status", "", "all", "active", "past_due", "canceled", "incomplete", "ended")
	page := readPage(f)
	if err := f.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, sub := range s.subscriptions.newest() {
		fits := status == "all" || sub.status == status || status == "" && sub.ended == 0 || status == "ended" && sub.ended != 0
		if fits && (customerID == "" || sub.customer == customerID) && (priceID == "" || sub.price == priceID) {
			all = append(all, s.renderSubscription(sub))
		}
	}
	return s.listed(page, "/v1/subscriptions", all)
}

func (s *Server) cancelSubscription(c *call) (object, error) {
	sub := s.subscriptions.get(c.id)
	if err := c.form.done(); err != nil {
		return nil, err
	}
	if sub == nil || sub.ended != 0 {
		return nil, missing("subscription", c.id)
	}
	s.endSubscription(sub)
	return s.renderSubscription(sub), nil
}

// change is an update of a subscription.
type change struct {
	price     string // empty: the same
	proration string
	behavior  string
}

func (s *Server) updateSubscription(c *call) (object, error) {
	sub, f := s.subscriptions.get(c.id), c.form
	if sub == nil {
		return nil, missing("subscription", c.id)
	}
	changed := *sub
	ask := change{
		proration: f.choice("proration_behavior", "create_prorations", "always_invoice", "none"),
		behavior:  f.choice("payment_behavior", "allow_incomplete", "error_if_incomplete"),
	}
	for i, name := range f.elements("items") {
		if id := f.needed(name + "[id]"); i > 0 || id != sub.item {
			f.fail(refuse(name, "Subscriptions have one item here, and this one's is %s.", sub.item))
		}
		if p := s.prices.get(f.needed(name + "[price]")); p == nil || p.interval == "" {
			f.fail(refuse(name+"[price]", "There is no such recurring price."))
		} else if p.id != sub.price {
			ask.price = p.id
		}
	}
	readEnd(&changed, f, s.now().Unix())
	changed.metadata = merge(sub.metadata, f.meta("metadata"))
	if err := f.done(); err != nil {
		return nil, err
	}
	if sub.ended != 0 {
		return nil, &failure{status: 400, kind: invalidRequest, code: "resource_missing", param: "id", message: "No such subscription: '" + sub.id + "'; it has ended."}
	}
	var inv *invoice
	if ask.price != "" {
		var err error
		if inv, err = s.changePrice(sub, &changed, ask); err != nil {
			return nil, err
		}
	}
	*sub = changed
	if inv != nil {
		s.invoiceChange(sub, inv)
	}
	o := s.renderSubscription(sub)
	s.emit("customer.subscription.updated", o)
	return o, nil
}

// readEnd reads when a subscription is to end.
func readEnd(sub *subscription, f *form, now int64) {
	if f.has("cancel_at") && f.has("cancel_at_period_end") {
		f.fail(refuse("cancel_at", "Only one of cancel_at and cancel_at_period_end may be given."))
	}
	if f.has("cancel_at") {
		if f.text("cancel_at") != "" {
			f.fail(refuse("cancel_at", "Here it can be unset only."))
		}
		sub.cancelAt, sub.canceled, sub.cancelAtPeriodEnd = 0, 0, false
	}
	if f.has("cancel_at_period_end") {
		sub.cancelAtPeriodEnd = f.flag("cancel_at_period_end")
		sub.cancelAt, sub.canceled = 0, 0
		if sub.cancelAtPeriodEnd {
			sub.cancelAt, sub.canceled = sub.end, now
		}
	}
}

// changePrice puts another price into a subscription, and returns the invoice of the change, not yet created, or nil if
// there is none. If the change must be paid at once, a declined card refuses it and nothing changes.
func (s *Server) changePrice(sub, changed *subscription, ask change) (*invoice, error) {
	before, after := s.prices.get(sub.price), s.prices.get(ask.price)
	if before.currency != after.currency {
		return nil, refuse("items[0][price]", "The price's currency is another than the subscription's.")
	}
	if ask.proration == "create_prorations" {
		return nil, refuse("proration_behavior", "Prorations that wait for the next invoice are not known here.")
	}
	now := s.now().Unix()
	changed.price = ask.price
	made := &invoice{customer: sub.customer, subscription: sub.id, currency: after.currency, reason: "subscription_update", autoAdvance: true}
	if ask.proration == "always_invoice" {
		left, whole := sub.end-now, sub.end-sub.start
		made.lines = append(made.lines, line{
			description: "Unused time on " + s.products.get(before.product).name, price: before.id, item: sub.item,
			amount: -share(before.amount, left, whole), start: now, end: sub.end, proration: true,
		})
		if before.interval == after.interval {
			made.lines = append(made.lines, line{
				description: "Remaining time on " + s.products.get(after.product).name, price: after.id, item: sub.item,
				amount: share(after.amount, left, whole), start: now, end: sub.end, proration: true,
			})
		}
	}
	if before.interval != after.interval { // a period of the new interval begins at once
		changed.anchor, changed.number = now, 0
		changed.start, changed.end = period(now, after.interval, 0)
		made.lines = append(made.lines, s.periodLine(changed))
	}
	if len(made.lines) == 0 {
		return nil, nil
	}
	if made.total() < 0 {
		return nil, refuse("proration_behavior", "A change that leaves a customer in credit is not known here.")
	}
	if ask.behavior == "error_if_incomplete" && made.total() > 0 {
		return made, s.wouldPay(made)
	}
	return made, nil
}

// wouldPay returns why an invoice could not be collected.
func (s *Server) wouldPay(inv *invoice) error {
	m := s.methodFor(inv)
	if m == nil {
		return &failure{status: http.StatusBadRequest, kind: invalidRequest, code: "resource_missing", message: "This customer has no attached payment source or default payment method."}
	}
	refusal := declined(m.card, true)
	if refusal == nil {
		return nil
	}
	if strings.HasPrefix(refusal.code, "authentication") {
		refusal.code, refusal.declineCode = "subscription_payment_intent_requires_action", ""
	}
	return refusal
}

func (s *Server) invoiceChange(sub *subscription, planned *invoice) {
	inv := s.newInvoice(*planned)
	sub.latest = inv.id
	s.finalize(inv)
	s.collect(inv)
}

// share returns part/whole of an amount, rounded half up.
func share(amount, part, whole int64) int64 { return (2*amount*part + whole) / (2 * whole) }
