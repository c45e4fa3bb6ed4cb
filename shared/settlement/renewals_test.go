package settlement_test

import (
	"sync"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
	"drawdown/shared/settlement"
)

// begun has just chosen a free plan: its standing is in no period yet, and due.
func begun(t failer, anchor time.Time, plan string) *world {
	w := newWorld(t)
	w.set(anchor)
	_, err := w.store.SaveStanding(w.ctx(), billing.Standing{Subscription: billing.Subscription{
		ID: billing.FreeID(acme, anchor), Account: acme, PlanID: plan, Status: billing.SubscriptionActive,
		Anchor: anchor, PeriodStart: anchor, PeriodEnd: anchor,
	}}, anchor)
	w.must(err)
	w.faults.none()
	return w
}

// onFree is in the first period of a free plan.
func onFree(t failer, anchor time.Time, plan string) *world {
	w := begun(t, anchor, plan)
	w.must(w.Renew(w.ctx(), acme))
	w.faults.none()
	return w
}

// The first period is opened once, whatever crashes.
func TestAFreePlanBegins(t *testing.T) {
	t.Parallel()
	renew := func(w *world) error { return w.Renew(w.ctx(), acme) }
	check := func(w *world, place string) {
		w.must(renew(w))
		w.once()
		w.onPlan(billing.FreeID(acme, noon), 10*one)
		if got := w.periods(); len(got) != 1 || !got[0].Equal(noon) || !w.store.due[acme].Equal(noon.AddDate(0, 1, 0)) {
			t.Fatalf("the periods are %v, due at %s; %s", got, w.store.due[acme], place)
		}
	}
	build := func() *world { return begun(t, noon, "free") }
	crashes(t, build, renew, check)
	interleaved(t, build, renew, renew, check)
}

func (w *world) periods() (starts []time.Time) {
	for _, entry := range w.entries() {
		if renewal := ledger.DetailOf[*ledger.Renewal](&entry); renewal != nil {
			starts = append(starts, renewal.State.Start)
		}
	}
	return starts
}

// Months of 28 to 31 days, counted from the 31st; each period once, run twice.
func TestFreePeriods(t *testing.T) {
	t.Parallel()
	anchor := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	w := onFree(t, anchor, "free")
	for month := 1; month <= 26; month++ {
		_, due := billing.Period(anchor, billing.Monthly, month-1)
		w.set(due.Add(-time.Second))
		w.must(w.Renew(w.ctx(), acme))
		if got := len(w.periods()); got != month {
			t.Fatalf("%d periods a second before the end of the %dth", got, month)
		}
		w.set(due)
		w.spend(int64(month % 10))
		w.must(w.Renew(w.ctx(), acme))
		w.must(w.Renew(w.ctx(), acme))
		w.onPlan(billing.FreeID(acme, anchor), 10*one)
		if got := w.periods()[month]; !got.Equal(due) || !w.store.due[acme].After(due) {
			t.Fatalf("period %d begins at %s, want %s; looked at again at %s", month, got, due, w.store.due[acme])
		}
	}
	w.once()
}

// Late by three periods: each of them once, whatever crashes, and side by side.
func TestLateFreePeriods(t *testing.T) {
	t.Parallel()
	build := func() *world {
		w := onFree(t, noon, "free")
		w.set(noon.AddDate(0, 3, 1))
		return w
	}
	check := func(w *world, place string) {
		w.must(w.Renew(w.ctx(), acme))
		w.once()
		w.onPlan(billing.FreeID(acme, noon), 10*one)
		if got := w.periods(); len(got) != 4 || !w.store.due[acme].Equal(noon.AddDate(0, 4, 0)) {
			t.Errorf("the periods are %v, due at %s", got, w.store.due[acme])
		}
		if t.Failed() {
			t.Fatal(place)
		}
	}
	renew := func(w *world) error { return w.Renew(w.ctx(), acme) }
	crashes(t, build, renew, check)
	interleaved(t, build, renew, renew, check)
	w := build()
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _ = renew(w) })
	}
	group.Wait()
	check(w, "in parallel")
}

// A crash at any step leaves the standing due.
func TestACrashedRenewalIsDueAgain(t *testing.T) {
	t.Parallel()
	crashes(t, func() *world {
		w := onFree(t, noon, "free")
		w.set(noon.AddDate(0, 1, 0))
		return w
	}, func(w *world) error { return w.Renew(w.ctx(), acme) }, func(w *world, crash string) {
		if due := w.store.due[acme]; due.After(w.now()) && len(w.periods()) != 2 {
			t.Fatalf("%d periods are open, and it is due at %s only; %s", len(w.periods()), due, crash)
		}
	})
}

