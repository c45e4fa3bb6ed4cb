package stripe

import (
	"net/http"
	"slices"
	"strings"
)

func upper(text string) string { return strings.ToUpper(text) }

type product struct {
	id, name, description string
	active                bool
	metadata              map[string]string
	created, updated      int64
}

func (s *Server) renderProduct(p *product) object {
	return object{
		"id": p.id, "object": "product", "active": p.active, "created": p.created, "updated": p.updated, "default_price": nil,
		"description": orNull(p.description), "images": []string{}, "livemode": false, "marketing_features": []string{},
		"metadata": p.metadata, "name": p.name, "url": nil,
	}
}

func (s *Server) createProduct(c *call) (object, error) {
	f := c.form
	now := s.now().Unix()
	p := &product{
		id: f.filled("id"), name: f.needed("name"), description: f.filled("description"), active: !f.has("active") || f.flag("active"),
		metadata: f.meta("metadata"), created: now, updated: now,
	}
	if err := f.done(); err != nil {
		return nil, err
	}
	if p.id == "" {
		p.id = newID("prod")
	}
	if s.products.get(p.id) != nil {
		return nil, &failure{status: http.StatusBadRequest, kind: invalidRequest, code: "resource_already_exists", message: "Product already exists."}
	}
	s.products.add(p.id, p)
	o := s.renderProduct(p)
	s.emit("product.created", o)
	return o, nil
}

func (s *Server) updateProduct(c *call) (object, error) {
	p, f := s.products.get(c.id), c.form
	if p == nil {
		return nil, missing("product", c.id)
	}
	changed := *p
	if f.has("name") {
		changed.name = f.filled("name")
	}
	if f.has("description") {
		changed.description = f.text("description")
	}
	if f.has("active") {
		changed.active = f.flag("active")
	}
	changed.metadata = merge(p.metadata, f.meta("metadata"))
	if err := f.done(); err != nil {
		return nil, err
	}
	changed.updated = s.now().Unix()
	*p = changed
	o := s.renderProduct(p)
	s.emit("product.updated", o)
	return o, nil
}

type price struct {
	id, product, currency string
	amount                int64
	interval              string // empty: one-time
	lookup                string
	active                bool
	metadata              map[string]string
	created               int64
}

func (s *Server) renderPrice(p *price) object {
	o := object{
		"id": p.id, "object": "price", "active": p.active, "billing_scheme": "per_unit", "created": p.created, "currency": p.currency,
		"custom_unit_amount": nil, "livemode": false, "lookup_key": orNull(p.lookup), "metadata": p.metadata, "nickname": nil,
		"product": p.product, "recurring": nil, "tax_behavior": "unspecified", "tiers_mode": nil, "transform_quantity": nil,
		"type": "one_time", "unit_amount": p.amount, "unit_amount_decimal": decimal(p.amount),
	}
	if p.interval != "" {
		o["type"] = "recurring"
		o["recurring"] = object{"interval": p.interval, "interval_count": 1, "meter": nil, "usage_type": "licensed"}
	}
	return o
}

func (s *Server) createPrice(c *call) (object, error) {
	f := c.form
	p := &price{
		id: newID("price"), product: f.needed("product"), currency: f.needed("currency"), lookup: f.filled("lookup_key"),
		metadata: f.meta("metadata"), created: s.now().Unix(), active: true,
	}
	f.needed("unit_amount")
	if p.amount = f.number("unit_amount"); p.amount < 0 {
		f.fail(refuse("unit_amount", "Invalid non-negative integer"))
	}
	if f.has("recurring[interval]") {
		p.interval = f.choice("recurring[interval]", "month", "year")
	}
	transfer := f.flag("transfer_lookup_key")
	if err := f.done(); err != nil {
		return nil, err
	}
	if s.products.get(p.product) == nil {
		return nil, &failure{status: http.StatusBadRequest, kind: invalidRequest, code: "resource_missing", param: "product", message: "No such product: '" + p.product + "'"}
	}
	for _, other := range s.prices.newest() {
		if p.lookup == "" || other.lookup != p.lookup {
			continue
		}
		if !transfer {
			return nil, refuse("lookup_key", "A price (`%s`) already uses that lookup key.", other.id)
		}
		other.lookup = ""
	}
	s.prices.add(p.id, p)
	o := s.renderPrice(p)
	s.emit("price.created", o)
	return o, nil
}

func (s *Server) listPrices(c *call) (object, error) {
	f := c.form
	lookups, productID := f.list("lookup_keys"), f.filled("product")
	anyState, active := !f.has("active"), f.flag("active")
	page := readPage(f)
	if err := f.done(); err != nil {
		return nil, err
	}
	var all []object
	for _, p := range s.prices.newest() {
		if (len(lookups) == 0 || slices.Contains(lookups, p.lookup)) && (productID == "" || p.product == productID) && (anyState || p.active == active) {
			all = append(all, s.renderPrice(p))
		}
	}
	return s.listed(page, "/v1/prices", all)
}
