package stripepay

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// The prefixes of our products' ids.
const (
	planProduct = "drawdown_plan_"
	packProduct = "drawdown_pack_"
)

// ProductID is the id that the product of a plan or a pack has at Stripe. Of our
// ids' characters it keeps letters, digits and the underscore; any other is
// written as its code, so that the id can be decoded.
func ProductID(kind, id string) string {
	prefix := packProduct
	if kind == kindPlan {
		prefix = planProduct
	}
	var b strings.Builder
	b.WriteString(prefix)
	for i := range len(id) {
		c := id[i]
		if c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b.WriteByte(c)
			continue
		}
		b.WriteString("-" + hex.EncodeToString([]byte{c}))
	}
	return b.String()
}

// planOf is the plan of a product, empty if it is not a plan's.
func planOf(productID string) string {
	text, ok := strings.CutPrefix(productID, planProduct)
	if !ok {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '-' {
			b.WriteByte(text[i])
			continue
		}
		const escape = 2
		if len(text) < i+1+escape {
			return ""
		}
		c, err := hex.DecodeString(text[i+1 : i+1+escape])
		if err != nil {
			return ""
		}
		b.Write(c)
		i += escape
	}
	return b.String()
}

// EnsureProduct creates the product of a plan or a pack ("plan", "pack"), or
// updates its name and description.
func (p *Processor) EnsureProduct(ctx context.Context, kind, id, name, description string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	productID := ProductID(kind, id)
	product, err := client.V1Products.Retrieve(ctx, productID, nil)
	if err = failure("reading product "+productID, err); errors.Is(err, ErrNotFound) {
		create := &stripe.ProductCreateParams{ID: &productID, Name: &name, Metadata: p.ours(map[string]string{kind + "_id": id})}
		if description != "" { // Stripe refuses an empty one
			create.Description = &description
		}
		create.IdempotencyKey = p.once("product", productID, digest(name+"\x00"+description))
		product, err = client.V1Products.Create(ctx, create)
		if hasCode(err, stripe.ErrorCodeResourceAlreadyExists) { // another call came first
			product, err = client.V1Products.Retrieve(ctx, productID, nil)
		}
		err = failure("creating product "+productID, err)
	}
	if err != nil {
		return "", err
	}
	if product.Name == name && product.Description == description && product.Active {
		return productID, nil
	}
	// No idempotency key, since a name may be set again: the same update twice
	// is harmless, but a remembered answer instead of an update is not.
	_, err = client.V1Products.Update(ctx, productID, &stripe.ProductUpdateParams{
		Name: &name, Description: &description, Active: stripe.Bool(true),
	})
	return productID, failure("changing product "+productID, err)
}

// EnsurePrice finds or creates the price of a product; an empty interval is a
// one-time price. Prices never change: a different amount is a new price.
func (p *Processor) EnsurePrice(ctx context.Context, productID string, price money.Money, interval billing.Interval) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	const longest = 200 // of a lookup key
	period := string(interval)
	if period == "" {
		period = "once"
	}
	lookup := fit(strings.Join([]string{productID, decimal(price.Minor), price.Currency, period}, ":"), longest)
	list := &stripe.PriceListParams{Active: stripe.Bool(true), LookupKeys: []*string{&lookup}}
	for found, err := range client.V1Prices.List(ctx, list).All(ctx) {
		if err != nil {
			return "", failure("finding price "+lookup, err)
		}
		return found.ID, nil
	}
	create := &stripe.PriceCreateParams{
		Product: &productID, Currency: &price.Currency, UnitAmount: &price.Minor,
		// An archived price may have the lookup key.
		LookupKey: &lookup, TransferLookupKey: stripe.Bool(true),
	}
	if interval != "" {
		create.Recurring = &stripe.PriceCreateRecurringParams{Interval: stripe.String(string(interval))}
	}
	create.IdempotencyKey = p.once("price", lookup)
	made, err := client.V1Prices.Create(ctx, create)
	if err != nil {
		return "", failure("creating price "+lookup, err)
	}
	return made.ID, nil
}

// EnsureCustomer creates an account's customer. The name is set in a separate request,
// so that an account that was renamed between two tries still has one customer, and
// without an idempotency key, since it may be set again. Stripe remembers the first
// request for a day: the caller must store the id.
func (p *Processor) EnsureCustomer(ctx context.Context, account, name string) (string, error) {
	client, err := p.stripe(ctx)
	if err != nil {
		return "", err
	}
	create := &stripe.CustomerCreateParams{Metadata: p.ours(map[string]string{metaAccount: account})}
	create.IdempotencyKey = p.once("customer", account)
	customer, err := client.V1Customers.Create(ctx, create)
	if err != nil {
		return "", failure("creating the customer of "+account, err)
	}
	if name == "" {
		return customer.ID, nil
	}
	_, err = client.V1Customers.Update(ctx, customer.ID, &stripe.CustomerUpdateParams{Name: &name})
	return customer.ID, failure("naming the customer of "+account, err)
}
