package stripe

import "fmt"

type refund struct {
	id, charge, intent, currency, reason string
	status                               string // "succeeded", "failed"
	amount                               int64
	metadata                             map[string]string
	created                              int64
}

func (s *Server) renderRefund(r *refund) object {
	o := object{
		"id": r.id, "object": "refund", "amount": r.amount, "charge": r.charge, "created": r.created, "currency": r.currency,
		"metadata": r.metadata, "payment_intent": r.intent, "reason": orNull(r.reason), "receipt_number": nil, "status": r.status,
	}
	if r.status == "failed" {
		o["failure_reason"] = "expired_or_canceled_card"
	}
	return o
}

func (s *Server) createRefund(c *call) (object, error) {
	f := c.form
	chargeID, intentID := f.filled("charge"), f.filled("payment_intent")
	reason, metadata := f.filled("reason"), f.meta("metadata")
	whole, amount := !f.has("amount"), f.number("amount")
	if (chargeID == "") == (intentID == "") {
		f.fail(refuse("payment_intent", "One of charge and payment_intent says what is refunded."))
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	if p := s.intents.get(intentID); p != nil {
		chargeID = p.charge
	}
	ch := s.charges.get(chargeID)
	if ch == nil {
		return nil, missing("charge", chargeID)
	}
	if whole {
		amount = ch.amount - ch.refunded
	}
	return s.refund(ch, amount, reason, metadata)
}

func (s *Server) refund(ch *charge, amount int64, reason string, metadata map[string]string) (object, error) {
	left := ch.amount - ch.refunded
	switch {
	case ch.status != "succeeded":
		return nil, refuse("charge", "Charge %s has not been paid.", ch.id)
	case s.chargedBack(ch):
		return nil, &failure{status: 400, kind: invalidRequest, code: "charge_disputed", message: "Charge " + ch.id + " has been charged back; cannot issue a refund."}
	case left == 0:
		return nil, &failure{status: 400, kind: invalidRequest, code: "charge_already_refunded", message: "Charge " + ch.id + " has already been refunded."}
	case amount < 1 || amount > left:
		return nil, refuse("amount", "Refund amount (%d) is greater than unrefunded amount on charge (%d), or none.", amount, left)
	}
	r := &refund{id: newID("re"), status: "succeeded", charge: ch.id, intent: ch.intent, currency: ch.currency, reason: reason, amount: amount, metadata: metadata, created: s.now().Unix()}
	s.refunds.add(r.id, r)
	ch.refunded += amount
	o := s.renderRefund(r)
	s.emit("charge.refunded", s.renderCharge(ch))
	s.emit("refund.created", o)
	return o, nil
}

// chargedBack reports whether the bank has taken the money of a charge back.
func (s *Server) chargedBack(ch *charge) bool {
	for _, d := range s.disputes.newest() {
		if d.charge == ch.id && (d.status == "needs_response" || d.status == "lost") {
			return true
		}
	}
	return false
}

// Refund refunds a payment in part, or with an amount of 0 what is left of it.
func (s *Server) Refund(intentID string, amount int64) (refundID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, err := s.paidCharge(intentID)
	if err != nil {
		return "", err
	}
	if amount == 0 {
		amount = ch.amount - ch.refunded
	}
	o, err := s.refund(ch, amount, "requested_by_customer", map[string]string{})
	return text(o["id"]), err
}

// FailRefund makes a refund fail after it was created, as banks do some days later: the money stays with the seller.
func (s *Server) FailRefund(refundID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refunds.get(refundID)
	if r == nil || r.status != "succeeded" {
		return fmt.Errorf("stripe: there is no refund %q that could fail", refundID)
	}
	r.status = "failed"
	s.charges.get(r.charge).refunded -= r.amount
	o := s.renderRefund(r)
	s.emit("refund.failed", o)
	s.emit("charge.refund.updated", o)
	return nil
}

func (s *Server) paidCharge(intentID string) (*charge, error) {
	if p := s.intents.get(intentID); p != nil {
		if ch := s.charges.get(p.charge); ch != nil && ch.status == "succeeded" {
			return ch, nil
		}
	}
	return nil, fmt.Errorf("stripe: payment %q was not paid", intentID)
}

type dispute struct {
	id, charge, intent, currency, status string
	amount                               int64
	created                              int64
}

func (s *Server) renderDispute(d *dispute) object {
	return object{
		"id": d.id, "object": "dispute", "amount": d.amount, "balance_transactions": []string{}, "charge": d.charge, "created": d.created,
		"currency": d.currency, "evidence": object{}, "is_charge_refundable": false, "livemode": false, "metadata": object{},
		"payment_intent": d.intent, "reason": "fraudulent", "status": d.status,
	}
}

func (s *Server) listDisputes(c *call) (object, error) {
	chargeID, intentID := c.form.filled("charge"), c.form.filled("payment_intent")
	page := readPage(c.form)
	if err := c.form.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, d := range s.disputes.newest() {
		if (chargeID == "" || d.charge == chargeID) && (intentID == "" || d.intent == intentID) {
			all = append(all, s.renderDispute(d))
		}
	}
	return s.listed(page, "/v1/disputes", all)
}

// OpenDispute disputes an amount of a payment (0: all of it), as the cardholder does at the bank. An inquiry is a
// question of the bank that takes no money yet.
func (s *Server) OpenDispute(intentID string, amount int64, inquiry bool) (disputeID string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, err := s.paidCharge(intentID)
	if err != nil {
		return "", err
	}
	if amount == 0 {
		amount = ch.amount
	}
	d := &dispute{id: newID("dp"), charge: ch.id, intent: ch.intent, currency: ch.currency, status: "needs_response", amount: amount, created: s.now().Unix()}
	if inquiry {
		d.status = "warning_needs_response"
	}
	s.disputes.add(d.id, d)
	ch.disputed = true
	s.emit("charge.dispute.created", s.renderDispute(d))
	if !inquiry {
		s.emit("charge.dispute.funds_withdrawn", s.renderDispute(d))
	}
	return d.id, nil
}

// CloseDispute ends a dispute with the bank's decision. An inquiry is just
// closed.
func (s *Server) CloseDispute(disputeID string, won bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.disputes.get(disputeID)
	if d == nil || d.status != "needs_response" && d.status != "warning_needs_response" {
		return fmt.Errorf("stripe: dispute %q is not open", disputeID)
	}
	switch {
	case d.status == "warning_needs_response":
		d.status = "warning_closed"
	case won:
		d.status = "won"
	default:
		d.status = "lost"
	}
	s.emit("charge.dispute.closed", s.renderDispute(d))
	if d.status == "won" {
		s.emit("charge.dispute.funds_reinstated", s.renderDispute(d))
	}
	return nil
}
