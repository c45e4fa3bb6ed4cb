package stripetest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/money"
	"drawdown/shared/stripepay"
)

const account = "acct.1:x"

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }

func pack() billing.PackSale {
	return billing.PackSale{PackID: "small", Credits: 500 * credit.Credit, ValidityDays: 90}
}

// packOf is the pack as a refill buys it.
func packOf(refill string) billing.PackSale {
	sale := pack()
	sale.Refill = refill
	return sale
}

// buy lets the account's customer buy a pack of 20 dollars on the page.
func (b *bench) buy(card stripe.Card, saveCard bool) (customer string, payment billing.Payment) {
	b.t.Helper()
	ctx := b.t.Context()
	customer = must(b.pay.EnsureCustomer(ctx, account, "Ada"))(b.t)
	product := must(b.pay.EnsureProduct(ctx, "pack", "small", "Small pack", "500 credits"))(b.t)
	price := must(b.pay.EnsurePrice(ctx, product, usd(2000), ""))(b.t)
	sale := pack()
	url := must(b.pay.PackCheckout(ctx, billing.PackCheckout{
		Account: account, Customer: customer, SaveCard: saveCard, Key: b.key(), SuccessURL: "https://a.example/?s={CHECKOUT_SESSION_ID}", CancelURL: "https://a.example/no",
		Pack: billing.Pack{ID: sale.PackID, Name: "Small pack", Price: usd(2000), Credits: sale.Credits, ValidityDays: sale.ValidityDays, PriceID: price},
	}))(b.t)
	session := path.Base(url)
	if id := must(b.pay.PaymentIDOfSession(ctx, session))(b.t); id != "" {
		b.t.Errorf("payment %s before it was made", id)
	}
	success := must(b.server.Pay(session, card, false))(b.t)
	if success != "https://a.example/?s="+session {
		b.t.Errorf("the buyer goes to %s", success)
	}
	if id := must(b.pay.SubscriptionIDOfSession(ctx, session))(b.t); id != "" {
		b.t.Errorf("a pack's checkout has the subscription %s", id)
	}
	return customer, must(b.pay.Payment(ctx, must(b.pay.PaymentIDOfSession(ctx, session))(b.t)))(b.t)
}

// plan makes a price of a plan.
func (b *bench) plan(id string, minor int64, interval billing.Interval) string {
	b.t.Helper()
	product := must(b.pay.EnsureProduct(b.t.Context(), "plan", id, "Plan "+id, ""))(b.t)
	return must(b.pay.EnsurePrice(b.t.Context(), product, usd(minor), interval))(b.t)
}

// subscribe lets the account's customer subscribe to the plan pro, of 30 dollars a month, on the page.
func (b *bench) subscribe(card stripe.Card) billing.Subscription {
	b.t.Helper()
	ctx := b.t.Context()
	customer := must(b.pay.EnsureCustomer(ctx, account, "Ada"))(b.t)
	url := must(b.pay.PlanCheckout(ctx, billing.PlanCheckout{
		Account: account, Customer: customer, Key: b.key(), SuccessURL: "https://a.example/", CancelURL: "https://a.example/no",
		Plan: billing.Plan{ID: "pro", PriceID: b.plan("pro", 3000, billing.Monthly)},
	}))(b.t)
	must(b.server.Pay(path.Base(url), card, false))(b.t)
	if id := must(b.pay.PaymentIDOfSession(ctx, path.Base(url)))(b.t); id != "" {
		b.t.Errorf("a plan's checkout has the payment %s", id)
	}
	return must(b.pay.Subscription(ctx, must(b.pay.SubscriptionIDOfSession(ctx, path.Base(url)))(b.t)))(b.t)
}

