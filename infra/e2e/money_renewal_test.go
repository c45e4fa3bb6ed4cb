package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
	"drawdown/shared/stripepay"
)

// periods asserts that an account has got each of its periods once, one after the other, and is how many there are.
func (b *buyer) periods(t *testing.T) int {
	t.Helper()
	renewals := which(b.entries(t), isType(typeRenewal))
	for i, e := range renewals {
		if i > 0 && !e.Renewal.PeriodStart.Equal(renewals[i-1].Renewal.PeriodEnd) {
			t.Errorf("%s: a period from %v follows one that ends %v", b.account, e.Renewal.PeriodStart, renewals[i-1].Renewal.PeriodEnd)
		}
	}
	return len(renewals)
}

// from is what an account has of a source.
func (b *buyer) from(t *testing.T, source string) credits {
	t.Helper()
	var sum credits
	for _, g := range walletOf(t, b.account).Grants {
		if g.Source == source {
			sum += g.Remaining
		}
	}
	return sum
}

// advanceTo puts the processor's clock to an instant, and lets it do what comes due.
func advanceTo(t *testing.T, at time.Time) {
	t.Helper()
	processor.Advance(at.Sub(processor.Now()))
	drained(t)
}

// invoiceTime is how long an invoice that begins a period waits before it is collected, and some more.
const invoiceTime = 90 * time.Minute

// renewed are the accounts of the test of renewals, by what becomes of them.
type renewed struct {
	kept, over, upgraded, waiting, canceled, resumed, downgraded, late, lost *buyer
}

// It runs alone: it puts the processor's clock forward, and lets it fail.
func TestMoneyPaidPlansAreRenewedOncePerPeriod(t *testing.T) {
	t.Cleanup(processor.Heal)
	t.Cleanup(func() { processor.Duplicate(1) })
	onSale(t)
	processor.Duplicate(3)
	r := &renewed{}
	inParallel(t, "first period", r.begin())
	first := *r.lost.subscription(t).PeriodEnd
	if latest := *r.kept.subscription(t).PeriodEnd; latest.After(first) {
		first = latest
	}

	// The next period has begun, and its invoices are not paid yet.
	advanceTo(t, first.Add(time.Minute))
	r.upgradeTooEarly(t)
	fire(t, renewPlans, 2)
	advanceTo(t, first.Add(invoiceTime))
	fire(t, renewPlans, 2)
	inParallel(t, "second period", r.second())

	advanceTo(t, first.AddDate(0, 1, 0).Add(5*time.Minute))
	advanceTo(t, first.AddDate(0, 1, 0).Add(24*time.Hour))
	fire(t, renewPlans, 2)
	inParallel(t, "third period", r.third())
}

