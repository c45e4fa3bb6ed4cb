package stripepay

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
	"pgregory.net/rapid"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// A product's id identifies its plan, has Stripe's characters only, and is unique.
func TestProductsTellTheirPlans(t *testing.T) {
	safe := regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	id := rapid.StringMatching(`[A-Za-z0-9_.:-]{1,64}`)
	rapid.Check(t, func(t *rapid.T) {
		plan := id.Draw(t, "plan")
		product := ProductID(kindPlan, plan)
		if planOf(product) != plan || !safe.MatchString(product) {
			t.Fatalf("plan %q has product %q of plan %q", plan, product, planOf(product))
		}
		if other := ProductID(kindPack, plan); planOf(other) != "" || other == product {
			t.Fatalf("a pack has product %q", other)
		}
	})
	for _, product := range []string{"", "prod_123", "drawdown_plan_a-", "drawdown_plan_a-2", "drawdown_plan_a-zz"} {
		if plan := planOf(product); plan != "" {
			t.Errorf("%q is of plan %q", product, plan)
		}
	}
}

var alone = Open(Options{})

func TestKeysFitAndStayApart(t *testing.T) {
	long := strings.Repeat("a", 300)
	a, b := *alone.once(long, "1"), *alone.once(long, "2")
	if len(a) > 255 || a == b || *alone.once(long, "1") != a {
		t.Errorf("keys %s and %s", a, b)
	}
	seen := map[string][]string{}
	for _, parts := range [][]string{ // the first is the deployment
		{"", "a", "b"}, {"", "a:b"}, {"", "a", "", "b"}, {"a", "b"}, {"a:b"}, {"", "a%3Ab"}, {"", "a%253Ab"}, {"", "a", "b", ""}, {"a", "", "b"},
	} {
		key := *Open(Options{Deployment: parts[0]}).once(parts[1:]...)
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q have key %s", parts, other, key)
		}
		seen[key] = parts
	}
	// Whatever the parts are, they can be read back from the key.
	part := rapid.StringMatching(`[a%:0-9]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		deployment, parts := part.Draw(t, "deployment"), rapid.SliceOfN(part, 1, 3).Draw(t, "parts")
		key := *Open(Options{Deployment: deployment}).once(parts...)
		var got []string
		for text := range strings.SplitSeq(key, ":") {
			text, err := url.PathUnescape(text)
			if err != nil {
				t.Fatalf("key %s: %v", key, err)
			}
			got = append(got, text)
		}
		if want := append([]string{deployment}, parts...); !slices.Equal(got, want) {
			t.Fatalf("key %s is of %q, want %q", key, got, want)
		}
	})
}

// What a deployment creates is its own, and not another deployment's that shares the
// Stripe account.
func TestObjectsOfAnotherDeploymentAreNotOurs(t *testing.T) {
	here, there := Open(Options{Deployment: "here"}), Open(Options{Deployment: "there"})
	named := func(p *Processor) map[string]string { return p.ours(map[string]string{metaAccount: "a"}) }
	none := map[string]string{metaAccount: "a"}
	for name, c := range map[string]struct {
		meta, customers map[string]string
		ours            bool
	}{
		"ours":                      {named(here), nil, true},
		"of nobody":                 {none, nil, true},
		"theirs":                    {named(there), nil, false},
		"theirs, of our customer":   {named(there), named(here), false},
		"only their name":           {map[string]string{metaDeployment: "there"}, named(here), false},
		"by our customer":           {nil, named(here), true},
		"by a customer of nobody's": {nil, none, true},
		"by their customer":         {nil, named(there), false},
	} {
		want := ""
		if c.ours {
			want = "a"
		}
		customer := &stripe.Customer{ID: "cus_1", Metadata: c.customers}
		payment, err := here.paymentOf(&stripe.PaymentIntent{ID: "pi_1", Metadata: c.meta, Customer: customer})
		if err != nil || payment.Account != want || payment.Customer != "cus_1" {
			t.Errorf("payment %s: %+v, %v", name, payment, err)
		}
		subscription, err := here.subscriptionOf(&stripe.Subscription{ID: "sub_1", Status: "active", Metadata: c.meta, Customer: customer, Items: items(ProductID(kindPlan, "p"))})
		if err != nil || subscription.Account != want || subscription.ID != "sub_1" || subscription.Customer != "cus_1" {
			t.Errorf("subscription %s: %+v, %v", name, subscription, err)
		}
		invoice, err := here.invoiceOf(&stripe.Invoice{ID: "in_1", Status: "open", Metadata: c.meta, Customer: customer})
		if err != nil || invoice.Account != want {
			t.Errorf("invoice %s: %+v, %v", name, invoice, err)
		}
		invoice, err = here.invoiceOf(&stripe.Invoice{
			ID: "in_1", Status: "open", Customer: customer, Parent: parent(c.meta),
			Lines: &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{planLine(10, false, ProductID(kindPlan, "p"))}},
		})
		if err != nil || invoice.Account != want {
			t.Errorf("invoice of a subscription %s: %+v, %v", name, invoice, err)
		}
	}
}

func items(products ...string) *stripe.SubscriptionItemList {
	list := &stripe.SubscriptionItemList{}
	for _, product := range products {
		list.Data = append(list.Data, &stripe.SubscriptionItem{Price: &stripe.Price{
			ID: "price_of_" + product, UnitAmount: 1200, Currency: "eur", Product: &stripe.Product{ID: product},
		}})
	}
	return list
}

func parent(meta map[string]string) *stripe.InvoiceParent {
	return &stripe.InvoiceParent{SubscriptionDetails: &stripe.InvoiceParentSubscriptionDetails{
		Subscription: &stripe.Subscription{ID: "sub_1"}, Metadata: meta,
	}}
}

// A customer of ours may subscribe to what others sell, of whatever form.
func TestSubscriptionsOfOthersAreNotOurs(t *testing.T) {
	customer := &stripe.Customer{ID: "cus_1", Metadata: map[string]string{metaAccount: "a"}}
	plan := ProductID(kindPlan, "p")
	noted := map[string]string{metaAccount: "a"}
	for name, c := range map[string]struct {
		meta     map[string]string
		products []string
		account  string
		refused  bool
	}{
		"others'":                   {nil, []string{"prod_1"}, "", false},
		"others' of two items":      {nil, []string{"prod_1", "prod_2"}, "", false},
		"others' of none":           {nil, nil, "", false},
		"ours by its account":       {noted, []string{"prod_1"}, "a", false},
		"ours by its product":       {nil, []string{plan}, "a", false},
		"ours, with something more": {nil, []string{"prod_1", plan}, "a", true},
	} {
		got, err := alone.subscriptionOf(&stripe.Subscription{
			ID: "sub_1", Status: "active", Metadata: c.meta, Customer: customer, Items: items(c.products...), LatestInvoice: &stripe.Invoice{ID: "in_1"},
		})
		if (err != nil) != c.refused || !c.refused && (got.Account != c.account || got.ID != "sub_1") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if known := c.account != "" && !c.refused; known && (got.LatestInvoice != "in_1" || got.Price != (money.Money{Minor: 1200, Currency: "eur"})) {
			t.Errorf("%s: %+v", name, got)
		}
		lines := &stripe.InvoiceLineItemList{}
		for _, product := range c.products {
			lines.Data = append(lines.Data, planLine(10, false, product))
		}
		invoice, err := alone.invoiceOf(&stripe.Invoice{ID: "in_1", Status: "open", Customer: customer, Parent: parent(c.meta), Lines: lines})
		if err != nil || invoice.Account != c.account {
			t.Errorf("invoice of %s: %+v, %v", name, invoice, err)
		}
	}
	odd := &stripe.PaymentIntent{ID: "pi_1", Metadata: map[string]string{metaKind: kindPack, metaCredits: "many"}}
	if got, err := alone.paymentOf(odd); err != nil || got.Account != "" || got.Pack != nil {
		t.Errorf("a payment of others: %+v, %v", got, err)
	}
}

func TestStatusesOfPayments(t *testing.T) {
	refused, unconfirmed := &stripe.Error{Code: "card_declined", Msg: "No."}, &stripe.Error{Code: "authentication_required", Msg: "Confirm."}
	for _, c := range []struct {
		status stripe.PaymentIntentStatus
		failed *stripe.Error
		want   billing.PaymentStatus
		reason string
	}{
		{"succeeded", nil, billing.Succeeded, ""}, {"succeeded", refused, billing.Succeeded, ""},
		{"processing", nil, billing.Processing, ""}, {"requires_capture", nil, billing.Processing, ""},
		{"canceled", nil, billing.Canceled, ""}, {"canceled", refused, billing.Canceled, "No."},
		{"requires_payment_method", refused, billing.Declined, "No."}, {"requires_payment_method", unconfirmed, billing.ActionRequired, "Confirm."},
		{"requires_payment_method", nil, billing.ActionRequired, ""}, {"requires_action", nil, billing.ActionRequired, ""},
		{"requires_confirmation", nil, billing.ActionRequired, ""},
	} {
		got, reason := statusOf(&stripe.PaymentIntent{Status: c.status, LastPaymentError: c.failed})
		if got != c.want || reason != c.reason {
			t.Errorf("%s %v: %s %q, want %s %q", c.status, c.failed, got, reason, c.want, c.reason)
		}
	}
}

func TestACanceledPaymentTellsWhyItWasNotPaid(t *testing.T) {
	charge := func(code string) *stripe.Charge { return &stripe.Charge{FailureCode: code, FailureMessage: "No."} }
	for _, c := range []struct {
		intent stripe.PaymentIntent
		want   billing.PaymentStatus
		reason string
	}{
		{stripe.PaymentIntent{}, "", ""}, {stripe.PaymentIntent{LatestCharge: &stripe.Charge{}}, "", ""},
		{stripe.PaymentIntent{LastPaymentError: &stripe.Error{Code: "card_declined", Msg: "No."}}, billing.Declined, "No."},
		{stripe.PaymentIntent{LastPaymentError: &stripe.Error{Code: "authentication_required", Msg: "Confirm."}}, billing.ActionRequired, "Confirm."},
		{stripe.PaymentIntent{LatestCharge: charge("card_declined")}, billing.Declined, "No."},
		{stripe.PaymentIntent{LatestCharge: charge("authentication_required")}, billing.ActionRequired, "No."},
	} {
		c.intent.Status = stripe.PaymentIntentStatusCanceled
		got, err := alone.paymentOf(&c.intent)
		if err != nil || got.Status != billing.Canceled || got.Refused != c.want || got.Reason != c.reason {
			t.Errorf("%+v: %+v, %v; want %q %q", c.intent, got, err, c.want, c.reason)
		}
	}
}

// The order in which a payment's disputes are listed does not matter.
func TestTheWorstDisputeCounts(t *testing.T) {
	for _, c := range []struct {
		statuses []stripe.DisputeStatus
		want     billing.Dispute
		amount   int64
	}{
		{nil, billing.NoDispute, 0}, {[]stripe.DisputeStatus{"warning_needs_response"}, billing.NoDispute, 0}, {[]stripe.DisputeStatus{"prevented"}, billing.NoDispute, 0},
		{[]stripe.DisputeStatus{"needs_response"}, billing.DisputeOpen, 1}, {[]stripe.DisputeStatus{"under_review"}, billing.DisputeOpen, 1},
		{[]stripe.DisputeStatus{"won"}, billing.DisputeWon, 1}, {[]stripe.DisputeStatus{"lost"}, billing.DisputeLost, 1},
		{[]stripe.DisputeStatus{"won", "lost"}, billing.DisputeLost, 2}, {[]stripe.DisputeStatus{"won", "needs_response"}, billing.DisputeOpen, 2},
		{[]stripe.DisputeStatus{"lost", "needs_response"}, billing.DisputeOpen, 3}, {[]stripe.DisputeStatus{"warning_closed", "lost"}, billing.DisputeLost, 2},
	} {
		for _, backwards := range []bool{false, true} {
			var got billing.Payment
			for i := range c.statuses {
				n := i
				if backwards {
					n = len(c.statuses) - 1 - i
				}
				addDispute(&got, &stripe.Dispute{Status: c.statuses[n], Amount: 1 << n})
			}
			if got.Dispute != c.want || got.Disputed != c.amount {
				t.Errorf("%v, backwards %v: %s of %d, want %s of %d", c.statuses, backwards, got.Dispute, got.Disputed, c.want, c.amount)
			}
		}
	}
}

func TestMetadataThatCannotBeReadIsAnError(t *testing.T) {
	good := alone.packMetadata("a", kindRefill, billing.PackSale{PackID: "p", Credits: 1500000, ValidityDays: 30, Refill: "rf_1"})
	sale, err := packOf(good)
	if err != nil || *sale != (billing.PackSale{PackID: "p", Credits: 1500000, ValidityDays: 30, Refill: "rf_1"}) {
		t.Errorf("sale %+v, %v", sale, err)
	}
	for name, value := range map[string]string{metaCredits: "1.5", metaValidity: "-1"} {
		bad := map[string]string{}
		for k, v := range good {
			bad[k] = v
		}
		bad[name] = value
		if sale, err := packOf(bad); err == nil {
			t.Errorf("%s %s: %+v", name, value, sale)
		}
	}
	if sale, err := packOf(map[string]string{metaKind: "gift", metaCredits: "x"}); err != nil || sale != nil {
		t.Errorf("what is not ours: %+v, %v", sale, err)
	}
}

func planLine(amount int64, proration bool, product string) *stripe.InvoiceLineItem {
	return &stripe.InvoiceLineItem{
		Amount: amount, Period: &stripe.Period{Start: 100, End: 200},
		Parent:  &stripe.InvoiceLineItemParent{SubscriptionItemDetails: &stripe.InvoiceLineItemParentSubscriptionItemDetails{Proration: proration}},
		Pricing: &stripe.InvoiceLineItemPricing{PriceDetails: &stripe.InvoiceLineItemPricingPriceDetails{Product: product, Price: &stripe.Price{ID: "price_of_" + product}}},
	}
}

func TestAnInvoiceIsReadByItsLines(t *testing.T) {
	line := planLine
	item := &stripe.InvoiceLineItem{Amount: 5, Period: &stripe.Period{Start: 1, End: 2}, Parent: &stripe.InvoiceLineItemParent{}}
	old, next := ProductID(kindPlan, "old"), ProductID(kindPlan, "next")
	for name, c := range map[string]struct {
		lines  []*stripe.InvoiceLineItem
		plan   string
		period bool
	}{
		"a period":               {[]*stripe.InvoiceLineItem{item, line(10, false, next)}, "next", true},
		"a period after a rest":  {[]*stripe.InvoiceLineItem{line(-5, true, old), line(10, false, next)}, "next", true},
		"prorations":             {[]*stripe.InvoiceLineItem{line(-5, true, old), line(7, true, next)}, "next", false},
		"prorations, other way":  {[]*stripe.InvoiceLineItem{line(7, true, next), line(-5, true, old)}, "next", false},
		"prorations of before":   {[]*stripe.InvoiceLineItem{line(7, true, old), line(10, false, next)}, "next", true},
		"nothing of a plan":      {[]*stripe.InvoiceLineItem{item}, "noted", false},
		"a product of another's": {[]*stripe.InvoiceLineItem{line(10, false, "prod_1")}, "noted", true},
	} {
		found := &stripe.Invoice{
			Status: "open", Lines: &stripe.InvoiceLineItemList{Data: c.lines},
			Parent: &stripe.InvoiceParent{SubscriptionDetails: &stripe.InvoiceParentSubscriptionDetails{Metadata: map[string]string{metaPlan: "noted", metaAccount: "a"}}},
		}
		got, err := alone.invoiceOf(found)
		if err != nil || got.PlanID != c.plan || got.PeriodStart.IsZero() == c.period || got.Account != "a" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