func TestCatalogIsMadeOnceAndFollowsItsNames(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	for _, name := range []string{"Pro", "Pro", "Professional", "Pro", "Professional", "Pro"} {
		id := must(b.pay.EnsureProduct(ctx, "plan", "pro:1.a", name, "for "+name))(t)
		if id != "drawdown_plan_pro-3a1-2ea" {
			t.Errorf("product %s", id)
		}
		if got := b.object("/v1/products/" + id); got["name"] != name || got["description"] != "for "+name {
			t.Errorf("the product is %v, want name %s", got, name)
		}
	}
	product := "drawdown_plan_pro-3a1-2ea"
	month := must(b.pay.EnsurePrice(ctx, product, usd(1000), billing.Monthly))(t)
	if again := must(b.pay.EnsurePrice(ctx, product, usd(1000), billing.Monthly))(t); again != month {
		t.Errorf("price %s, then %s", month, again)
	}
	seen := map[string]bool{month: true}
	for _, other := range []struct {
		money.Money
		interval billing.Interval
	}{{usd(1001), billing.Monthly}, {usd(1000), billing.Yearly}, {usd(1000), ""}, {money.Money{Minor: 1000, Currency: "jpy"}, billing.Monthly}} {
		id := must(b.pay.EnsurePrice(ctx, product, other.Money, other.interval))(t)
		if seen[id] {
			t.Errorf("%v has the price of another", other)
		}
		seen[id] = true
	}
	first := must(b.pay.EnsureCustomer(ctx, account, "Ada"))(t)
	if second := must(b.pay.EnsureCustomer(ctx, account, "Ada L."))(t); first != second {
		t.Errorf("customers %s and %s of one account", first, second)
	}
	if got := b.object("/v1/customers/" + first); got["name"] != "Ada L." {
		t.Errorf("the customer is %v", got["name"])
	}
}

func TestAPackIsPaidAndTellsWhatWasBought(t *testing.T) {
	b := open(t)
	customer, got := b.buy(stripe.CardWorks, true)
	if got.Status != billing.Succeeded || got.Account != account || got.Customer != customer || got.Amount != usd(2000) ||
		got.Pack == nil || *got.Pack != pack() || got.Invoice != "" || got.ReceiptURL == "" || got.PaidAt.IsZero() || got.CreatedAt.IsZero() {
		t.Errorf("payment %+v, pack %+v", got, got.Pack)
	}
	if status, page := b.get(got.ReceiptURL); status != 200 || !contains(page, "20.00 USD") {
		t.Errorf("the receipt is %d %s", status, page)
	}
	charge := as[string](t, b.object("/v1/payment_intents/" + got.ID)["latest_charge"])
	if id := must(b.pay.PaymentIDOfCharge(t.Context(), charge))(t); id != got.ID {
		t.Errorf("the charge is of %s", id)
	}
	if _, err := b.pay.Payment(t.Context(), "pi_none"); !errors.Is(err, stripepay.ErrNotFound) {
		t.Errorf("a payment that is not: %v", err)
	}
}

func TestACheckoutIsOnePageForItsKey(t *testing.T) {
	b := open(t)
	customer := must(b.pay.EnsureCustomer(t.Context(), account, ""))(t)
	plan := billing.Plan{ID: "pro", PriceID: b.plan("pro", 3000, billing.Monthly)}
	wish := billing.PlanCheckout{Account: account, Customer: customer, Key: "k", SuccessURL: "https://a.example/", CancelURL: "https://a.example/no", Plan: plan}
	first := must(b.pay.PlanCheckout(t.Context(), wish))(t)
	if second := must(b.pay.PlanCheckout(t.Context(), wish))(t); second != first {
		t.Errorf("pages %s and %s", first, second)
	}
	wish.Plan.PriceID = b.plan("big", 9000, billing.Monthly)
	if _, err := b.pay.PlanCheckout(t.Context(), wish); !errors.Is(err, stripepay.ErrKeyReused) {
		t.Errorf("another plan with the same key: %v", err)
	}
	wish.Plan.PriceID = ""
	if _, err := b.pay.PlanCheckout(t.Context(), wish); err == nil {
		t.Error("a plan without a price has a page")
	}
}

func TestARefundAndADisputeShowInThePayment(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	_, bought := b.buy(stripe.CardWorks, false)
	now := func() billing.Payment { return must(b.pay.Payment(ctx, bought.ID))(t) }
	must(b.server.Refund(bought.ID, 500))(t)
	if got := now(); got.Refunded != 500 || got.Status != billing.Succeeded {
		t.Errorf("after a refund of a part: %+v", got)
	}
	inquiry := must(b.server.OpenDispute(bought.ID, 0, true))(t)
	if got := now(); got.Dispute != billing.NoDispute || got.Disputed != 0 {
		t.Errorf("an inquiry takes no money: %+v", got)
	}
	check(t, b.server.CloseDispute(inquiry, true))
	won := must(b.server.OpenDispute(bought.ID, 700, false))(t)
	if id := must(b.pay.PaymentIDOfDispute(ctx, won))(t); id != bought.ID {
		t.Errorf("the dispute is about %s", id)
	}
	if got := now(); got.Dispute != billing.DisputeOpen || got.Disputed != 700 {
		t.Errorf("a dispute is open: %+v", got)
	}
	check(t, b.server.CloseDispute(won, true))
	if got := now(); got.Dispute != billing.DisputeWon {
		t.Errorf("a dispute is won: %+v", got)
	}
	lost := must(b.server.OpenDispute(bought.ID, 900, false))(t)
	check(t, b.server.CloseDispute(lost, false))
	if got := now(); got.Dispute != billing.DisputeLost || got.Disputed != 900 {
		t.Errorf("a second dispute is lost: %+v", got)
	}
}