func (r *renewed) begin() map[string]func(t *testing.T) {
	return map[string]func(t *testing.T){
		"kept": func(t *testing.T) {
			r.kept = openBuyer(t)
			r.kept.subscribes(t, basicPlan)
			r.kept.buysPack(t, bigPack)
			spend(t, r.kept.account, 30*credit)
			r.kept.holds(t, "of the first period and the pack", 1070*credit, 0)
			equal(t, "what is left of the pack", r.kept.from(t, "purchase"), bigCredits)
		},
		"over": func(t *testing.T) {
			r.over = openBuyer(t)
			r.over.subscribes(t, basicPlan)
			spend(t, r.over.account, 130*credit)
			s := r.over.subscription(t)
			if s.OverageUsed != 30*credit || s.OveragePrice == nil || *s.OveragePrice != usd(30*overageCents) || s.IncludedRemaining != 0 {
				t.Errorf("beyond its credits the subscription is %s", asJSON(t, s))
			}
			short := refused(t, admin(t).call(debit(r.over.account, "too-much", use("unit", 31*credit))), http.StatusPaymentRequired, "insufficient-credits")
			equal(t, "the shortfall beyond the overage's limit", short.Shortfall, credit)
		},
		"upgraded": func(t *testing.T) {
			r.upgraded, r.waiting = openBuyer(t), openBuyer(t)
			r.upgraded.subscribes(t, basicPlan)
			r.waiting.subscribes(t, basicPlan)
		},
		"canceled": func(t *testing.T) {
			r.canceled = openBuyer(t)
			r.canceled.subscribes(t, basicPlan)
			r.canceled.buysPack(t, smallPack)
			for _, step := range []httpapi.Route{httpapi.CancelSubscription, httpapi.CancelSubscription, httpapi.ResumeSubscription, httpapi.CancelSubscription} {
				ends := step == httpapi.CancelSubscription
				s := r.canceled.step(t, step)
				if s.CancelAtPeriodEnd != ends || (s.RenewsAt == nil) != ends {
					t.Errorf("after %s it is %s", step.Key(), asJSON(t, s))
				}
			}
			a := admin(t).call(checkout(r.canceled.account, rand.Text(), planWish(plusPlan)))
			refused(t, a, http.StatusConflict, "plan-change-not-possible")
		},
		"resumed": func(t *testing.T) {
			r.resumed = openBuyer(t)
			r.resumed.subscribes(t, basicPlan)
			r.resumed.step(t, httpapi.CancelSubscription)
			r.resumed.step(t, httpapi.ResumeSubscription)
			r.resumed.awaitSubscription(t, func(s subscriptionBody) bool { return !s.CancelAtPeriodEnd && s.RenewsAt != nil })
		},
		"downgraded": func(t *testing.T) {
			r.downgraded = openBuyer(t)
			r.downgraded.subscribes(t, plusPlan)
			read[urlBody](t, admin(t).call(checkout(r.downgraded.account, rand.Text(), planWish(basicPlan))), http.StatusCreated)
			s := r.downgraded.awaitSubscription(t, func(s subscriptionBody) bool { return s.NextPlanID != nil })
			if *s.NextPlanID != basicPlan || s.Plan.ID != plusPlan {
				t.Errorf("before the period's end it is %s", asJSON(t, s))
			}
			r.downgraded.holds(t, "of the larger plan until then", plusCredits, 0)
			equal(t, "invoices", len(r.downgraded.invoices(t)), 1)
		},
		"unpaid": func(t *testing.T) {
			r.late, r.lost = openBuyer(t), openBuyer(t)
			for _, b := range []*buyer{r.late, r.lost} {
				b.subscribes(t, basicPlan)
				must(t, processor.SetCard(b.customer, stripe.CardDeclinedLater))
			}
		},
	}
}

// upgradeTooEarly changes to a larger plan in a period that is not paid for yet: here that is refused for now. At the
// processor the operator may do so all the same, and then it comes true once the period is paid for.
func (r *renewed) upgradeTooEarly(t *testing.T) {
	t.Helper()
	s := r.waiting.awaitSubscription(t, func(s subscriptionBody) bool { return s.PeriodStart.After(time.Now().Add(24 * time.Hour)) })
	a := admin(t).call(checkout(r.waiting.account, rand.Text(), planWish(plusPlan)))
	refused(t, a, http.StatusConflict, "plan-change-not-possible")
	equal(t, "the plan after a refusal", asJSON(t, r.waiting.subscription(t)), asJSON(t, s))

	type priced struct{ ID string }
	prices := atProcessor[listOf[priced]](t, "/v1/prices", url.Values{"product": {stripepay.ProductID("plan", plusPlan)}, "active": {"true"}})
	running := atProcessor[listOf[struct {
		ID    string
		Items listOf[priced]
	}]](t, "/v1/subscriptions", url.Values{"customer": {r.waiting.customer}}).Data[0]
	tellProcessor(t, "/v1/subscriptions/"+running.ID, url.Values{
		"items[0][id]": {running.Items.Data[0].ID}, "items[0][price]": {prices.Data[0].ID}, "proration_behavior": {"always_invoice"},
	})
	drained(t)
}