// A plan is bought at any step of a renewal of the free one, and the other way
// round: what was paid for is what the account has.
func TestARenewalBesideAPurchaseOfAPlan(t *testing.T) {
	t.Parallel()
	build := func() *world {
		w := onFree(t, noon, "free")
		w.set(noon.AddDate(0, 3, 1))
		w.processor.subscribe(sub, "basic")
		w.processor.invoice(sub, billing.InvoiceOfStart)
		return w
	}
	renew := func(w *world) error { return w.Renew(w.ctx(), acme) }
	buy := func(w *world) error { return w.Settle(w.ctx(), settlement.OfInvoice, "in_1") }
	check := func(w *world, place string) {
		w.deliver(invoiceMessage("in_1"))
		w.must(w.Renew(w.ctx(), acme))
		w.once()
		w.onPlan(sub, 100*one)
		if t.Failed() {
			t.Fatal(place)
		}
	}
	interleaved(t, build, renew, buy, check)
	interleaved(t, build, buy, renew, check)
}

// The plan of the next period, and an end with the period.
func TestWhatComesOfAFreePlan(t *testing.T) {
	t.Parallel()
	id := billing.FreeID(acme, noon)
	w := onFree(t, noon, "free")
	w.store.plans["freer"] = billing.Plan{ID: "freer", Interval: billing.Monthly, IncludedCredits: 20 * one}
	standing := w.store.standings[acme]
	standing.NextPlan = "freer"
	w.store.standings[acme] = standing
	w.set(noon.AddDate(0, 1, 0))
	w.must(w.Renew(w.ctx(), acme))
	w.onPlan(id, 20*one)
	crashes(t, func() *world {
		w := onFree(t, noon, "free")
		standing := w.store.standings[acme]
		standing.CancelAtPeriodEnd = true
		w.store.standings[acme] = standing
		w.must(w.Renew(w.ctx(), acme))
		w.onPlan(id, 10*one)
		w.set(noon.AddDate(0, 1, 0))
		w.faults.none()
		return w
	}, func(w *world) error { return w.Renew(w.ctx(), acme) }, func(w *world, crash string) {
		w.must(w.Renew(w.ctx(), acme))
		w.onNoPlan()
		if standing := w.store.standings[acme]; standing.Status != billing.SubscriptionEnded || !w.store.due[acme].IsZero() {
			t.Fatalf("what stands is %+v, due at %s; %s", standing, w.store.due[acme], crash)
		}
	})
}

// A paid subscription that the calendar asks about is not asked about at once again.
func TestALatePaidPeriod(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.set(w.store.due[acme])
	w.must(w.Renew(w.ctx(), acme))
	if due := w.store.due[acme]; !due.After(w.now().Add(time.Hour)) {
		t.Errorf("at %s it is due at %s again", w.now(), due)
	}
	w.processor.end()
	w.must(w.Renew(w.ctx(), acme))
	w.onNoPlan()
	if due := w.store.due[acme]; !due.IsZero() {
		t.Errorf("a subscription that has ended is due at %s", due)
	}
}

// Notices are lost for good, all or those of the invoice, and the calendar crashes
// anywhere, or meets one that comes late: the paid period is opened, once, and soon
// after it should have been.
func TestTheCalendarMendsLostNotices(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} { // of the subscription
		build := func() *world {
			w := started(t, "basic")
			w.set(w.store.due[acme])
			w.must(w.Renew(w.ctx(), acme))
			w.set(w.processor.subscriptions[sub].PeriodEnd)
			w.processor.renew(sub)
			if told {
				w.deliver(subscriptionMessage(sub))
			}
			if due, want := w.store.due[acme], w.now().Add(billing.Grace); !due.Equal(want) {
				t.Fatalf("told %t: due at %s, want %s", told, due, want)
			}
			w.set(w.store.due[acme])
			w.faults.none()
			return w
		}
		renew := func(w *world) error { return w.Renew(w.ctx(), acme) }
		check := func(w *world, place string) {
			for range 3 { // days
				if !w.store.due[acme].After(w.now()) {
					w.must(renew(w))
				}
				w.pass(day)
			}
			w.onPlan(sub, 100*one)
			w.once()
			end := w.processor.subscriptions[sub].PeriodEnd
			if due := w.store.due[acme]; len(w.periods()) != 2 || !due.Equal(end.Add(billing.Grace)) {
				t.Errorf("the periods are %v, due at %s", w.periods(), due)
			}
			if t.Failed() {
				t.Fatalf("told %t, %s", told, place)
			}
		}
		crashes(t, build, renew, check)
		interleaved(t, build, renew, func(w *world) error { return w.Settle(w.ctx(), settlement.OfInvoice, "in_3") }, check)
	}
}

// An invoice that cannot be settled does not keep the calendar from seeing an end.
func TestTheCalendarSeesAnEndBesideABrokenInvoice(t *testing.T) {
	t.Parallel()
	w := started(t, "basic")
	w.processor.change(func() { w.processor.subscriptions[sub].LatestInvoice = "in_none" })
	w.processor.end()
	if err := w.Renew(w.ctx(), acme); err == nil {
		t.Error("an invoice that cannot be read is no error")
	}
	w.onNoPlan()
}