// A refund that fails gives nothing back, and says so by itself: the charge tells no event.
func TestARefundThatFailsGivesNothingBack(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	_, bought := b.buy(stripe.CardWorks, false)
	must(b.server.Refund(bought.ID, 300))(t)
	failing := must(b.server.Refund(bought.ID, 500))(t)
	if got := must(b.pay.Payment(ctx, bought.ID))(t); got.Refunded != 800 {
		t.Errorf("before: %+v", got)
	}
	if id := must(b.pay.PaymentIDOfRefund(ctx, failing))(t); id != bought.ID {
		t.Errorf("the refund is of %s", id)
	}
	before := len(b.server.Events())
	check(t, b.server.FailRefund(failing))
	if err := b.server.FailRefund(failing); err == nil {
		t.Error("a refund fails twice")
	}
	var kinds []string
	for _, e := range b.server.Events()[before:] {
		if kinds = append(kinds, e.Type); e.ObjectID != failing || !contains(string(e.Payload), `"object":"refund"`) || !contains(string(e.Payload), `"status":"failed"`) {
			t.Errorf("event %s is %s", e.Type, e.Payload)
		}
	}
	if want := []string{"refund.failed", "charge.refund.updated"}; !slices.Equal(kinds, want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
	if id := must(b.pay.PaymentIDOfRefund(ctx, failing))(t); id != bought.ID {
		t.Errorf("the failed refund is of %s", id)
	}
	if got := must(b.pay.Payment(ctx, bought.ID))(t); got.Refunded != 300 {
		t.Errorf("after: %+v", got)
	}
	if _, err := b.pay.PaymentIDOfRefund(ctx, "re_none"); !errors.Is(err, stripepay.ErrNotFound) {
		t.Errorf("a refund that is not: %v", err)
	}
}

// A card is kept with consent only: without it, Stripe's page does not ask either.
func TestACardIsKeptWithConsentOnly(t *testing.T) {
	for _, consent := range []bool{false, true} {
		b := open(t)
		ctx := t.Context()
		customer := must(b.pay.EnsureCustomer(ctx, account, ""))(t)
		price := must(b.pay.EnsurePrice(ctx, must(b.pay.EnsureProduct(ctx, "pack", "p", "P", ""))(t), usd(100), ""))(t)
		url := must(b.pay.PackCheckout(ctx, billing.PackCheckout{
			Account: account, Customer: customer, SaveCard: consent, Key: "k", SuccessURL: "https://a.example/", CancelURL: "https://a.example/no", Pack: billing.Pack{ID: "p", PriceID: price},
		}))(t)
		if status, page := b.get(url); status != 200 || contains(page, "Save this card") {
			t.Errorf("the page asks: %d %s", status, page)
		}
		b.post(url, "card=works&save=yes")
		if saved := as[[]any](t, b.object("/v1/payment_methods?customer=" + customer)["data"]); (len(saved) == 1) != consent {
			t.Errorf("consent %v: %d cards are saved", consent, len(saved))
		}
	}
}

// What could not be canceled while it was in progress can be once it has failed.
func TestACancellationThatWasRefusedIsTriedAnew(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardSlow, true)
	slow := must(b.refill("rf_1", customer))(t)
	if got := must(b.pay.CancelPayment(t.Context(), slow.ID))(t); got.Status != billing.Processing {
		t.Errorf("while it is in progress: %+v", got)
	}
	check(t, b.server.Settle(slow.ID, false))
	if got := must(b.pay.CancelPayment(t.Context(), slow.ID))(t); got.Status != billing.Canceled {
		t.Errorf("afterwards: %+v", got)
	}
}