func (r *renewed) second() map[string]func(t *testing.T) {
	twice := func(t *testing.T, b *buyer) {
		t.Helper()
		await(t, "the second period", func() (bool, any) { n := b.periods(t); return n >= 2, n })
		equal(t, "periods of "+b.account, b.periods(t), 2)
	}
	return map[string]func(t *testing.T){
		"kept": func(t *testing.T) {
			twice(t, r.kept)
			r.kept.holds(t, "of the second period, the pack and what was carried over", 1000*credit+basicCredits+basicRollover, 0)
			equal(t, "what is left of the pack", r.kept.from(t, "purchase"), bigCredits)
			renewals := which(r.kept.entries(t), isType(typeRenewal))
			equal(t, "carried over", renewals[1].Renewal.CarriedOver, basicRollover)
		},
		"over": func(t *testing.T) { twice(t, r.over); r.billed(t) },
		"upgraded": func(t *testing.T) {
			twice(t, r.upgraded)
			read[urlBody](t, admin(t).call(checkout(r.upgraded.account, rand.Text(), planWish(plusPlan))), http.StatusCreated)
			changes := r.upgraded.awaitEntries(t, "the change of plan", 1, isType(typePlanChange))
			equal(t, "the plan after the change", r.upgraded.subscription(t).Plan.ID, plusPlan)
			if more := plusCredits - basicCredits; changes[0].Credits < more*9/10 || changes[0].Credits > more {
				t.Errorf("a change at the period's beginning grants %s of %s", changes[0].Credits, more)
			}
		},
		"upgraded before it was paid": func(t *testing.T) {
			twice(t, r.waiting)
			s := r.waiting.awaitSubscription(t, func(s subscriptionBody) bool { return s.Plan != nil && s.Plan.ID == plusPlan })
			if least := plusCredits * 9 / 10; s.IncludedRemaining < least {
				t.Errorf("of the larger plan there are %s, want %s at least", s.IncludedRemaining, least)
			}
		},
		"canceled": func(t *testing.T) {
			r.canceled.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "ended" })
			r.canceled.awaitEntries(t, "the plan's end", 1, isType(typePlanEnd))
			equal(t, "periods", r.canceled.periods(t), 1)
			r.canceled.holds(t, "of the pack alone", smallCredits, 0)
		},
		"resumed": func(t *testing.T) {
			twice(t, r.resumed)
			r.resumed.holds(t, "of the second period and what was carried over", basicCredits+basicRollover, 0)
		},
		"downgraded": func(t *testing.T) {
			twice(t, r.downgraded)
			s := r.downgraded.subscription(t)
			if s.Plan.ID != basicPlan || s.NextPlanID != nil || s.IncludedRemaining != basicCredits {
				t.Errorf("after the period's end it is %s", asJSON(t, s))
			}
			equal(t, "the invoice of the smaller plan", r.downgraded.invoices(t)[0].Total, basicCents)
		},
		"late": func(t *testing.T) {
			s := r.late.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "past_due" && s.PayURL != nil })
			equal(t, "periods while the second is not paid", r.late.periods(t), 1)
			r.late.holds(t, "of the first period", basicCredits, 0)
			a := admin(t).call(checkout(r.late.account, rand.Text(), planWish(plusPlan)))
			refused(t, a, http.StatusConflict, "plan-change-not-possible")
			invoice := r.late.invoices(t)[0]
			equal(t, "where it can be paid", *s.PayURL, processor.URL()+"/invoice/"+invoice.ID)
			must(t, processor.PayInvoice(invoice.ID, stripe.CardWorks))
			twice(t, r.late)
			r.late.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "active" && s.PayURL == nil })
		},
	}
}

