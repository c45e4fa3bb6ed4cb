package settlement_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/settlement"
)

const sub = "sub_1"

func invoiceMessage(id string) message     { return message{settlement.OfInvoice, id} }
func subscriptionMessage(s string) message { return message{settlement.OfSubscription, s} }

// planCredits is what the plan's grants hold.
func (w *world) planCredits() (sum credit.Amount) {
	for _, grant := range w.wallet().Grants {
		if grant.Source == ledger.FromPlan {
			sum += grant.Remaining
		}
	}
	return sum
}

// onPlan holds which subscription stands, has the open period and how much of it.
func (w *world) onPlan(subscription string, credits credit.Amount) {
	w.Helper()
	standing, err := w.store.Standing(w.ctx(), acme)
	w.must(err)
	plan := w.wallet().Plan
	if standing == nil || standing.ID != subscription || standing.Status == billing.SubscriptionEnded {
		w.Errorf("what stands is %+v, want %s", standing, subscription)
	}
	if plan == nil || plan.Subscription != subscription || w.planCredits() != credits {
		w.Errorf("the open plan is %+v with %s credits, want %s with %s", plan, w.planCredits(), subscription, credits)
	}
}

// onNoPlan holds that nothing of a plan is left.
func (w *world) onNoPlan() {
	w.Helper()
	if w.wallet().Plan != nil || w.planCredits() != 0 {
		w.Errorf("plan %+v is left with %s credits", w.wallet().Plan, w.planCredits())
	}
}

// once holds that no period was granted twice, nor a change.
func (w *world) once() {
	w.Helper()
	seen := map[ledger.OperationID]int{}
	for _, entry := range w.entries() {
		if seen[entry.Operation]++; seen[entry.Operation] > 1 {
			w.Errorf("operation %s has taken effect twice", entry.Operation)
		}
	}
}

// Messages of invoices and subscriptions in any order and number, side by side,
// while the subscription goes on: the end is the same as if they had come in order.
func TestSubscriptionsEndAsTheyAre(t *testing.T) {
	t.Parallel()
	var did census.Census
	for seed := range uint64(150) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 1))
		purchase := w.processor.buy(acme, smallPack, 500)
		messages := about(purchase)
		add := func(more ...message) { messages = append(messages, more...) }
		w.processor.subscribe(sub, "basic")
		add(subscriptionMessage(sub), message{settlement.OfSession, "cs_sub_1"}, invoiceMessage(w.processor.invoice(sub, billing.InvoiceOfStart)))
		want := 100 * one
		some := func() { // some of them come early
			for _, m := range shuffled(random, messages)[:random.IntN(len(messages))] {
				_ = w.Settle(w.ctx(), m.kind, m.id) // what arrives too early is retried
			}
		}
		some()
		if random.IntN(2) == 0 {
			w.pass(15 * day) // half of November's 30 days
			w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "pro" })
			add(invoiceMessage(w.processor.invoice(sub, billing.InvoiceOfChange)))
			want += 150 * one
			some()
		}
		if random.IntN(2) == 0 {
			plan := w.processor.subscriptions[sub].PlanID
			w.set(w.processor.subscriptions[sub].PeriodEnd.Add(time.Hour))
			add(invoiceMessage(w.processor.renew(sub)), subscriptionMessage(sub))
			want = w.store.plans[plan].IncludedCredits
			some()
		}
		ended := random.IntN(3) == 0
		if ended {
			w.processor.end()
			want = 0
			add(subscriptionMessage(sub))
		}
		w.queue(shuffled(random, messages), 1+random.IntN(5))
		w.once()
		if ended {
			w.onNoPlan()
		} else {
			w.onPlan(sub, want)
		}
		if got := w.available() - w.planCredits(); got != 50*one {
			t.Errorf("of the purchase %s are left", got)
		}
		if t.Failed() {
			t.Fatalf("seed %d: ended %t, want %s", seed, ended, want)
		}
		w.countEntries(&did)
	}
	did.Require(t, census.Floors{"entries of a grant": 150, "entries of a renewal": 90, "entries of a plan_change": 20, "entries of a plan_end": 20})
}