// Two deployments that share an account of Stripe's make what they make for themselves, under ids that are the same.
func TestDeploymentsShareAnAccountOfStripes(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	other := *b
	other.pay = stripepay.Open(stripepay.Options{Keys: b.keys, URL: b.url, Now: b.server.Now, Deployment: "other"})
	customer, bought := b.buy(stripe.CardWorks, true)
	if theirs := must(other.pay.EnsureCustomer(ctx, account, "Ada"))(t); theirs == customer {
		t.Error("the customer is the same")
	}
	if seen := must(other.pay.Payment(ctx, bought.ID))(t); seen.Account != "" || seen.Pack != nil {
		t.Errorf("the other sees %+v", seen)
	}
	first := must(b.refill("rf_1", customer))(t)
	if found := must(other.pay.FindRefill(ctx, customer, "rf_1", b.now()))(t); found != nil {
		t.Errorf("the other finds %+v", found)
	}
	if second := must(other.refill("rf_1", customer))(t); second.ID == first.ID {
		t.Error("the refill is the same")
	}
	if found := must(b.pay.FindRefill(ctx, customer, "rf_1", b.now()))(t); found == nil || found.ID != first.ID {
		t.Errorf("found %+v", found)
	}
	bill := billing.OverageCharge{Bill: "b", Account: account, Customer: customer, Amount: usd(450), Description: "Overage", NotedAt: b.now()}
	ours := must(b.pay.BillOverage(ctx, bill))(t)
	if theirs := must(other.pay.BillOverage(ctx, bill))(t); theirs.ID == ours.ID || ours.Account != account {
		t.Errorf("invoices %+v and %+v", ours, theirs)
	}
	if seen := must(other.pay.Invoice(ctx, ours.ID))(t); seen.Account != "" {
		t.Errorf("the other sees %+v", seen)
	}
	sub := b.subscribe(stripe.CardWorks)
	if seen := must(other.pay.Subscription(ctx, sub.ID))(t); seen.Account != "" {
		t.Errorf("the other sees %+v", seen)
	}
	if seen := must(other.pay.Invoice(ctx, b.lastInvoice(customer)))(t); seen.Account != "" {
		t.Errorf("the other sees %+v", seen)
	}
}

func TestAPaymentThatIsSettledLater(t *testing.T) {
	for _, succeed := range []bool{true, false} {
		b := open(t)
		_, got := b.buy(stripe.CardAsync, false)
		if got.Status != billing.Processing || !got.PaidAt.IsZero() {
			t.Errorf("before: %+v", got)
		}
		check(t, b.server.Settle(got.ID, succeed))
		want, event := billing.Declined, "checkout.session.async_payment_failed"
		if succeed {
			want, event = billing.Succeeded, "checkout.session.async_payment_succeeded"
		}
		if got = must(b.pay.Payment(t.Context(), got.ID))(t); got.Status != want || (got.Reason == "") != succeed {
			t.Errorf("after: %+v, want %s", got, want)
		}
		b.hasEvent(event)
	}
}

func (b *bench) refill(id, customer string) (billing.Payment, error) {
	return b.pay.ChargeRefill(b.t.Context(), billing.RefillCharge{Account: account, Customer: customer, Amount: usd(2000), Pack: packOf(id)})
}

func TestARefillIsChargedAsTheCardBehaves(t *testing.T) {
	for card, want := range map[stripe.Card]billing.PaymentStatus{
		stripe.CardWorks: billing.Succeeded, stripe.CardDeclinedLater: billing.Declined, stripe.CardAuthentication: billing.ActionRequired,
	} {
		t.Run(string(card), func(t *testing.T) {
			b := open(t)
			customer, _ := b.buy(card, true)
			sale := pack()
			sale.Refill = "rf_1"
			for range 2 { // the second is a replay
				got := must(b.refill("rf_1", customer))(t)
				if got.Status != want || got.Account != account || got.Customer != customer || got.Amount != usd(2000) || got.Pack == nil || *got.Pack != sale || (got.Reason == "") != (want == billing.Succeeded) {
					t.Errorf("refill %+v, pack %+v", got, got.Pack)
				}
				found := must(b.pay.FindRefill(t.Context(), customer, "rf_1", b.now()))(t)
				if found == nil || found.ID != got.ID || found.Status != want {
					t.Errorf("found %+v", found)
				}
				if want != billing.Succeeded {
					continue
				}
				if got = must(b.pay.CancelPayment(t.Context(), got.ID))(t); got.Status != billing.Succeeded {
					t.Errorf("what is paid stays paid: %+v", got)
				}
			}
			if n := b.count("payment_intent.created"); n != 2 { // of the pack and of the refill
				t.Errorf("%d payments", n)
			}
			if want == billing.Succeeded {
				return
			}
			found := must(b.pay.FindRefill(t.Context(), customer, "rf_1", b.now()))(t)
			for range 2 {
				if got := must(b.pay.CancelPayment(t.Context(), found.ID))(t); got.Status != billing.Canceled || got.Refused != want || got.Reason == "" {
					t.Errorf("given up: %+v", got)
				}
			}
		})
	}
}

