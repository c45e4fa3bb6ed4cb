package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"drawdown/infra/standin/stripe"
	"drawdown/shared/httpapi"
)

const intentsPath = "/v1/payment_intents"

const room = 100_000 // a monthly cap that no test reaches, in cents

// openRefilled is a buyer who has bought a small pack with a card that is saved.
func openRefilled(t *testing.T, card stripe.Card) *buyer {
	t.Helper()
	b := openBuyer(t)
	b.buysPack(t, smallPack)
	if card != stripe.CardWorks {
		must(t, processor.SetCard(b.customer, card))
	}
	return b
}

// refilled asserts that there were so many charges, all paid and each granted once, and that the refill is armed.
func (b *buyer) refilled(t *testing.T, charges int) {
	t.Helper()
	b.awaitRefill(t, phaseArmed)
	all := b.charges(t)
	equal(t, "charges", len(all), charges)
	var paid []string
	for _, charge := range all {
		equal(t, "the state of the charge "+charge.ID, charge.Status, "succeeded")
		equal(t, "the amount of the charge "+charge.ID, charge.Amount, smallCents)
	}
	for _, e := range b.entries(t) {
		if e.Refill != nil && e.Refill.Grant != nil {
			paid = append(paid, e.Refill.PaymentID)
			equal(t, "credits of the refill", e.Credits, smallCredits)
			equal(t, "the source of its grant", e.Refill.Grant.Source, "auto_refill")
		}
		if e.Grant != nil && e.Grant.Source == "auto_refill" {
			t.Errorf("a refill was granted beside its own steps: %+v", e)
		}
	}
	equal(t, "refills granted", len(paid), charges)
	for _, charge := range all {
		if !slices.Contains(paid, charge.ID) {
			t.Errorf("the charge %s was not granted: %v were", charge.ID, paid)
		}
	}
	equal(t, "what was spent this month", b.refill(t).SpentThisMonth.Amount, int64(charges)*smallCents)
}

func TestMoneyManyDebitsAtTheThresholdChargeOnce(t *testing.T) {
	t.Parallel()
	const debits = 200
	b := openRefilled(t, stripe.CardWorks)
	addGrant(t, b.account, body{"amount": "200", "source": "promo"})
	b.setsRefill(t, refillTerms(150*credit, room))
	ctx, cancel := context.WithTimeout(t.Context(), stormLimit)
	defer cancel()
	work := make(chan string)
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for key := range work {
				if a, _, err := admin(t).insist(ctx, debit(b.account, key, use("unit", credit))); err != nil || a.Status/100 != 2 {
					t.Errorf("%s: %v", a, err)
				}
			}
		})
	}
	for i := range debits {
		work <- "at-the-threshold-" + asJSON(t, i)
	}
	close(work)
	running.Wait()
	b.holds(t, "after the debits and one refill", 200*credit, 0)
	fire(t, sweepRefills, 3)
	time.Sleep(time.Second)
	b.refilled(t, 1)
	b.holds(t, "after some sweeps", 200*credit, 0)
	b.awaitBill(t, "refill", billPaid)
	b.settled(t)
}