// billed sees that overage is billed once, though the processor fails in between and the schedule runs at any time.
func (r *renewed) billed(t *testing.T) {
	t.Helper()
	closed := which(r.over.entries(t), isType(typeRenewal))[1].Renewal.Overage
	if closed == nil || closed.Credits != 30*credit || closed.Price == nil || *closed.Price != usd(30*overageCents) {
		t.Fatalf("the renewal closes the overage %s", asJSON(t, closed))
	}
	overages := func() []invoiceBody {
		return slices.DeleteFunc(r.over.invoices(t), func(i invoiceBody) bool { return i.Metadata["bill_id"] == "" })
	}
	for _, path := range []string{"/v1/invoices", "/v1/invoiceitems"} {
		for _, after := range []bool{false, true} {
			processor.Fail(stripe.Fault{Method: http.MethodPost, Path: path, Times: 3, After: after, Status: http.StatusServiceUnavailable})
			fire(t, renewPlans, 2)
			time.Sleep(200 * time.Millisecond)
		}
	}
	time.Sleep(time.Second)
	processor.Heal()
	await(t, "the invoice of the overage", func() (bool, any) {
		fire(t, renewPlans, 2)
		time.Sleep(300 * time.Millisecond)
		all := overages()
		return len(all) > 0 && all[0].Status == "paid", all
	})
	fire(t, renewPlans, 3)
	time.Sleep(time.Second)
	all := overages()
	if len(all) != 1 || all[0].Total != 30*overageCents {
		t.Errorf("the invoices of 30 credits at %d are %+v", overageCents, all)
	}
	line := r.over.awaitBill(t, "overage", billPaid)
	if line.Amount != usd(30*overageCents) || line.Credits != 30*credit || line.ReceiptURL == nil {
		t.Errorf("the overage stands in the history as %+v", line)
	}
	r.over.holds(t, "of the second period", basicCredits, 0)
}

func (r *renewed) third() map[string]func(t *testing.T) {
	parts := map[string]func(t *testing.T){
		"lost": func(t *testing.T) {
			r.lost.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "ended" })
			r.lost.awaitEntries(t, "the plan's end", 1, isType(typePlanEnd))
			equal(t, "periods that were paid for", r.lost.periods(t), 1)
			r.lost.holds(t, "after the plan's end", 0, 0)
			r.lost.settled(t)
		},
		"canceled": func(t *testing.T) {
			r.canceled.holds(t, "of the pack alone", smallCredits, 0)
			equal(t, "invoices", len(ofSubscription(r.canceled.invoices(t))), 1)
			r.canceled.settled(t)
		},
	}
	for name, with := range map[string]struct {
		b         *buyer
		available credits
		plan      string
	}{
		"kept":       {r.kept, bigCredits + basicCredits + basicRollover, basicPlan},
		"over":       {r.over, basicCredits + basicRollover, basicPlan},
		"upgraded":   {r.upgraded, plusCredits, plusPlan},
		"waiting":    {r.waiting, plusCredits, plusPlan},
		"resumed":    {r.resumed, basicCredits + basicRollover, basicPlan},
		"downgraded": {r.downgraded, basicCredits + basicRollover, basicPlan},
	} {
		parts[name] = func(t *testing.T) {
			await(t, "the third period", func() (bool, any) { n := with.b.periods(t); return n >= 3, n })
			equal(t, "periods", with.b.periods(t), 3)
			with.b.holds(t, "of the third period", with.available, 0)
			s := with.b.subscription(t)
			if s.Status != "active" || s.Plan == nil || s.Plan.ID != with.plan {
				t.Errorf("in the third period the subscription is %s", asJSON(t, s))
			}
			paid := 0
			for _, line := range with.b.history(t) {
				if line.Kind == "plan" && line.State == billPaid {
					paid++
				}
			}
			equal(t, "periods paid in the history", paid, 3)
			with.b.settled(t)
		}
	}
	return parts
}