func TestARefillWithoutACard(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, false)
	if _, err := b.refill("rf_1", customer); !errors.Is(err, billing.ErrNoCard) {
		t.Errorf("without a saved card: %v", err)
	}
	if found := must(b.pay.FindRefill(t.Context(), customer, "rf_1", b.now()))(t); found != nil {
		t.Errorf("found %+v", found)
	}
}

// Whatever is lost on the way, asking again with the same id finds out, and charges once.
func TestARefillWhoseOutcomeIsUnknownIsChargedOnce(t *testing.T) {
	for name, fault := range map[string]stripe.Fault{
		"broken before": {}, "broken after": {After: true}, "500 before": {Status: 500}, "503 after": {Status: 503, After: true}, "429": {Status: 429}, "409": {Status: 409},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t)
			customer, _ := b.buy(stripe.CardWorks, true)
			fault.Method, fault.Path, fault.Times = "POST", "/v1/payment_intents", 100 // the SDK and its transport try again
			b.server.Fail(fault)
			if _, err := b.refill("rf_1", customer); !errors.Is(err, billing.ErrUnknown) || errors.Is(err, billing.ErrDeclined) {
				t.Fatalf("the outcome is not known: %v", err)
			}
			if found := must(b.pay.FindRefill(t.Context(), customer, "rf_1", b.now()))(t); (found != nil) != fault.After {
				t.Errorf("found %+v", found)
			}
			b.server.Heal()
			cards := []stripe.Card{stripe.CardWorks}
			if fault.After { // another card makes another request of the same key, and none makes no request
				cards = append(cards, stripe.CardWorks, "")
			}
			var got billing.Payment
			for i, card := range cards {
				if i > 0 {
					check(t, b.server.SetCard(customer, card))
				}
				got = must(b.refill("rf_1", customer))(t)
			}
			if got.Status != billing.Succeeded || b.count("payment_intent.succeeded") != 2 {
				t.Errorf("refill %+v, %d payments", got, b.count("payment_intent.succeeded"))
			}
		})
	}
}

func TestTimeAndCancellationLeaveTheOutcomeUnknown(t *testing.T) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.pay.ChargeRefill(ctx, billing.RefillCharge{Account: account, Customer: customer, Amount: usd(2000), Pack: packOf("rf_1")})
	if !errors.Is(err, billing.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// periodIsPaid checks the customer's last invoice, which is of the subscription's present period, and its payment.
func (b *bench) periodIsPaid(reason billing.InvoiceReason, sub billing.Subscription) {
	b.t.Helper()
	ctx := b.t.Context()
	inv := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(b.t)
	if inv.Reason != reason || inv.Status != billing.InvoicePaid || inv.Account != account || inv.Customer != sub.Customer || inv.Subscription != sub.ID ||
		inv.Total != usd(3000) || inv.PlanID != "pro" || inv.PriceID != sub.PriceID || !inv.PeriodStart.Equal(sub.PeriodStart) || !inv.PeriodEnd.Equal(sub.PeriodEnd) ||
		inv.Payment == "" || inv.HostedURL == "" || inv.Attempted || inv.Bill != "" {
		b.t.Errorf("invoice %+v", inv)
	}
	paid := must(b.pay.Payment(ctx, inv.Payment))(b.t)
	if paid.Invoice != inv.ID || paid.Pack != nil || paid.Account != account || paid.Status != billing.Succeeded {
		b.t.Errorf("payment %+v", paid)
	}
}

func TestAPlanIsPaidForItsPeriods(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardWorks)
	if sub.Status != billing.SubscriptionActive || sub.Account != account || sub.PlanID != "pro" || sub.PriceID == "" || sub.CancelAtPeriodEnd ||
		sub.Price != usd(3000) || sub.LatestInvoice != b.lastInvoice(sub.Customer) || !sub.PeriodEnd.After(sub.PeriodStart) || !sub.Anchor.Equal(sub.PeriodStart) || !sub.EndedAt.IsZero() {
		t.Errorf("subscription %+v", sub)
	}
	b.periodIsPaid(billing.InvoiceOfStart, sub)
	b.server.Advance(sub.PeriodEnd.Sub(b.now()) + time.Minute)
	next := must(b.pay.Subscription(ctx, sub.ID))(t)
	if !next.PeriodStart.Equal(sub.PeriodEnd) || !next.PeriodEnd.Equal(sub.Anchor.AddDate(0, 2, 0)) {
		t.Errorf("the next period is %s to %s", next.PeriodStart, next.PeriodEnd)
	}
	if draft := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(t); draft.Status != billing.InvoiceDraft || draft.Reason != billing.InvoiceOfPeriod || draft.HostedURL != "" {
		t.Errorf("at first it is a draft: %+v", draft)
	}
	b.server.Advance(time.Hour)
	b.periodIsPaid(billing.InvoiceOfPeriod, next)
	if all := must(b.pay.SubscriptionsOf(ctx, sub.Customer))(t); len(all) != 1 || all[0] != next {
		t.Errorf("the customer's subscriptions are %+v", all)
	}
}

