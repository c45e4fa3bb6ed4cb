package settlement_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/billing"
	"drawdown/shared/census"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/settlement"
)

// arm sets the automatic refill up: below 20 credits, of the small pack.
func (w *world) arm(capMinor int64) *world {
	w.must(w.committer.Do(w.ctx(), acme, ledger.Command{Action: ledger.SetRefill{
		Enabled: true, Threshold: 20 * one, Pack: "small", Cap: usd(capMinor),
	}}).Err)
	w.faults.none()
	return w
}

func (w *world) refill() {
	w.Helper()
	w.must(w.Refill(w.ctx(), acme))
}

func (w *world) phase(want ledger.RefillPhase, reason string) {
	w.Helper()
	if got := w.wallet().Refill; got.Phase != want || got.Reason != reason {
		w.Errorf("the refill is %s for %q, want %s for %q", got.Phase, got.Reason, want, reason)
	}
}

// refilled holds how many refills were charged, and that each was granted once.
func (w *world) refilled(want int) {
	w.Helper()
	_, granted := w.granted(func(e *ledger.Entry) bool {
		step, issue := ledger.DetailOf[*ledger.RefillStep](e), ledger.DetailOf[*ledger.Issue](e)
		return step != nil && step.Issue != nil || issue != nil && issue.Grant.Source == ledger.FromAutoRefill
	})
	if got := w.processor.charges(); got != want || granted != want {
		w.Errorf("%d refills are charged and %d granted, want %d", got, granted, want)
	}
}

// becomes is a card whose charges end so.
func becomes(status billing.PaymentStatus, reason string) func(*billing.Payment) {
	return func(p *billing.Payment) { p.Status, p.Reason = status, reason }
}

// deliverRefills delivers the processor's notices of the refills' payments.
func (w *world) deliverRefills() {
	w.Helper()
	for id := range w.processor.payments {
		w.deliver(message{settlement.OfPayment, id})
	}
}

// Whatever fails between the crossing and the grant, the sweeps end it in one
// charge and one grant.
func TestARefillSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, pending := range []bool{false, true} {
		for _, webhooks := range []bool{false, true} {
			crashes(t, func() *world {
				w := newWorld(t).arm(10_000)
				if pending {
					w.processor.card = becomes(billing.Processing, "")
				}
				return w
			}, func(w *world) error {
				return w.Refill(w.ctx(), acme)
			}, func(w *world, crash string) {
				w.refill()
				w.refill()
				if pending {
					w.phase(ledger.RefillInFlight, "")
					for _, payment := range w.processor.payments {
						payment.Status = billing.Succeeded
					}
				}
				if webhooks {
					w.deliverRefills()
				}
				w.refill()
				w.deliverRefills()
				w.refilled(1)
				w.phase(ledger.RefillArmed, "")
				if w.available() != 50*one || w.wallet().Refill.Spent != 500 {
					t.Errorf("%s are available, and %d were spent", w.available(), w.wallet().Refill.Spent)
				}
				for id := range w.processor.payments {
					if line := w.store.line(id); line.State != billing.BillPaid || line.Kind != billing.RefillBill {
						t.Errorf("its line is %+v", line)
					}
				}
				if t.Failed() {
					t.Fatalf("pending %t, webhooks %t, %s", pending, webhooks, crash)
				}
			})
		}
	}
}

// A refusal is canceled before it is settled, whatever fails: it can never be
// paid afterwards, nothing is granted, and the history shows that it failed.
func TestARefusalSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, status := range []billing.PaymentStatus{billing.Declined, billing.ActionRequired} {
		for _, webhooks := range []bool{false, true} {
			crashes(t, func() *world {
				w := newWorld(t).arm(10_000)
				w.processor.card = becomes(status, "the bank says no")
				return w
			}, func(w *world) error {
				return w.Refill(w.ctx(), acme)
			}, func(w *world, crash string) {
				w.refill()
				if webhooks {
					w.deliverRefills()
				}
				w.refilled(0)
				if len(w.processor.payments) != 1 || w.wallet().Refill.Spent != 0 {
					t.Errorf("%d payments were tried, and %d were spent", len(w.processor.payments), w.wallet().Refill.Spent)
				}
				want, declines := ledger.RefillBackoff, 1
				if status == billing.ActionRequired {
					want, declines = ledger.RefillActionRequired, 0
				}
				if got := w.wallet().Refill; got.Phase != want || got.Failures != declines {
					t.Errorf("the refill is %s after %d declines, want %s after %d", got.Phase, got.Failures, want, declines)
				}
				for id, payment := range w.processor.payments {
					if line := w.store.line(id); payment.Status != billing.Canceled || line.State != billing.BillFailed || line.Reason == "" {
						t.Errorf("the payment is %s, its line %+v", payment.Status, line)
					}
				}
				if t.Failed() {
					t.Fatalf("%s: %s", status, crash)
				}
			})
		}
	}
}