// ofSubscription are the invoices of a subscription.
func ofSubscription(all []invoiceBody) []invoiceBody {
	return slices.DeleteFunc(all, func(i invoiceBody) bool {
		return i.BillingReason != "subscription_create" && i.BillingReason != "subscription_cycle"
	})
}

// age makes the open period of a free yearly plan end one second after its beginning: nobody waits for a year.
func (b *buyer) age(t *testing.T) {
	t.Helper()
	const years = 4 // so that it works on a 29th of February, too
	key := stored{"pk": stringValue("A#" + b.account), "sk": stringValue("SUBSCRIPTION")}
	item := itemIn(t, "Accounts", key)
	end := time.UnixMilli(numberIn(item["ps"])).UTC().Add(time.Second)
	anchor := end.AddDate(-years, 0, 0)
	item["an"], item["ps"], item["pe"] = numberValue(anchor.UnixMilli()), numberValue(anchor.AddDate(years-1, 0, 0).UnixMilli()), numberValue(end.UnixMilli())
	item["dt"] = stringValue(end.Format("2006-01-02T15:04:05.000Z") + "#" + b.account + "#" + fmt.Sprint(end.Unix()))
	put(t, "Accounts", item)
	time.Sleep(time.Until(end) + 10*time.Millisecond)
}

func TestMoneyFreePlansAreRenewedOncePerPeriod(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	b.takesFree(t, freeYear)
	b.awaitEntries(t, "the first period", 1, isType(typeRenewal))
	b.buysPack(t, smallPack)
	spend(t, b.account, 20*credit)
	b.holds(t, "of the first period and the pack", 130*credit, 0)
	b.age(t)
	fire(t, renewPlans, 5)
	b.awaitEntries(t, "the periods", 2, isType(typeRenewal))
	time.Sleep(time.Second)
	fire(t, renewPlans, 2)
	time.Sleep(500 * time.Millisecond)
	equal(t, "periods", len(which(b.entries(t), isType(typeRenewal))), 2)
	b.holds(t, "of the second period and the pack", 150*credit, 0)
	equal(t, "what is left of the pack", b.from(t, "purchase"), smallCredits)
	s := b.subscription(t)
	if s.Status != "active" || s.PeriodEnd == nil || s.PeriodEnd.Before(time.Now().AddDate(0, 11, 0)) {
		t.Errorf("in the second period the subscription is %s", asJSON(t, s))
	}
	b.settled(t)
}

func TestMoneyFreePlansEndAndChangeWithTheirPeriod(t *testing.T) {
	t.Parallel()
	b := openBuyer(t)
	b.takesFree(t, freeYear)
	b.awaitEntries(t, "the first period", 1, isType(typeRenewal))
	equal(t, "it ends", b.step(t, httpapi.CancelSubscription).CancelAtPeriodEnd, true)
	equal(t, "it goes on", b.step(t, httpapi.ResumeSubscription).CancelAtPeriodEnd, false)
	equal(t, "it ends after all", b.step(t, httpapi.CancelSubscription).RenewsAt, nil)
	b.age(t)
	fire(t, renewPlans, 3)
	b.awaitSubscription(t, func(s subscriptionBody) bool { return s.Status == "ended" })
	b.awaitEntries(t, "the plan's end", 1, isType(typePlanEnd))
	b.holds(t, "after the plan's end", 0, 0)
	refused(t, admin(t).call(request{route: httpapi.ResumeSubscription, path: []string{b.account}}), http.StatusConflict, "no-subscription")

	// Whoever has had a free plan may have another one, or one that is paid for.
	b.takesFree(t, freePlan)
	b.holds(t, "of the next free plan", 50*credit, 0)
	b.pays(t, planWish(basicPlan), stripe.CardWorks)
	b.awaitSubscription(t, func(s subscriptionBody) bool { return s.Plan != nil && s.Plan.ID == basicPlan })
	b.holds(t, "of the paid plan alone", basicCredits, 0)
	b.settled(t)
}