func TestMoneyRefillsThatAreNotPaidAtOnce(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T){
		"pending":        refillPending,
		"pending, lost":  refillPendingAndLost,
		"declined":       refillDeclined,
		"authentication": refillNeedsItsBearer,
		"no card":        refillWithoutCard,
		"monthly cap":    refillAtTheCap,
		"switched off":   refillSwitchedOff,
		"suspended":      refillOfASuspendedAccount,
		"off in flight":  refillSwitchedOffInFlight,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

func refillPending(t *testing.T) {
	b := openRefilled(t, stripe.CardSlow)
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	await(t, "a charge", func() (bool, any) { all := b.charges(t); return len(all) > 0, all })
	spend(t, b.account, 10*credit)
	spend(t, b.account, 10*credit)
	fire(t, sweepRefills, 3)
	b.awaitBill(t, "refill", billPending)
	time.Sleep(time.Second)
	charges := b.charges(t)
	if len(charges) != 1 || charges[0].Status != "processing" {
		t.Fatalf("while one charge is under way there are %+v", charges)
	}
	equal(t, "the state", b.refill(t).State, phaseFlying)
	equal(t, "what counts against the cap", b.refill(t).SpentThisMonth.Amount, smallCents)
	b.holds(t, "while a charge is under way", 20*credit, 0)
	must(t, processor.Settle(charges[0].ID, true))
	b.holds(t, "once it is paid", 120*credit, 0)
	b.refilled(t, 1)
	b.awaitBill(t, "refill", billPaid)
	b.settled(t)
}

func refillPendingAndLost(t *testing.T) {
	b := openRefilled(t, stripe.CardSlow)
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	await(t, "a charge", func() (bool, any) { all := b.charges(t); return len(all) > 0, all })
	must(t, processor.Settle(b.charges(t)[0].ID, false))
	b.awaitRefill(t, phaseBackoff)
	equal(t, "charges", len(b.charges(t)), 1)
	equal(t, "the state of the charge that was given up", b.charges(t)[0].Status, "canceled")
	equal(t, "what was spent this month", b.refill(t).SpentThisMonth.Amount, 0)
	b.holds(t, "once it is refused", 40*credit, 0)
	b.awaitBill(t, "refill", billFailed)
	b.settled(t)
}

// told asserts why a refill has stopped, and that it says what to do.
func told(t *testing.T, r refillBody, reason string) {
	t.Helper()
	if r.Reason == nil || *r.Reason != reason || r.Message == nil || *r.Message == "" {
		t.Errorf("the refill is %s, want the reason %s and a message", asJSON(t, r), reason)
	}
}

func refillDeclined(t *testing.T) {
	b := openRefilled(t, stripe.CardDeclinedLater)
	began := time.Now()
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	r := b.awaitRefill(t, phaseBackoff)
	told(t, r, "declined")
	if r.RetryAt == nil || r.RetryAt.Before(began.Add(59*time.Minute)) || r.RetryAt.After(time.Now().Add(61*time.Minute)) {
		t.Errorf("after one refusal it is tried again at %v", r.RetryAt)
	}
	equal(t, "it is switched on", r.Enabled, true)
	equal(t, "what was spent this month", r.SpentThisMonth.Amount, 0)
	spend(t, b.account, 10*credit)
	fire(t, sweepRefills, 3)
	time.Sleep(time.Second)
	equal(t, "charges while it waits", len(b.charges(t)), 1)
	b.awaitBill(t, "refill", billFailed)

	// Set up again with another card it goes on at once.
	must(t, processor.SetCard(b.customer, stripe.CardWorks))
	b.setsRefill(t, refillTerms(50*credit, room))
	b.holds(t, "with another card", 130*credit, 0)
	equal(t, "charges in all", len(b.charges(t)), 2)
	equal(t, "what was spent this month", b.awaitRefill(t, phaseArmed).SpentThisMonth.Amount, smallCents)
	b.settled(t)
}

func refillNeedsItsBearer(t *testing.T) {
	b := openRefilled(t, stripe.CardAuthentication)
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	r := b.awaitRefill(t, phaseAction)
	told(t, r, "authentication_required")
	if !strings.Contains(*r.Message, "confirm") || r.RetryAt != nil {
		t.Errorf("the refill says %s", asJSON(t, r))
	}
	spend(t, b.account, 10*credit)
	fire(t, sweepRefills, 3)
	time.Sleep(time.Second)
	equal(t, "charges while it waits for a person", len(b.charges(t)), 1)
	must(t, processor.SetCard(b.customer, stripe.CardWorks))
	b.setsRefill(t, refillTerms(50*credit, room))
	b.holds(t, "switched on again", 130*credit, 0)
	equal(t, "charges in all", len(b.charges(t)), 2)
	b.settled(t)
}

func refillWithoutCard(t *testing.T) {
	b := openRefilled(t, "")
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	told(t, b.awaitRefill(t, phaseAction), "no_card")
	equal(t, "charges", len(b.charges(t)), 0)
	b.settled(t)
}

func refillAtTheCap(t *testing.T) {
	b := openRefilled(t, stripe.CardWorks)
	b.setsRefill(t, refillTerms(50*credit, 2*smallCents-1))
	spend(t, b.account, 60*credit)
	b.holds(t, "after the first refill", 140*credit, 0)
	spend(t, b.account, 100*credit)
	r := b.awaitRefill(t, phaseBackoff)
	told(t, r, "monthly_cap")
	now := time.Now().In(berlin)
	if next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, berlin); r.RetryAt == nil || !r.RetryAt.Equal(next) {
		t.Errorf("the month is over at %v, want %v", r.RetryAt, next)
	}
	fire(t, sweepRefills, 3)
	time.Sleep(time.Second)
	equal(t, "charges within the cap", len(b.charges(t)), 1)
	equal(t, "what was spent this month", b.refill(t).SpentThisMonth.Amount, smallCents)
	b.setsRefill(t, refillTerms(50*credit, 2*smallCents))
	b.holds(t, "with a higher cap", 140*credit, 0)
	b.refilled(t, 2)
	b.settled(t)
}