func TestAnUpgradeIsPaidAtOnceOrNotMade(t *testing.T) {
	for card, want := range map[stripe.Card]error{
		stripe.CardWorks: nil, stripe.CardDeclinedLater: billing.ErrDeclined, stripe.CardAuthentication: billing.ErrActionRequired,
	} {
		t.Run(string(card), func(t *testing.T) {
			b := open(t)
			ctx := t.Context()
			sub := b.subscribe(card)
			b.server.Advance(sub.PeriodEnd.Sub(sub.PeriodStart) / 2)
			big := b.plan("big", 9000, billing.Monthly)
			changed, invoice, err := b.pay.ChangeSubscription(ctx, sub.ID, big, "big", true, "k1")
			if !errors.Is(err, want) || (err != nil) != (want != nil) {
				t.Fatalf("upgrade: %v, want %v", err, want)
			}
			if want != nil {
				var refusal *billing.Refusal
				if !errors.As(err, &refusal) || refusal.Message == "" {
					t.Errorf("the refusal says %v", err)
				}
				if same := must(b.pay.Subscription(ctx, sub.ID))(t); same != sub || len(b.invoices(sub.Customer)) != 1 {
					t.Errorf("something has changed: %+v", same)
				}
				return
			}
			if changed.LatestInvoice != invoice || changed.Price != usd(9000) || changed.PlanID != "big" || changed.PriceID != big || !changed.PeriodEnd.Equal(sub.PeriodEnd) {
				t.Errorf("subscription %+v", changed)
			}
			inv := must(b.pay.Invoice(ctx, invoice))(t)
			if inv.Reason != billing.InvoiceOfChange || inv.Status != billing.InvoicePaid || inv.Total != usd(3000) || inv.PlanID != "big" || inv.PriceID != big || !inv.PeriodStart.IsZero() {
				t.Errorf("invoice %+v", inv)
			}
			again, second, err := b.pay.ChangeSubscription(ctx, sub.ID, big, "big", true, "k1")
			if err != nil || again != changed || second != invoice || len(b.invoices(sub.Customer)) != 2 {
				t.Errorf("the same again: %+v %s %v", again, second, err)
			}
			b.server.Advance(sub.PeriodEnd.Sub(b.now()) + 2*time.Hour)
			if inv := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(t); inv.Total != usd(9000) || inv.PlanID != "big" || inv.Status != billing.InvoicePaid {
				t.Errorf("the next period's invoice is %+v", inv)
			}
		})
	}
}

func TestAnUpgradeWithoutACardIsRefused(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardWorks)
	check(t, b.server.SetCard(sub.Customer, ""))
	big := b.plan("big", 9000, billing.Monthly)
	_, _, err := b.pay.ChangeSubscription(ctx, sub.ID, big, "big", true, "k1")
	var refusal *billing.Refusal
	if !errors.As(err, &refusal) || refusal.Code != "no_card" || refusal.Message == "" || !errors.Is(err, billing.ErrDeclined) {
		t.Errorf("upgrade: %v", err)
	}
	if same := must(b.pay.Subscription(ctx, sub.ID))(t); same != sub {
		t.Errorf("something has changed: %+v", same)
	}
}