// A refused payment is paid after all, at any step of its settling: it is granted,
// and the refill does not begin another.
func TestARefusalThatIsPaidMeanwhile(t *testing.T) {
	t.Parallel()
	for _, become := range []billing.PaymentStatus{billing.Succeeded, billing.Processing} {
		interleaved(t, func() *world {
			w := newWorld(t).arm(10_000)
			w.processor.card = becomes(billing.Declined, "no")
			return w
		}, func(w *world) error {
			return w.Refill(w.ctx(), acme)
		}, func(w *world) error {
			w.processor.change(func() {
				for _, payment := range w.processor.payments {
					if payment.Status == billing.Declined {
						payment.Status, payment.Reason = become, ""
					}
				}
			})
			return nil
		}, func(w *world, place string) {
			for _, payment := range w.processor.payments {
				if payment.Status == billing.Processing && w.wallet().Refill.Phase != ledger.RefillInFlight {
					t.Errorf("a payment is pending, and the refill is %s", w.wallet().Refill.Phase)
				}
				if payment.Status == billing.Processing {
					payment.Status = billing.Succeeded
				}
			}
			w.deliverRefills()
			w.refilled(w.processor.charges())
			if t.Failed() {
				t.Fatal(place)
			}
		})
	}
}

// Two faults, sweeps and messages in any order, and time between them.
func TestRefillsEndInOneChargeEach(t *testing.T) {
	committest.Bound(t, 200)
	floors := census.Floors{
		"payments": 20, "charges": 15, "refills that failed": 25, "refills started": 30, "refills settled paid": 12, "refills settled action_required": 3,
	}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		w := newWorld(t).arm(100_000)
		for range rapid.IntRange(2, 14).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				w.faults.failAt(rapid.IntRange(1, 14).Draw(t, "fails"), rapid.Bool().Draw(t, "after"))
				did.CountIf(w.Refill(w.ctx(), acme) != nil, "refills that failed")
				w.faults.none()
			case 1:
				w.pass(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 22 * time.Hour, 26 * time.Hour}).Draw(t, "passes"))
			case 2:
				w.processor.card = becomes(rapid.SampledFrom([]billing.PaymentStatus{
					billing.Succeeded, billing.Processing, billing.Declined, billing.ActionRequired,
				}).Draw(t, "card"), "")
			case 3:
				for _, payment := range w.processor.payments {
					if payment.Status == billing.Processing {
						payment.Status = rapid.SampledFrom([]billing.PaymentStatus{billing.Succeeded, billing.Declined}).Draw(t, "decided")
					}
				}
			case 4:
				w.deliverRefills()
			case 5:
				w.spend(rapid.Int64Range(1, 50).Draw(t, "spent"))
			case 6:
				w.processor.noCard, w.processor.rejects = rapid.Bool().Draw(t, "no card"), rapid.Bool().Draw(t, "rejects")
			default:
				_ = w.Refill(w.ctx(), acme)
			}
			flying := map[string]int{}
			for _, payment := range w.processor.payments {
				flying[payment.Pack.Refill]++
			}
			for id, count := range flying {
				if count > 1 {
					t.Fatalf("refill %s was charged %d times", id, count)
				}
			}
		}
		for _, payment := range w.processor.payments {
			if payment.Status == billing.Processing {
				payment.Status = billing.Succeeded
			}
		}
		for _, entry := range w.entries() {
			if step := ledger.DetailOf[*ledger.RefillStep](&entry); step != nil {
				did.Count(strings.TrimSpace(fmt.Sprintf("refills %s %s", step.Step, step.Outcome)))
			}
		}
		w.deliverRefills()
		w.refilled(w.processor.charges())
		did.Add("payments", len(w.processor.payments))
		did.Add("charges", w.processor.charges())
	})
}