func refillSwitchedOff(t *testing.T) {
	b := openRefilled(t, stripe.CardWorks)
	equal(t, "the state before it was set up", b.refill(t).State, phaseOff)
	b.setsRefill(t, refillTerms(50*credit, room))
	off := b.setsRefill(t, body{"enabled": false})
	if off.State != phaseOff || off.Enabled || off.PackID == nil || *off.PackID != smallPack {
		t.Errorf("switched off it is %s", asJSON(t, off))
	}
	spend(t, b.account, 99*credit)
	fire(t, sweepRefills, 2)
	time.Sleep(time.Second)
	equal(t, "charges", len(b.charges(t)), 0)
	b.holds(t, "without a refill", credit, 0)
	b.settled(t)
}

func refillOfASuspendedAccount(t *testing.T) {
	b := openRefilled(t, stripe.CardWorks)
	b.setsRefill(t, refillTerms(50*credit, room))
	status := func(status string) {
		t.Helper()
		r := request{route: httpapi.PutAccount, path: []string{b.account}, body: settings().with("status", status)}
		read[accountBody](t, admin(t).call(r), http.StatusOK)
	}
	status("suspended")
	b.setsRefill(t, refillTerms(500*credit, room)) // which is due by its numbers
	fire(t, sweepRefills, 2)
	time.Sleep(time.Second)
	equal(t, "charges of a suspended account", len(b.charges(t)), 0)
	b.setsRefill(t, refillTerms(150*credit, room))
	status("active")
	b.holds(t, "once it is active", 200*credit, 0)
	b.refilled(t, 1)
	b.settled(t)
}

func refillSwitchedOffInFlight(t *testing.T) {
	b := openRefilled(t, stripe.CardSlow)
	b.setsRefill(t, refillTerms(50*credit, room))
	spend(t, b.account, 60*credit)
	await(t, "a charge", func() (bool, any) { all := b.charges(t); return len(all) > 0, all })
	if off := b.setsRefill(t, body{"enabled": false}); off.State != phaseFlying || off.Enabled {
		t.Errorf("switched off in flight it is %s", asJSON(t, off))
	}
	must(t, processor.Settle(b.charges(t)[0].ID, true))
	b.holds(t, "once the charge is paid", 140*credit, 0)
	b.awaitRefill(t, phaseOff)
	spend(t, b.account, 130*credit)
	fire(t, sweepRefills, 2)
	time.Sleep(time.Second)
	equal(t, "charges", len(b.charges(t)), 1)
	b.settled(t)
}