func TestExpire(t *testing.T) {
	t.Parallel()
	w := onFree(t, noon, "free")
	w.must(w.Expire(w.ctx(), acme))
	before := len(w.entries())
	w.set(noon.AddDate(0, 1, 0).Add(billing.Grace))
	w.must(w.Expire(w.ctx(), acme))
	w.must(w.Expire(w.ctx(), acme))
	w.must(w.Expire(w.ctx(), "nobody"))
	if got := len(w.entries()); got != before+1 || len(w.wallet().Grants) != 0 {
		t.Errorf("%d entries, want one more than %d", got, before)
	}
}

// A plan that allows no overage itself prices that of an account which allows it.
func TestThePlanPricesTheAccountsOwnOverage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *ledger.Settings) { s.Overage = &ledger.Overage{Policy: ledger.Bill, Limit: 1000 * one} })
	plan := w.store.plans["metered"]
	plan.Overage = ledger.Overage{Policy: ledger.Block}
	w.store.plans["metered"] = plan
	w.processor.subscribe(sub, "metered")
	w.deliver(invoiceMessage(w.processor.invoice(sub, billing.InvoiceOfStart)))
	w.spend(7)
	w.set(w.processor.subscriptions[sub].PeriodEnd)
	w.deliver(invoiceMessage(w.processor.renew(sub)))
	if lines := w.store.overages(); len(lines) != 1 || lines[0].Amount != usd(3) {
		t.Errorf("the lines are %+v", lines)
	}
}

// overdrawn is an account whose closed period has overage to bill.
func overdrawn(t failer) *world {
	w := onFree(t, noon, "metered")
	w.spend(7)
	w.set(noon.AddDate(0, 1, 0))
	w.must(w.Renew(w.ctx(), acme))
	w.faults.none()
	return w
}

// Overage is billed once, whatever crashes: its amount is the entries' use beyond
// the grants times the rate, and its line follows the invoice.
func TestOverageIsBilledOnce(t *testing.T) {
	t.Parallel()
	bill := func(w *world) error {
		for _, line := range w.store.overages() {
			if err := w.BillOverage(w.ctx(), acme, line.At, line.ID); err != nil {
				return err
			}
		}
		return nil
	}
	check := func(w *world, place string) {
		w.must(bill(w))
		w.must(bill(w))
		lines := w.store.overages()
		if len(lines) != 1 || len(w.processor.invoices) != 1 {
			t.Fatalf("%d lines and %d invoices; %s", len(lines), len(w.processor.invoices), place)
		}
		w.faults.none()
		w.faults.name = "processor.BillOverage"
		w.must(bill(w))
		if w.faults.calls != 0 {
			t.Errorf("what is billed is asked for again")
		}
		w.faults.name = ""
		for id, invoice := range w.processor.invoices {
			// Two credits beyond five, at 1.5 cents.
			if invoice.Total != usd(3) || lines[0].Amount != usd(3) || lines[0].Credits != 2*one || lines[0].Invoice != id || lines[0].ReceiptURL != invoice.HostedURL {
				t.Errorf("the invoice is %+v, the line %+v", invoice, lines[0])
			}
			for status, state := range map[billing.InvoiceStatus]billing.BillState{billing.InvoicePaid: billing.BillPaid, billing.InvoiceVoid: billing.BillVoid} {
				invoice.Status = status
				w.deliver(invoiceMessage(id))
				w.must(bill(w))
				if got := w.store.overages()[0].State; got != state {
					t.Errorf("of an invoice that is %s the line says %s", status, got)
				}
			}
		}
		if t.Failed() {
			t.Fatal(place)
		}
	}
	crashes(t, func() *world { return overdrawn(t) }, bill, check)
	interleaved(t, func() *world { return overdrawn(t) }, bill, bill, check)
	interleaved(t, func() *world { return overdrawn(t) }, bill, func(w *world) error {
		w.processor.change(func() {
			for _, invoice := range w.processor.invoices {
				invoice.Status = billing.InvoicePaid
			}
		})
		for id := range w.processor.invoices {
			w.deliver(invoiceMessage(id))
		}
		return nil
	}, func(w *world, place string) {
		for _, invoice := range w.processor.invoices {
			if got := w.store.overages()[0].State; invoice.Status == billing.InvoicePaid && got != billing.BillPaid {
				t.Fatalf("the line says %s; %s", got, place)
			}
		}
	})
	// The note is written with the reset: a crash of the renewal neither skips nor doubles it.
	crashes(t, func() *world {
		w := onFree(t, noon, "metered")
		w.spend(7)
		w.set(noon.AddDate(0, 1, 0))
		w.faults.none()
		return w
	}, func(w *world) error { return w.Renew(w.ctx(), acme) }, func(w *world, place string) {
		w.must(w.Renew(w.ctx(), acme))
		check(w, place)
	})
	var parallel sync.WaitGroup
	w := overdrawn(t)
	for range 50 {
		parallel.Go(func() { _ = bill(w) })
	}
	parallel.Wait()
	check(w, "in parallel")
}