func TestADeclinedCardBacksOffThenAsks(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.processor.card = becomes(billing.Declined, "insufficient funds")
	for _, wait := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour} {
		tried := len(w.processor.payments)
		w.refill()
		w.phase(ledger.RefillBackoff, ledger.ReasonDeclined)
		w.pass(wait - time.Second)
		w.refill()
		if len(w.processor.payments) != tried+1 {
			t.Fatalf("%d payments were tried before the wait of %s was over, want %d", len(w.processor.payments), wait, tried+1)
		}
		w.pass(time.Second)
	}
	w.refill()
	w.phase(ledger.RefillActionRequired, ledger.ReasonDeclined)
	w.pass(100 * day)
	w.refill()
	if len(w.processor.payments) != 4 {
		t.Errorf("%d payments were tried, want 4", len(w.processor.payments))
	}
	w.processor.card = becomes(billing.Succeeded, "")
	w.arm(10_000).refill()
	w.refilled(1)
}

// A refusal that cannot be canceled could still be paid: it stays in flight.
func TestARefusalThatCannotBeCanceled(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.processor.card, w.processor.stubborn = becomes(billing.Declined, "no"), true
	if err := w.Refill(w.ctx(), acme); err == nil {
		t.Error("it is settled")
	}
	w.phase(ledger.RefillInFlight, "")
	w.processor.stubborn = false
	w.refill()
	w.phase(ledger.RefillBackoff, ledger.ReasonDeclined)
}

func TestACardThatNeedsItsBearer(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.processor.card = becomes(billing.ActionRequired, "confirm it")
	w.refill()
	w.phase(ledger.RefillActionRequired, ledger.ReasonAuthentication)
	w = newWorld(t).arm(10_000)
	w.processor.noCard = true
	w.refill()
	w.phase(ledger.RefillActionRequired, "no_card")
}

// The charge was made and its answer lost; then the card was removed.
func TestNoCardIsNoProofThatNothingWasCharged(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.faults.name = "processor.ChargeRefill"
	w.faults.failAt(1, true)
	if err := w.Refill(w.ctx(), acme); err == nil {
		t.Fatal("the answer was not lost")
	}
	w.processor.noCard = true
	w.refill()
	w.phase(ledger.RefillArmed, "")
	w.refilled(1)
}

// A definite rejection ends the refill, which is reported, and is retried after
// a while; the money of an earlier try still counts.
func TestARejectedRefill(t *testing.T) {
	t.Parallel()
	crashes(t, func() *world {
		w := newWorld(t).arm(10_000)
		w.processor.rejects = true
		return w
	}, func(w *world) error {
		err := w.Refill(w.ctx(), acme)
		if err == nil {
			t.Error("nobody is told of a refill that is rejected")
		}
		return err
	}, func(w *world, crash string) {
		_ = w.Refill(w.ctx(), acme)
		w.phase(ledger.RefillBackoff, "rejected")
		w.refilled(0)
		_, settled := w.granted(func(e *ledger.Entry) bool {
			step := ledger.DetailOf[*ledger.RefillStep](e)
			return step != nil && step.Outcome == ledger.RefillUnavailable
		})
		if settled != 1 || w.wallet().Refill.Spent != 0 {
			t.Errorf("it is settled %d times, with %d spent", settled, w.wallet().Refill.Spent)
		}
		w.processor.rejects = false
		w.refill()
		w.refilled(0)
		w.pass(15 * time.Minute)
		w.refill()
		w.refilled(1)
		if t.Failed() {
			t.Fatal(crash)
		}
	})
	w := newWorld(t).arm(10_000)
	w.faults.name = "processor.ChargeRefill"
	w.faults.failAt(1, true)
	if err := w.Refill(w.ctx(), acme); err == nil {
		t.Fatal("the answer was not lost")
	}
	w.processor.rejects = true
	w.refill()
	w.phase(ledger.RefillArmed, "")
	w.refilled(1)
}

// A debt that would take the whole pack is not paid by the saved card.
func TestARefillFeedsNoDebt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.processor.buy(acme, smallPack, 500)
	w.deliver(message{settlement.OfPayment, id})
	w.spend(50)
	w.arm(10_000)
	w.processor.step(id, 0, 500)
	w.deliver(message{settlement.OfPayment, id})
	w.refill()
	w.refill()
	w.phase(ledger.RefillActionRequired, ledger.ReasonOwed)
	w.refilled(0)
	w.deliver(message{settlement.OfPayment, w.processor.buy(acme, smallPack, 500)})
	w.arm(10_000).refill()
	w.refilled(1)
	if w.available() != 50*one || w.wallet().Owed != 0 {
		t.Errorf("%s are available and %s owed, want 50 and 0", w.available(), w.wallet().Owed)
	}
}