func TestMoneyTermsOfARefillAreChecked(t *testing.T) {
	t.Parallel()
	b := openRefilled(t, stripe.CardWorks)
	sets := func(with body) answer {
		return admin(t).call(request{route: httpapi.PutRefill, path: []string{b.account}, body: with})
	}
	good := refillTerms(50*credit, room)
	invalid(t, sets(body{}), "enabled")
	invalid(t, sets(body{"enabled": true}), "consent", "monthly_cap", "pack_id", "threshold")
	invalid(t, sets(good.with("consent", false)), "consent")
	invalid(t, sets(good.with("threshold", "0").with("monthly_cap", money{0, "USD"})), "monthly_cap.amount", "monthly_cap.currency", "threshold")
	invalid(t, sets(good.with("monthly_cap", usd(smallCents-1))), "monthly_cap")
	invalid(t, sets(good.with("monthly_cap", money{room, "eur"})), "monthly_cap")
	refused(t, sets(good.with("pack_id", "no-such-pack")), http.StatusNotFound, "pack-not-found")
	refused(t, sets(good.with("pack_id", oldPack)), http.StatusConflict, "not-offered")
	equal(t, "the state after refusals", b.refill(t).State, phaseOff)
	seq := walletOf(t, b.account).Seq
	first := b.setsRefill(t, good)
	equal(t, "the same terms again", asJSON(t, b.setsRefill(t, good)), asJSON(t, first))
	equal(t, "entries of it", walletOf(t, b.account).Seq, seq+1)
}

// It runs alone: it lets the processor fail and kills the function for all accounts.
func TestMoneyRefillsAreChargedOnceWhateverFails(t *testing.T) {
	t.Cleanup(processor.Heal)
	t.Cleanup(processor.Release)
	// interrupted sets a refill going, and returns once the charge is there, or was refused for a while.
	for name, trouble := range map[string]struct {
		fault   stripe.Fault
		charged bool // the charge is made, though nobody hears of it
		kill    bool
	}{
		"the processor is down":             {fault: stripe.Fault{Method: http.MethodPost, Path: intentsPath, Times: 1000, Status: http.StatusInternalServerError}},
		"the processor cannot be reached":   {fault: stripe.Fault{Times: 1000}},
		"the answer is lost":                {fault: stripe.Fault{Method: http.MethodPost, Path: intentsPath, Times: 1000, After: true}, charged: true},
		"the function dies after it":        {fault: stripe.Fault{Method: http.MethodPost, Path: intentsPath, Times: 1000, After: true}, charged: true, kill: true},
		"the processor is too busy for all": {fault: stripe.Fault{Method: http.MethodPost, Path: intentsPath, Times: 1000, Status: http.StatusTooManyRequests}},
	} {
		t.Run(name, func(t *testing.T) {
			b := openRefilled(t, stripe.CardWorks)
			b.setsRefill(t, refillTerms(50*credit, room))
			drained(t)
			processor.Hold() // so that no news of the charge help
			processor.Fail(trouble.fault)
			spend(t, b.account, 60*credit)
			b.awaitRefill(t, phaseFlying)
			if trouble.kill {
				killed := 0
				if !eventually(t, settleLimit, func() bool {
					if len(processorIntents(t, b)) == 1 {
						killed += platform.Kill(refillFunction)
					}
					return killed > 0
				}) {
					t.Fatal("the function was never caught at its work")
				}
			}
			fire(t, sweepRefills, 1)
			time.Sleep(time.Second)
			equal(t, "the state while it fails", b.refill(t).State, phaseFlying)
			processor.Heal()
			charges := 0
			if trouble.charged {
				charges = 1
			}
			if n := len(b.charges(t)); n < charges || n > 1 {
				t.Errorf("there are %d charges, want %d", n, charges)
			}
			fire(t, sweepRefills, 2)
			b.holds(t, "after the sweep", 140*credit, 0)
			b.refilled(t, 1)
			processor.Release()
			drained(t)
			time.Sleep(300 * time.Millisecond)
			b.holds(t, "after the news", 140*credit, 0)
			b.refilled(t, 1)
			b.settled(t)
		})
	}
}

// processorIntents is what charges the processor has made of an account, seen from its news: its API may fail.
func processorIntents(t *testing.T, b *buyer) []stripe.Event {
	t.Helper()
	return slices.DeleteFunc(newsOf(processor.Held(), b.account), func(e stripe.Event) bool {
		return e.Type != "payment_intent.succeeded" || !strings.Contains(string(e.Payload), `"refill_id"`)
	})
}