func started(t failer, plan string) *world {
	w := newWorld(t)
	w.processor.subscribe(sub, plan)
	w.processor.invoice(sub, billing.InvoiceOfStart)
	w.deliver(invoiceMessage("in_1"))
	w.faults.none()
	return w
}

// A crash anywhere in a start, a change and a renewal.
func TestInvoicesSurviveEveryCrash(t *testing.T) {
	t.Parallel()
	crashes(t, func() *world {
		w := newWorld(t)
		w.processor.subscribe(sub, "basic")
		w.processor.invoice(sub, billing.InvoiceOfStart)
		return w
	}, func(w *world) error {
		return w.Settle(w.ctx(), settlement.OfInvoice, "in_1")
	}, func(w *world, crash string) {
		w.deliver(invoiceMessage("in_1"))
		w.onPlan(sub, 100*one)
		if line := w.store.line("in_1"); line.State != billing.BillPaid || line.Description != "Basic" || line.Credits != 100*one {
			t.Errorf("its line is %+v", line)
		}
		if t.Failed() {
			t.Fatal(crash)
		}
	})
	crashes(t, func() *world {
		w := started(t, "basic")
		w.pass(15 * day)
		w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "pro" })
		w.processor.invoice(sub, billing.InvoiceOfChange)
		return w
	}, func(w *world) error {
		return w.Settle(w.ctx(), settlement.OfInvoice, "in_3")
	}, func(w *world, crash string) {
		w.deliver(invoiceMessage("in_3"), invoiceMessage("in_1"))
		w.onPlan(sub, 250*one)
		if t.Failed() {
			t.Fatal(crash)
		}
	})
}

// A change waits for its period, and is of no use once that is over; one that a
// larger change has overtaken does not put its plan back.
func TestAChangeInItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.processor.subscribe(sub, "basic")
	start := w.processor.invoice(sub, billing.InvoiceOfStart)
	w.pass(15 * day)
	w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "pro" })
	pro := w.processor.invoice(sub, billing.InvoiceOfChange)
	if err := w.Settle(w.ctx(), settlement.OfInvoice, pro); err == nil {
		t.Error("a change is settled before its period is open")
	}
	w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "max" })
	larger := w.processor.invoice(sub, billing.InvoiceOfChange)
	// By the catalog the period is opened as it was paid for, whatever the subscription is now.
	w.deliver(invoiceMessage(start), invoiceMessage(larger), invoiceMessage(pro))
	w.onPlan(sub, 500*one)
	if plan := w.wallet().Plan.Plan; plan != "max" {
		t.Errorf("the plan is %s, want max", plan)
	}
	w.set(w.processor.subscriptions[sub].PeriodEnd)
	w.deliver(invoiceMessage(w.processor.renew(sub)))
	w.deliver(invoiceMessage(pro))
	w.onPlan(sub, 900*one)
}

// A change to a smaller plan at the processor, for the next period, does not
// overtake the change to a larger one that was paid for.
func TestAPaidChangeIsNotOvertakenByASmallerPlan(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.pass(15 * day)
	w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "pro" })
	pro := w.processor.invoice(sub, billing.InvoiceOfChange)
	w.processor.change(func() { w.processor.subscriptions[sub].PlanID = "basic" })
	w.deliver(invoiceMessage(pro))
	w.onPlan(sub, 250*one)
	// If the smaller plan's period has begun since, the change is obsolete.
	late := started(t, "basic")
	late.pass(15 * day)
	late.processor.change(func() { late.processor.subscriptions[sub].PlanID = "pro" })
	pro = late.processor.invoice(sub, billing.InvoiceOfChange)
	late.processor.change(func() { late.processor.subscriptions[sub].PlanID = "basic" })
	late.set(late.processor.subscriptions[sub].PeriodEnd)
	late.deliver(invoiceMessage(late.processor.renew(sub)), invoiceMessage(pro))
	late.onPlan(sub, 100*one)
}