// A processor that is down leaves the refill in flight, for days if need be.
func TestAProcessorThatIsDown(t *testing.T) {
	t.Parallel()
	for _, charged := range []bool{false, true} {
		w := newWorld(t).arm(10_000)
		w.faults.name = "processor.ChargeRefill"
		w.faults.failAt(1, charged)
		if err := w.Refill(w.ctx(), acme); err == nil {
			t.Fatal("it was not down")
		}
		w.phase(ledger.RefillInFlight, "")
		w.pass(25 * time.Hour) // by now the processor has forgotten the key
		w.faults.none()
		w.refill()
		if charged {
			w.phase(ledger.RefillArmed, "")
			w.refilled(1)
			continue
		}
		w.phase(ledger.RefillBackoff, string(ledger.RefillCanceled))
		w.refilled(0)
		w.pass(time.Hour)
		w.refill()
		w.refilled(1)
	}
}

// From 23 hours on a charge is looked for and never asked for.
func TestAfter23HoursNothingIsAskedFor(t *testing.T) {
	t.Parallel()
	for late, asked := range map[time.Duration]int{23*time.Hour - time.Second: 2, 23 * time.Hour: 1} {
		w := newWorld(t).arm(10_000)
		w.processor.card = becomes(billing.Processing, "")
		w.faults.name = "processor.ChargeRefill"
		w.refill()
		w.pass(late)
		w.refill()
		if w.faults.calls != asked {
			t.Errorf("after %s a charge was asked for %d times, want %d", late, w.faults.calls, asked)
		}
	}
}

// A refill was abandoned as never charged, and its payment is found later.
func TestLateMoneyIsGrantedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.faults.name = "processor.ChargeRefill"
	w.faults.failAt(1, false)
	_ = w.Refill(w.ctx(), acme)
	refill := w.wallet().Refill.ID
	w.pass(24 * time.Hour)
	w.refill()
	w.phase(ledger.RefillBackoff, string(ledger.RefillCanceled))
	pack := smallPack
	pack.Refill = refill
	id := w.processor.buy(acme, pack, 500)
	for range 3 {
		w.deliver(about(id)...)
	}
	w.refilled(1)
	w.processor.step(id, 0, 500)
	w.deliver(about(id)...)
	if w.available() != 0 || w.wallet().Owed != 0 {
		t.Errorf("after its refund %s are available and %s owed", w.available(), w.wallet().Owed)
	}
	// One more payment of a refill that another has settled counts too.
	twice := newWorld(t).arm(10_000)
	twice.refill()
	for _, payment := range twice.processor.payments {
		pack.Refill = payment.Pack.Refill
	}
	twice.deliver(about(twice.processor.buy(acme, pack, 500))...)
	twice.refilled(2)
}

// Refunds of a refill are as those of a purchase.
func TestARefillIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	w.refill()
	w.spend(10)
	for id := range w.processor.payments {
		w.processor.step(id, 0, 500)
	}
	w.deliverRefills()
	if w.available() != 0 || w.wallet().Owed != 10*one {
		t.Errorf("%s are available and %s owed, want 0 and 10", w.available(), w.wallet().Owed)
	}
}

func TestADisabledRefillNeverCharges(t *testing.T) {
	t.Parallel()
	off := ledger.Command{Action: ledger.SetRefill{}}
	w := newWorld(t).arm(10_000)
	w.must(w.committer.Do(w.ctx(), acme, off).Err)
	w.refill()
	w.refilled(0)
	// Switched off while in flight: that one ends, and no other begins.
	w = newWorld(t).arm(10_000)
	w.processor.card = becomes(billing.Processing, "")
	w.refill()
	w.must(w.committer.Do(w.ctx(), acme, off).Err)
	for _, payment := range w.processor.payments {
		payment.Status = billing.Succeeded
	}
	w.refill()
	w.spend(45)
	w.refill()
	w.phase(ledger.RefillOff, "")
	w.refilled(1)
	// Before any of its steps.
	interleaved(t, func() *world { return newWorld(t).arm(10_000) }, func(w *world) error {
		return w.Refill(w.ctx(), acme)
	}, func(w *world) error {
		return w.committer.Do(w.ctx(), acme, off).Err
	}, func(w *world, place string) {
		w.refill()
		w.spend(45)
		w.refill()
		w.refilled(w.processor.charges())
		if w.processor.charges() > 1 || w.wallet().Refill.Phase != ledger.RefillOff {
			t.Fatalf("%d charges, the refill is %s; %s", w.processor.charges(), w.wallet().Refill.Phase, place)
		}
	})
}

