package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

// story is what becomes of the money of a pack before any news of it has arrived.
type story struct {
	card   stripe.Card
	then   func(payment string) error
	orders int // in which the news are told: so many, or all that there are
	// what the account has at the end, and what its history says of the purchase and of the money given back
	available      credits
	bought, refund string
	took           credits
}

func refunds(cents int64) func(string) error {
	return func(payment string) error {
		_, err := processor.Refund(payment, cents)
		return err
	}
}

func disputes(won bool) func(string) error {
	return func(payment string) error {
		dispute, err := processor.OpenDispute(payment, 0, false)
		if err == nil {
			err = processor.CloseDispute(dispute, won)
		}
		return err
	}
}

func settles(succeed bool) func(string) error {
	return func(payment string) error { return processor.Settle(payment, succeed) }
}

func nothing(string) error { return nil }

var stories = map[string]story{
	"paid":              {card: stripe.CardWorks, then: nothing, orders: 2, available: bigCredits, bought: billPaid},
	"refunded in part":  {card: stripe.CardWorks, then: refunds(bigCents / 4), orders: 6, available: bigCredits * 3 / 4, bought: billPaid, refund: billPaid, took: bigCredits / 4},
	"refunded":          {card: stripe.CardWorks, then: refunds(0), orders: 1, bought: billPaid, refund: billPaid, took: bigCredits},
	"lost to the bank":  {card: stripe.CardWorks, then: disputes(false), orders: 2, bought: billPaid, refund: billPaid, took: bigCredits},
	"won from the bank": {card: stripe.CardWorks, then: disputes(true), orders: 3, available: bigCredits, bought: billPaid},
	"paid later":        {card: stripe.CardAsync, then: settles(true), orders: 3, available: bigCredits, bought: billPaid},
	"never paid":        {card: stripe.CardAsync, then: settles(false), orders: 2, bought: billFailed},
}

// It runs alone: it holds back the news of all accounts.
func TestMoneyIsGrantedOnceInWhateverOrderItsNewsCome(t *testing.T) {
	const copies = 5
	chance := seeded(t)
	onSale(t)
	drained(t)
	processor.Hold()
	processor.Duplicate(copies)
	t.Cleanup(func() {
		processor.Duplicate(1)
		processor.Release()
	})
	parts := map[string]func(t *testing.T){}
	for name, told := range stories {
		for i := range told.orders {
			seed := chance.Int()
			parts[fmt.Sprintf("%s, order %d", name, i)] = func(t *testing.T) { told.run(t, i, seed) }
		}
	}
	inParallel(t, "stories", parts)
	for _, letter := range platform.DeadLetters(purchaseQueue) {
		t.Errorf("this could not be settled: %s", letter.Body)
	}
}

// settledNews are the kinds of news that say anything about a pack.
var settledNews = []string{
	"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
	"payment_intent.succeeded", "payment_intent.payment_failed", "charge.refunded",
	"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed", "charge.dispute.funds_reinstated",
}