// A change to another interval begins a period.
func TestAChangeOfIntervalOpensAPeriod(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.pass(10 * day)
	w.processor.change(func() {
		s := w.processor.subscriptions[sub]
		s.PlanID, s.Anchor = "yearly", w.now()
		s.PeriodStart, s.PeriodEnd = billing.Period(w.now(), billing.Yearly, 0)
	})
	id := w.processor.invoice(sub, billing.InvoiceOfChange)
	w.processor.change(func() {
		i, s := w.processor.invoices[id], w.processor.subscriptions[sub]
		i.PeriodStart, i.PeriodEnd = s.PeriodStart, s.PeriodEnd
	})
	w.deliver(invoiceMessage(id), invoiceMessage("in_1"))
	w.onPlan(sub, 1200*one)
	w.processor.step(w.processor.invoices[id].Payment, 0, 500)
	w.deliver(invoiceMessage(id))
	w.onPlan(sub, 600*one)
}

// Refunds of invoices, and of those that have granted nothing.
func TestInvoicesAreTakenBack(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.spend(80)
	w.processor.step("pi_2", 0, 500)
	w.deliver(message{settlement.OfPayment, "pi_2"})
	if w.planCredits() != 0 || w.wallet().Owed != 30*one {
		t.Errorf("%s are left and %s owed, want 0 and 30", w.planCredits(), w.wallet().Owed)
	}
	if line := w.store.line("refund:pi_2"); line.Amount != usd(500) || line.Account != acme || line.Description != "Basic" {
		t.Errorf("its line is %+v", line)
	}
	bare := started(t, "bare")
	bare.processor.step("pi_2", 0, 1000)
	bare.deliver(message{settlement.OfPayment, "pi_2"})
	if line := bare.store.line("refund:pi_2"); line.Amount != usd(1000) || bare.wallet().Owed != 0 {
		t.Errorf("%s are owed, the line is %+v", bare.wallet().Owed, line)
	}
	// The period was over, or the subscription ended, before the invoice came.
	late := newWorld(t)
	late.processor.subscribe(sub, "basic")
	first := late.processor.invoice(sub, billing.InvoiceOfStart)
	late.set(late.processor.subscriptions[sub].PeriodEnd)
	late.deliver(invoiceMessage(late.processor.renew(sub)))
	late.processor.step(late.processor.invoices[first].Payment, 0, 1000)
	late.deliver(invoiceMessage(first))
	late.onPlan(sub, 100*one)
	late.processor.end()
	late.deliver(invoiceMessage(first), subscriptionMessage(sub), invoiceMessage(first))
	late.onNoPlan()
}

// A subscription ends at any step of an invoice that is being settled.
func TestAnEndBesideAnInvoice(t *testing.T) {
	t.Parallel()
	invoice := func(id string) func(*world) error {
		return func(w *world) error { return w.Settle(w.ctx(), settlement.OfInvoice, id) }
	}
	end := func(w *world) error {
		w.processor.end()
		return w.Settle(w.ctx(), settlement.OfSubscription, sub)
	}
	for _, renewed := range []bool{false, true} {
		build := func() *world {
			w := started(t, "basic")
			if renewed {
				w.set(w.processor.subscriptions[sub].PeriodEnd)
				w.processor.renew(sub)
			} else {
				w = newWorld(t)
				w.processor.subscribe(sub, "basic")
				w.processor.invoice(sub, billing.InvoiceOfStart)
			}
			w.faults.none()
			return w
		}
		id := "in_1"
		if renewed {
			id = "in_3"
		}
		interleaved(t, build, invoice(id), end, func(w *world, place string) {
			w.deliver(invoiceMessage(id), subscriptionMessage(sub))
			w.onNoPlan()
			if t.Failed() {
				t.Fatalf("renewed %t, %s", renewed, place)
			}
		})
	}
}