// The pack is changed while a refill is under way: what is charged is what is granted.
func TestAnotherPackMeanwhile(t *testing.T) {
	t.Parallel()
	interleaved(t, func() *world { return newWorld(t).arm(10_000) }, func(w *world) error {
		return w.Refill(w.ctx(), acme)
	}, func(w *world) error {
		return w.committer.Do(w.ctx(), acme, ledger.Command{Action: ledger.SetRefill{Enabled: true, Threshold: 20 * one, Pack: "large", Cap: usd(10_000)}}).Err
	}, func(w *world, place string) {
		w.refill()
		w.refill()
		w.refilled(1)
		for _, payment := range w.processor.payments {
			pack := w.store.packs[payment.Pack.PackID]
			if payment.Amount != pack.Price || w.available() != pack.Credits || w.wallet().Refill.Spent != pack.Price.Minor {
				t.Fatalf("%s: pack %s is charged with %s and %s are granted, %d spent", place, pack.ID, payment.Amount, w.available(), w.wallet().Refill.Spent)
			}
		}
	})
	w := newWorld(t).arm(10_000)
	w.processor.card = becomes(billing.Processing, "")
	w.refill()
	w.must(w.committer.Do(w.ctx(), acme, ledger.Command{Action: ledger.SetRefill{Enabled: true, Threshold: 20 * one, Pack: "large", Cap: usd(10_000)}}).Err)
	w.refill() // asks under the same key for the same
	w.phase(ledger.RefillInFlight, "")
}

func TestAPackThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t).arm(10_000)
	delete(w.store.packs, "small")
	w.refill()
	w.phase(ledger.RefillActionRequired, ledger.ReasonNoPack)
	w.refilled(0)
}

// The cap counts months of the account's zone, to the cent, also where the clock
// is changed at a month's end.
func TestTheMonthlyCap(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "America/Asuncion"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(s *ledger.Settings) { s.Zone = zone })
		w.set(time.Date(2027, 3, 1, 0, 0, 0, 0, location))
		w.arm(1000)
		charged := 0
		for _, step := range []struct {
			at   time.Time
			want int
		}{
			{time.Date(2027, 3, 1, 0, 0, 0, 0, location), 1},
			{time.Date(2027, 3, 28, 12, 0, 0, 0, location), 2}, // Berlin's clocks have just gone on
			{time.Date(2027, 3, 31, 23, 59, 59, 999_000_000, location), 2},
			{time.Date(2027, 4, 1, 0, 0, 0, 0, location), 3},
			{time.Date(2027, 4, 1, 0, 0, 1, 0, location), 4},
			{time.Date(2027, 4, 30, 23, 59, 59, 0, location), 4},
			{time.Date(2027, 10, 31, 23, 59, 59, 0, location), 5},
			{time.Date(2027, 11, 1, 0, 0, 0, 0, location), 6},
		} {
			w.set(step.at)
			for w.spend(10) {
			}
			w.refill()
			if charged = w.processor.charges(); charged != step.want {
				t.Errorf("%s, %s: %d charges, want %d", zone, step.at, charged, step.want)
			}
		}
		w.refilled(charged)
	}
	// One cent too few.
	w := newWorld(t).arm(499)
	w.refill()
	w.phase(ledger.RefillBackoff, ledger.ReasonMonthlyCap)
	w.refilled(0)
}

func TestManyRefillsAtOnceChargeOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []billing.PaymentStatus{billing.Succeeded, billing.Processing, billing.Declined} {
		w := newWorld(t).arm(1_000_000)
		w.processor.card = becomes(status, fmt.Sprint("it is ", status))
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				if err := w.Refill(w.ctx(), acme); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(w.processor.payments) != 1 {
			t.Errorf("%s: %d payments were made", status, len(w.processor.payments))
		}
		if want := map[billing.PaymentStatus]credit.Amount{billing.Succeeded: 50 * one}[status]; w.available() != want {
			t.Errorf("%s: %s are available", status, w.available())
		}
	}
}
