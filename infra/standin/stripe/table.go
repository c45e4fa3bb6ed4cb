package stripe

import (
	"slices"
	"strings"
)

// table holds the objects of one kind, in the order in which they were created.
type table[T any] struct {
	byID  map[string]*T
	order []string
}

func (t *table[T]) add(id string, value *T) *T {
	if t.byID == nil {
		t.byID = map[string]*T{}
	}
	t.byID[id] = value
	t.order = append(t.order, id)
	return value
}

func (t *table[T]) get(id string) *T { return t.byID[id] }

// newest returns all objects, the newest first, as Stripe lists them.
func (t *table[T]) newest() []*T {
	all := make([]*T, 0, len(t.order))
	for _, id := range slices.Backward(t.order) {
		all = append(all, t.byID[id])
	}
	return all
}

// find renders an object of any kind by its id; nil if there is none.
func (s *Server) find(id string) object {
	prefix, _, _ := strings.Cut(id, "_")
	switch prefix {
	case "price":
		return rendered(s.prices.get(id), s.renderPrice)
	case "cus":
		return rendered(s.customers.get(id), s.renderCustomer)
	case "pm":
		return rendered(s.methods.get(id), s.renderMethod)
	case "cs":
		return rendered(s.sessions.get(id), s.renderSession)
	case "pi":
		return rendered(s.intents.get(id), s.renderIntent)
	case "ch":
		return rendered(s.charges.get(id), s.renderCharge)
	case "re":
		return rendered(s.refunds.get(id), s.renderRefund)
	case "dp":
		return rendered(s.disputes.get(id), s.renderDispute)
	case "in":
		return rendered(s.invoices.get(id), s.renderInvoice)
	case "sub":
		return rendered(s.subscriptions.get(id), s.renderSubscription)
	default: // the caller chooses the ids of products
		return rendered(s.products.get(id), s.renderProduct)
	}
}

func rendered[T any](value *T, render func(*T) object) object {
	if value == nil {
		return nil
	}
	return render(value)
}

// retrieve answers with the object of a kind that the path names.
func retrieve(kind string) endpoint {
	return func(s *Server, c *call) (object, error) {
		if err := c.form.done(); err != nil {
			return nil, err
		}
		found := s.find(c.id)
		if found == nil || found["object"] != kind {
			return nil, missing(kind, c.id)
		}
		return found, nil
	}
}

// page returns the part of a list that its parameters ask for. The form must
// have been read to its end before.
type page struct {
	limit int
	after string
	gte   int64
}

func readPage(f *form) page {
	const usual, most = 10, 100
	p := page{limit: usual, after: f.filled("starting_after"), gte: f.number("created[gte]")}
	if f.has("limit") {
		p.limit = int(f.number("limit"))
		if p.limit < 1 || p.limit > most {
			f.fail(refuse("limit", "Invalid limit: must be from 1 to %d.", most))
		}
	}
	return p
}

// listed returns a page of a list. Objects newer than the list's lag are not on
// it yet.
func (s *Server) listed(p page, url string, all []object) (object, error) {
	if p.after != "" {
		index := slices.IndexFunc(all, func(o object) bool { return o["id"] == p.after })
		if index < 0 {
			return nil, refuse("starting_after", "No such object: '%s'", p.after)
		}
		all = all[index+1:]
	}
	seen := s.now().Add(-s.lags[url]).Unix()
	data := make([]object, 0, p.limit)
	for _, o := range all {
		if created, ok := o["created"].(int64); ok && (created < p.gte || created > seen) {
			continue
		}
		data = append(data, o)
	}
	more := len(data) > p.limit
	return object{"object": "list", "url": url, "has_more": more, "data": data[:min(len(data), p.limit)]}, nil
}

// expandAll inserts whole objects where the request asks for them instead of
// ids.
func (s *Server) expandAll(result object, f *form) error {
	for _, path := range f.list("expand") {
		if err := s.expand(result, path, path); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) expand(o object, path, whole string) error {
	name, rest, more := strings.Cut(path, ".")
	if inv := s.invoices.get(text(o["id"])); inv != nil && name == "payments" {
		o[name] = s.renderPayments(inv) // left out unless asked for
	}
	value, ok := o[name]
	if !ok {
		return refuse("expand", "This property cannot be expanded (%s).", whole)
	}
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		found := s.find(v)
		if found == nil {
			return refuse("expand", "This property cannot be expanded (%s).", whole)
		}
		o[name], value = found, found
	case []object:
		for _, element := range v {
			if err := s.expand(element, rest, whole); err != nil {
				return err
			}
		}
		return nil
	}
	if !more {
		return nil
	}
	inner, ok := value.(object)
	if !ok {
		return refuse("expand", "This property cannot be expanded (%s).", whole)
	}
	return s.expand(inner, rest, whole)
}

func text(value any) string {
	t, _ := value.(string)
	return t
}

// orNull returns a text, or null if it is empty.
func orNull(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// orNone returns a time, or null if it is zero.
func orNone(unix int64) any {
	if unix == 0 {
		return nil
	}
	return unix
}