// The end comes twice where a period is opened after the first: each time what is
// open ends.
func TestAPlanEndsAsOftenAsItIsOpen(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.processor.end()
	w.deliver(subscriptionMessage(sub))
	w.onNoPlan()
	next := w.wallet().LastAt.Add(30 * day)
	plan, action := w.store.plans["basic"], ledger.PeriodOperation(sub, next)
	w.must(w.committer.Do(w.ctx(), acme, ledger.Command{Operation: action, Action: settlement.OpenPeriod(sub, plan, next, next.Add(30*day), "")}).Err)
	w.deliver(subscriptionMessage(sub))
	w.onNoPlan()
}

// An invoice that was paid and grants nothing is reported, until its money is
// given back; one that has granted what it paid for is not.
func TestWhatIsPaidForNothingIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before bool // the invoice is settled before the end
		want   []string
	}{
		"granted": {true, nil}, "not granted": {false, []string{"acme in_1"}},
	} {
		w := newWorld(t)
		var told []string
		w.OnPaidForNothing = func(_ context.Context, account, invoice string) { told = append(told, account+" "+invoice) }
		w.processor.subscribe(sub, "basic")
		w.processor.invoice(sub, billing.InvoiceOfStart)
		if c.before {
			w.deliver(invoiceMessage("in_1"))
		}
		w.processor.end()
		w.deliver(invoiceMessage("in_1"), subscriptionMessage(sub))
		w.onNoPlan()
		if !slices.Equal(told, c.want) {
			t.Errorf("%s: told of %q", name, told)
		}
		w.processor.step("pi_2", 0, 1000)
		told = nil
		w.deliver(message{settlement.OfPayment, "pi_2"})
		if len(told) > 0 {
			t.Errorf("%s: told of %q, whose money is back", name, told)
		}
	}
}

// Two subscriptions at once: the newer one is kept and has its credits, wherever
// the two calls interleave; the older one is not renewed.
func TestTwoSubscriptions(t *testing.T) {
	t.Parallel()
	const newer = "sub_2"
	build := func() *world {
		w := newWorld(t)
		w.processor.subscribe(sub, "basic")
		w.processor.invoice(sub, billing.InvoiceOfStart) // in_1
		w.processor.subscribe(newer, "pro")              // in the same second
		w.processor.invoice(newer, billing.InvoiceOfStart)
		return w
	}
	settle := func(id string) func(*world) error {
		return func(w *world) error { return w.Settle(w.ctx(), settlement.OfInvoice, id) }
	}
	check := func(w *world, place string) {
		w.onPlan(newer, 400*one) // without another message
		w.deliver(invoiceMessage("in_1"), subscriptionMessage(sub), invoiceMessage("in_3"), subscriptionMessage(newer), invoiceMessage("in_1"))
		w.onPlan(newer, 400*one)
		if !w.processor.subscriptions[sub].CancelAtPeriodEnd || w.processor.subscriptions[newer].CancelAtPeriodEnd || w.warned.Load() == 0 {
			t.Errorf("the older one is %+v, the newer one %+v", w.processor.subscriptions[sub], w.processor.subscriptions[newer])
		}
		w.set(w.processor.subscriptions[sub].PeriodEnd)
		w.processor.end()
		w.deliver(invoiceMessage(w.processor.renew(newer)), subscriptionMessage(sub))
		w.onPlan(newer, 400*one)
		if t.Failed() {
			t.Fatal(place)
		}
	}
	interleaved(t, build, settle("in_1"), settle("in_3"), check)
	interleaved(t, build, settle("in_3"), settle("in_1"), check)
}

// A subscription whose first payment is missing replaces nothing, and is replaced
// by any that runs, which is not canceled for it.
func TestAnIncompleteSubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.processor.subscribe(sub, "basic")
	first := w.processor.invoice(sub, billing.InvoiceOfStart)
	w.pass(time.Minute)
	w.processor.subscribe("sub_2", "pro")
	w.processor.subscriptions["sub_2"].Status = billing.SubscriptionIncomplete
	w.deliver(subscriptionMessage("sub_2"), invoiceMessage(first), subscriptionMessage("sub_2"))
	w.onPlan(sub, 100*one)
	if w.processor.canceled != 0 {
		t.Error("a subscription that is paid was canceled for one that is not")
	}
}