func TestADowngradeCountsFromTheNextPeriod(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardWorks)
	small := b.plan("small", 1000, billing.Monthly)
	changed, invoice, err := b.pay.ChangeSubscription(ctx, sub.ID, small, "small", false, "k1")
	if err != nil || invoice != "" || changed.PlanID != "small" || !changed.PeriodEnd.Equal(sub.PeriodEnd) || len(b.invoices(sub.Customer)) != 1 {
		t.Errorf("downgrade: %+v %s %v", changed, invoice, err)
	}
	b.server.Advance(sub.PeriodEnd.Sub(b.now()) + 2*time.Hour)
	if inv := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(t); inv.Total != usd(1000) || inv.PlanID != "small" {
		t.Errorf("the next period's invoice is %+v", inv)
	}
	year := b.plan("yearly", 5000, billing.Yearly)
	if _, _, err := b.pay.ChangeSubscription(ctx, sub.ID, year, "yearly", false, "k2"); !errors.Is(err, stripepay.ErrInterval) {
		t.Errorf("a downgrade to another interval: %v", err)
	}
	up, invoice, err := b.pay.ChangeSubscription(ctx, sub.ID, year, "yearly", true, "k3")
	if err != nil || up.PlanID != "yearly" || !up.PeriodStart.After(sub.PeriodStart) || !up.PeriodEnd.Equal(up.PeriodStart.AddDate(1, 0, 0)) {
		t.Fatalf("an upgrade to another interval: %+v %v", up, err)
	}
	if inv := must(b.pay.Invoice(ctx, invoice))(t); inv.Reason != billing.InvoiceOfChange || !inv.PeriodStart.Equal(up.PeriodStart) || !inv.PeriodEnd.Equal(up.PeriodEnd) {
		t.Errorf("its invoice begins a period: %+v", inv)
	}
}

func TestASubscriptionEndsWithItsPeriodOrGoesOn(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardWorks)
	for i, cancel := range []bool{true, true, false, true, false} {
		got := must(b.pay.CancelAtPeriodEnd(ctx, sub.ID, cancel, string(rune('a'+i))))(t)
		if got.CancelAtPeriodEnd != cancel || got.Status != billing.SubscriptionActive {
			t.Errorf("%v: %+v", cancel, got)
		}
	}
	portal := must(b.pay.Portal(ctx, sub.Customer, "https://a.example/back"))(t)
	b.post(portal+"/subscription", "subscription="+sub.ID+"&end=yes")
	if got := must(b.pay.Subscription(ctx, sub.ID))(t); !got.CancelAtPeriodEnd {
		t.Errorf("ended in the portal: %+v", got)
	}
	if got := must(b.pay.CancelAtPeriodEnd(ctx, sub.ID, false, "undo"))(t); got.CancelAtPeriodEnd {
		t.Errorf("and taken back: %+v", got)
	}
	must(b.pay.CancelAtPeriodEnd(ctx, sub.ID, true, "end"))(t)
	b.server.Advance(sub.PeriodEnd.Sub(b.now()) + time.Minute)
	if got := must(b.pay.Subscription(ctx, sub.ID))(t); got.Status != billing.SubscriptionEnded || !got.EndedAt.Equal(sub.PeriodEnd) {
		t.Errorf("at its end: %+v", got)
	}
	b.hasEvent("customer.subscription.deleted")
	if n := len(b.invoices(sub.Customer)); n != 1 {
		t.Errorf("%d invoices", n)
	}
}