func (s story) run(t *testing.T, number, seed int) {
	b := openBuyer(t)
	session := b.pays(t, packWish(bigPack), s.card)
	payment := paymentOf(t, session)
	if err := s.then(payment); err != nil {
		t.Fatal(err)
	}
	news := slices.DeleteFunc(newsOf(processor.Events(), session, payment), func(e stripe.Event) bool { return !slices.Contains(settledNews, e.Type) })
	if len(news) < 2 {
		t.Fatalf("of the payment %s there are only the news %v", payment, kindsOf(news))
	}
	total := 1
	for i := range news {
		total *= i + 1
	}
	place := seed % total
	if s.orders >= total {
		place = number % total
	}
	order := permutation(news, place)
	t.Logf("told in the order %v", kindsOf(order))
	ctx, cancel := context.WithTimeout(t.Context(), settleLimit)
	defer cancel()
	for i, e := range order {
		if err := processor.Deliver(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if i < len(order)-1 && seed%2 == 0 {
			time.Sleep(100 * time.Millisecond) // else they overtake each other on their way
		}
	}
	b.holds(t, "once all was told", s.available, 0)
	b.check(t, s)

	// What is told again later changes nothing.
	slices.Reverse(order)
	seq := walletOf(t, b.account).Seq
	for _, e := range order {
		if err := processor.Deliver(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond)
	equal(t, "the seq after all was told again", walletOf(t, b.account).Seq, seq)
	b.check(t, s)
	b.settled(t)
}

// check compares ledger and history with what has become of the money.
func (b *buyer) check(t *testing.T, s story) {
	t.Helper()
	b.awaitBill(t, "purchase", s.bought)
	entries := b.entries(t)
	var granted credits
	for _, e := range which(entries, isType(typeGrant)) {
		granted += e.Credits
		equal(t, "the source of the grant", e.Grant.Source, "purchase")
	}
	want, grants := bigCredits, 1
	if s.bought != billPaid {
		want, grants = 0, 0
	}
	equal(t, "grants", len(which(entries, isType(typeGrant))), grants)
	equal(t, "credits granted", granted, want)
	var taken credits
	for _, e := range which(entries, isType("take_back", "give_back")) {
		if e.Type == "take_back" {
			taken += e.Credits
		} else {
			taken -= e.Credits
		}
	}
	equal(t, "credits taken back in all", taken, s.took)
	if s.refund != "" {
		b.awaitBill(t, "refund", s.refund)
	} else if line := b.bill(t, "refund"); line != nil && line.State != billVoid {
		t.Errorf("the history says that money was given back: %+v", *line)
	}
}

func kindsOf(events []stripe.Event) []string {
	kinds := make([]string, len(events))
	for i, e := range events {
		kinds[i] = e.Type
	}
	return kinds
}

// permutation is the order of some elements that has a number, of as many as there are orders.
func permutation[T any](of []T, number int) []T {
	left := slices.Clone(of)
	ordered := make([]T, 0, len(of))
	for n := len(left); n > 0; n-- {
		i := number % n
		number /= n
		ordered = append(ordered, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return ordered
}

func TestMoneyGivenBackTakesWhatIsLeftAndIsOwedForTheRest(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	payment := b.buysPack(t, bigPack)
	spend(t, b.account, 600*credit)
	must(t, refunds(bigCents/2)(payment))
	b.holds(t, "after a refund of one half", 0, 100*credit)
	refused(t, admin(t).call(debit(b.account, "unpaid", use("unit", credit))), http.StatusPaymentRequired, "insufficient-credits")
	equal(t, "the refund in the history", b.awaitBill(t, "refund", billPaid).Amount, usd(bigCents/2))
	must(t, refunds(0)(payment))
	b.holds(t, "after a refund of the rest", 0, 600*credit)

	// The next grants pay first what is owed, whoever makes them.
	addGrant(t, b.account, body{"amount": "50", "source": "promo"})
	b.holds(t, "after a grant of less than is owed", 0, 550*credit)
	b.buysPack(t, bigPack)
	b.holds(t, "after another pack", 450*credit, 0)
	last := which(b.entries(t), isType(typeGrant))
	equal(t, "what the last grant has paid of the debt", last[len(last)-1].Grant.OwedPaid, 550*credit)
	b.settled(t)
}

func TestMoneyThatTheBankDecidesAbout(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	payment := b.buysPack(t, bigPack)
	spend(t, b.account, 300*credit)

	inquiry, err := processor.OpenDispute(payment, 0, true)
	must(t, err)
	must(t, processor.CloseDispute(inquiry, true))
	drained(t)
	b.holds(t, "after a question of the bank", 700*credit, 0)
	equal(t, "entries that take or give back", len(which(b.entries(t), isType("take_back", "give_back"))), 0)

	first, err := processor.OpenDispute(payment, 0, false)
	must(t, err)
	b.holds(t, "while the bank holds the money", 0, 300*credit)
	b.awaitBill(t, "purchase", "disputed")
	must(t, processor.CloseDispute(first, true))
	b.holds(t, "once it is won", 700*credit, 0)
	b.awaitBill(t, "purchase", billPaid)
	b.awaitBill(t, "refund", billVoid)

	// A debt that another pack has paid meanwhile comes back as credits.
	second, err := processor.OpenDispute(payment, bigCents/2, false)
	must(t, err)
	b.holds(t, "while the bank holds one half", 200*credit, 0)
	spend(t, b.account, 200*credit)
	third, err := processor.OpenDispute(payment, bigCents/2, false)
	must(t, err)
	b.holds(t, "while the bank holds the other half, too", 0, 500*credit)
	b.buysPack(t, smallPack)
	b.buysPack(t, bigPack)
	b.holds(t, "after two more packs", 600*credit, 0)
	must(t, processor.CloseDispute(third, true))
	b.holds(t, "once the second half is won", 1100*credit, 0)
	must(t, processor.CloseDispute(second, false))
	time.Sleep(300 * time.Millisecond)
	b.holds(t, "once the first half is lost", 1100*credit, 0)
	b.settled(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whoever has a bank pay is shown as somebody who will: unpaid first, and the credits come with the money.
func TestMoneyThatComesLaterGrantsLater(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	payment := paymentOf(t, b.pays(t, packWish(bigPack), stripe.CardAsync))
	b.awaitBill(t, "purchase", billPending)
	equal(t, "grants before the money has come", len(which(b.entries(t), isType(typeGrant))), 0)
	must(t, processor.Settle(payment, true))
	b.holds(t, "once the money has come", bigCredits, 0)
	line := b.awaitBill(t, "purchase", billPaid)
	if line.Amount != usd(bigCents) || line.Credits != bigCredits || line.Description != "Big" || line.ReceiptURL == nil {
		t.Errorf("the purchase stands in the history as %+v", line)
	}
	b.settled(t)
}

// notice is a body of a webhook.
func notice(id, kind, objectKind, object string) string {
	text, err := json.Marshal(body{
		"id": id, "object": "event", "type": kind, "api_version": stripe.APIVersion, "created": time.Now().Unix(), "livemode": false,
		"data": body{"object": body{"id": object, "object": objectKind}},
	})
	if err != nil {
		panic(err) // texts and numbers always have a JSON form
	}
	return string(text)
}

// signed is a webhook as the processor sends it: what is signed is the time, a full stop and the body.
func signed(text, secret string, at time.Time) request {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), text)
	header := fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
	return request{route: httpapi.StripeWebhook, body: text, header: http.Header{"Stripe-Signature": {header}}}
}

func TestMoneyNewsThatAreForgedStaleOrTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	payment := b.buysPack(t, smallPack)
	seq := walletOf(t, b.account).Seq
	anybody := client{t, ""}
	now := time.Now()
	text := notice("evt_forged", "payment_intent.succeeded", "payment_intent", payment)
	for name, r := range map[string]request{
		"of another's secret":        signed(text, webhookSecret+"x", now),
		"of no secret":               signed(text, "", now),
		"six minutes old":            signed(text, webhookSecret, now.Add(-6*time.Minute)),
		"signed for another body":    {route: httpapi.StripeWebhook, body: text + " ", header: signed(text, webhookSecret, now).header},
		"not signed":                 {route: httpapi.StripeWebhook, body: text},
		"with a header of anything":  {route: httpapi.StripeWebhook, body: text, header: http.Header{"Stripe-Signature": {"t=1,v1=zz"}}},
		"signed by an older scheme":  {route: httpapi.StripeWebhook, body: text, header: http.Header{"Stripe-Signature": {strings.Replace(signed(text, webhookSecret, now).header.Get("Stripe-Signature"), "v1=", "v0=", 1)}}},
		"with a time that is no one": {route: httpapi.StripeWebhook, body: text, header: http.Header{"Stripe-Signature": {"t=now,v1=" + strings.Repeat("0", 64)}}},
	} {
		t.Run(name, func(t *testing.T) {
			told := refused(t, client{t, ""}.call(r), http.StatusBadRequest, "invalid-signature")
			if strings.Contains(told.Detail, webhookSecret) {
				t.Errorf("the answer gives the secret away: %s", told.Detail)
			}
		})
	}
	const limit = 256 << 10
	padded := text + strings.Repeat(" ", limit+1-len(text))
	refused(t, anybody.call(signed(padded, webhookSecret, now)), http.StatusRequestEntityTooLarge, "payload-too-large")
	refused(t, anybody.call(signed("[]", webhookSecret, now)), http.StatusUnprocessableEntity, "invalid-request")
	refused(t, anybody.call(signed("no JSON", webhookSecret, now)), http.StatusUnprocessableEntity, "invalid-request")

	// What is rightly signed is taken, again and again, and so is what the platform does not know.
	type received struct{ Received bool }
	for _, text := range []string{
		text, text, text[:len(text)-1] + strings.Repeat(" ", limit-len(text)) + "}",
		notice("evt_"+rand.Text(), "payment_intent.succeeded", "payment_intent", payment),
		notice("evt_"+rand.Text(), "radar.early_fraud_warning.created", "radar.early_fraud_warning", "issfr_1"),
		notice("evt_"+rand.Text(), "an.event.of.tomorrow", "a.new.thing", "new_1"),
	} {
		if !read[received](t, anybody.call(signed(text, webhookSecret, time.Now())), http.StatusOK).Received {
			t.Error("the answer does not say that it was received")
		}
	}
	time.Sleep(500 * time.Millisecond)
	equal(t, "the seq after all of it", walletOf(t, b.account).Seq, seq)
	b.settled(t)
}