// If an invoice could not be collected, the standing has where to pay it, until it is
// paid.
func TestAnUnpaidInvoiceCanBePaid(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.set(w.processor.subscriptions[sub].PeriodEnd)
	id := w.processor.renew(sub)
	w.processor.change(func() {
		i := w.processor.invoices[id]
		i.Status, i.Attempted, i.HostedURL = billing.InvoiceOpen, true, "https://pay.example.com/1"
		w.processor.subscriptions[sub].Status = billing.SubscriptionPastDue
	})
	w.deliver(invoiceMessage(id), subscriptionMessage(sub))
	standing, err := w.store.Standing(w.ctx(), acme)
	w.must(err)
	if standing.PayURL != "https://pay.example.com/1" || standing.InvoiceID != id || w.store.line(id).State != billing.BillFailed {
		t.Errorf("what stands is %+v, the line %+v", standing, w.store.line(id))
	}
	w.processor.change(func() { w.processor.invoices[id].Status = billing.InvoiceVoid })
	w.deliver(invoiceMessage(id))
	if standing := w.store.standings[acme]; standing.PayURL != "" || standing.InvoiceID != "" {
		t.Errorf("the invoice is given up, and what stands is %+v", standing)
	}
	w.processor.change(func() {
		w.processor.invoices[id].Status, w.processor.invoices[id].Attempted = billing.InvoicePaid, false
		w.processor.subscriptions[sub].Status = billing.SubscriptionActive
	})
	w.deliver(invoiceMessage(id))
	standing, err = w.store.Standing(w.ctx(), acme)
	w.must(err)
	if standing.PayURL != "" || standing.InvoiceID != "" {
		t.Errorf("what stands is %+v", standing)
	}
	w.onPlan(sub, 100*one)
}

// The history and the standing never follow an older reading.
func TestNoOldReadingOfASubscriptionWins(t *testing.T) {
	t.Parallel()
	statuses := []billing.SubscriptionStatus{billing.SubscriptionActive, billing.SubscriptionPastDue}
	for i, was := range statuses {
		is := statuses[1-i]
		for _, stored := range statuses {
			interleaved(t, func() *world {
				w := started(t, "basic")
				w.processor.subscriptions[sub].Status = stored
				w.deliver(subscriptionMessage(sub))
				w.processor.subscriptions[sub].Status = was
				w.faults.none()
				return w
			}, func(w *world) error {
				return w.Settle(w.ctx(), settlement.OfSubscription, sub)
			}, func(w *world) error {
				w.processor.change(func() { w.processor.subscriptions[sub].Status = is })
				return w.Settle(w.ctx(), settlement.OfSubscription, sub)
			}, func(w *world, place string) {
				if got := w.store.standings[acme].Status; got != is {
					t.Fatalf("stored %s, read %s, then %s: %s stands; %s", stored, was, is, got, place)
				}
			})
		}
	}
	interleaved(t, func() *world {
		w := newWorld(t)
		w.processor.subscribe(sub, "basic")
		w.processor.invoice(sub, billing.InvoiceOfStart)
		w.processor.invoices["in_1"].Status = billing.InvoiceOpen
		return w
	}, func(w *world) error {
		return w.Settle(w.ctx(), settlement.OfInvoice, "in_1")
	}, func(w *world) error {
		w.processor.change(func() { w.processor.invoices["in_1"].Status = billing.InvoicePaid })
		return w.Settle(w.ctx(), settlement.OfInvoice, "in_1")
	}, func(w *world, place string) {
		if got := w.store.line("in_1").State; got != billing.BillPaid {
			t.Fatalf("the line says %s; %s", got, place)
		}
		w.onPlan(sub, 100*one)
	})
}