func TestAnInvoiceThatCannotBeCollected(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	sub := b.subscribe(stripe.CardDeclinedLater)
	b.server.Advance(sub.PeriodEnd.Sub(b.now()) + 2*time.Hour)
	late := must(b.pay.Invoice(ctx, b.lastInvoice(sub.Customer)))(t)
	if late.Status != billing.InvoiceOpen || !late.Attempted || late.HostedURL == "" {
		t.Errorf("invoice %+v", late)
	}
	if got := must(b.pay.Subscription(ctx, sub.ID))(t); got.Status != billing.SubscriptionPastDue {
		t.Errorf("subscription %+v", got)
	}
	if failed := must(b.pay.Payment(ctx, late.Payment))(t); failed.Status != billing.Declined || failed.Reason == "" || failed.Invoice != late.ID {
		t.Errorf("payment %+v", failed)
	}
	if err := b.server.PayInvoice(late.ID, stripe.CardDeclined); err == nil {
		t.Error("a card that is declined pays")
	}
	check(t, b.server.PayInvoice(late.ID, stripe.CardWorks))
	if got := must(b.pay.Subscription(ctx, sub.ID))(t); got.Status != billing.SubscriptionActive {
		t.Errorf("paid by hand: %+v", got)
	}
	b.server.Advance(31 * 24 * time.Hour)
	b.server.Advance(16 * 24 * time.Hour)
	if got := must(b.pay.Subscription(ctx, sub.ID))(t); got.Status != billing.SubscriptionEnded {
		t.Errorf("after the last try: %+v", got)
	}
}

func TestAnOverageIsInvoicedAndPaidByTheCardThatThereIs(t *testing.T) {
	for card, want := range map[stripe.Card]billing.InvoiceStatus{
		stripe.CardWorks: billing.InvoicePaid, stripe.CardDeclinedLater: billing.InvoiceOpen, "": billing.InvoiceOpen,
	} {
		t.Run("card "+string(card), func(t *testing.T) { testOverage(t, card, want, nil, 0) })
	}
}

func TestAnOverageIsInvoicedOnceWhereverItStops(t *testing.T) {
	for _, fault := range []stripe.Fault{
		{Path: "/v1/invoices"}, {Path: "/v1/invoices", After: true, Status: 502}, {Path: "/v1/invoiceitems"}, {Path: "/v1/invoiceitems", After: true},
		{Path: "/v1/invoices/"}, {Path: "/v1/invoices/", After: true},
	} {
		for _, pause := range []time.Duration{0, 30 * time.Hour} { // after which no idempotency key is known
			t.Run(fmt.Sprint(fault.Path, fault.After, pause), func(t *testing.T) {
				t.Parallel() // they wait most of the time
				testOverage(t, stripe.CardWorks, billing.InvoicePaid, &fault, pause)
			})
		}
	}
}

func testOverage(t *testing.T, card stripe.Card, want billing.InvoiceStatus, fault *stripe.Fault, pause time.Duration) {
	b := open(t)
	customer, _ := b.buy(stripe.CardWorks, false)
	check(t, b.server.SetCard(customer, card))
	bill := billing.OverageCharge{Bill: "SYS#period#1", Account: account, Customer: customer, Amount: usd(450), Description: "Overage", NotedAt: b.now()}
	if fault != nil {
		fault.Method, fault.Times = "POST", 100
		b.server.Fail(*fault)
		if _, err := b.pay.BillOverage(t.Context(), bill); !errors.Is(err, billing.ErrUnknown) {
			t.Fatalf("with a fault: %v", err)
		}
		b.server.Heal()
		b.server.Advance(pause)
	}
	id := must(b.pay.BillOverage(t.Context(), bill))(t).ID
	if again := must(b.pay.BillOverage(t.Context(), bill))(t).ID; again != id {
		t.Errorf("invoices %s and %s", id, again)
	}
	b.server.Advance(time.Second)
	inv := must(b.pay.Invoice(t.Context(), id))(t)
	if inv.Reason != billing.InvoiceOfOverage || inv.Bill != bill.Bill || !inv.NotedAt.Equal(bill.NotedAt) || inv.Total != usd(450) || inv.Account != account || inv.Status != want || len(b.invoices(customer)) != 1 {
		t.Errorf("invoice %+v of %d", inv, len(b.invoices(customer)))
	}
}

func TestKeysComeAndGo(t *testing.T) {
	b := open(t)
	b.keys.secret = ""
	if _, err := b.pay.EnsureCustomer(t.Context(), account, ""); !errors.Is(err, billing.ErrNotConfigured) {
		t.Errorf("without a key: %v", err)
	}
	b.keys.secret = "sk_test_wrong"
	if _, err := b.pay.EnsureCustomer(t.Context(), account, ""); err == nil || errors.Is(err, billing.ErrUnknown) {
		t.Errorf("with a wrong key: %v", err)
	}
	b.keys.secret = secretKey // rotated
	must(b.pay.EnsureCustomer(t.Context(), account, ""))(t)
}
