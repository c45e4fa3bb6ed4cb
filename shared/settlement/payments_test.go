package settlement_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"drawdown/shared/billing"
	"drawdown/shared/census"
	"drawdown/shared/commit/committest"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/settlement"
)

var smallPack = billing.PackSale{PackID: "small", Credits: 50 * one, ValidityDays: 365}

// about are all messages that can refer to a payment.
func about(payment string) []message {
	n := payment[len("pi_"):]
	return []message{
		{settlement.OfPayment, payment}, {settlement.OfCharge, "ch_" + n}, {settlement.OfRefund, "re_" + n},
		{settlement.OfDispute, "dp_" + n}, {settlement.OfSession, "cs_pi_" + n},
	}
}

// step lets a payment's money go one way that real money goes.
func (p *processor) step(id string, kind int, part int64) {
	p.change(func() {
		payment := p.payments[id]
		switch {
		case kind == 0:
			payment.Refunded = min(payment.Amount.Minor, payment.Refunded+part)
		case kind == 1 && payment.Dispute == billing.NoDispute:
			payment.Dispute, payment.Disputed = billing.DisputeOpen, payment.Amount.Minor-payment.Refunded
		case kind == 2 && payment.Dispute == billing.DisputeOpen:
			payment.Dispute = billing.DisputeWon
		case kind == 3 && payment.Dispute == billing.DisputeOpen:
			payment.Dispute = billing.DisputeLost
		}
	})
}

// checkMoney checks the state once everything was delivered: each payment granted
// once, each taken back to match its money, and no credit more or less.
func (w *world) checkMoney(payments []string, spent credit.Amount) {
	w.Helper()
	want := -spent
	for _, id := range payments {
		payment, err := w.processor.Payment(w.ctx(), id)
		w.must(err)
		sum, times := w.granted(func(e *ledger.Entry) bool {
			issue := ledger.DetailOf[*ledger.Issue](e)
			return issue != nil && issue.Payment == id
		})
		if sum != payment.Pack.Credits || times != 1 {
			w.Errorf("payment %s has granted %s credits in %d entries, want %s", id, sum, times, payment.Pack.Credits)
		}
		gone, err := payment.TakenBack(payment.Pack.Credits)
		w.must(err)
		if got := w.gone(ledger.PaymentOperation(id)); got != gone {
			w.Errorf("of payment %s %s credits are gone, want %s: %+v", id, got, gone, payment)
		}
		want += sum - gone
	}
	if got := w.available() - w.wallet().Owed; got != want {
		w.Errorf("%s are available and %s owed, together %s, want %s", w.available(), w.wallet().Owed, got, want)
	}
}

// However often, in whatever order and however late messages come, while the
// money moves on and credits are spent and bought, the end is the present money.
func TestPaymentsEndAsTheirMoneyIs(t *testing.T) {
	committest.Bound(t, 150)
	floors := census.Floors{
		"payments": 100, "debits accepted": 20, "debits refused": 12, "settlements that failed": 30,
		"entries of a grant": 100, "entries of a take_back": 40,
	}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		w := newWorld(t)
		var payments []string
		var waiting []message
		spent := credit.Amount(0)
		for range rapid.IntRange(3, 25).Draw(t, "steps") {
			switch kind := rapid.IntRange(0, 7).Draw(t, "step"); {
			case kind == 0 || len(payments) == 0:
				payments = append(payments, w.processor.buy(acme, smallPack, 499))
				waiting = append(waiting, about(payments[len(payments)-1])...)
			case kind < 3:
				id := rapid.SampledFrom(payments).Draw(t, "payment")
				w.processor.step(id, rapid.IntRange(0, 3).Draw(t, "way"), rapid.Int64Range(1, 499).Draw(t, "part"))
				waiting = append(waiting, about(id)...)
			case kind == 3:
				n := rapid.Int64Range(1, 60).Draw(t, "spent")
				if w.spend(n) {
					spent += credit.Amount(n) * one
					did.Count("debits accepted")
				} else {
					did.Count("debits refused")
				}
			case kind == 4: // some of them fail
				w.faults.failAt(rapid.IntRange(1, 9).Draw(t, "fails"), rapid.Bool().Draw(t, "after"))
				err := w.Settle(w.ctx(), settlement.OfPayment, rapid.SampledFrom(payments).Draw(t, "payment"))
				did.CountIf(err != nil, "settlements that failed")
				w.faults.none()
			default:
				some := rapid.SliceOfN(rapid.SampledFrom(waiting), 1, 5).Draw(t, "delivered")
				w.queue(some, rapid.IntRange(1, 3).Draw(t, "at once"))
			}
		}
		for _, id := range payments {
			w.deliver(message{settlement.OfPayment, id})
		}
		w.checkMoney(payments, spent)
		w.countEntries(did)
		did.Add("payments", len(payments))
		did.CountIf(w.wallet().Owed > 0, "accounts that owe")
	})
}

// Up to five deliveries of every message, in any order, side by side, while the
// processor's objects change.
func TestPaymentsInParallel(t *testing.T) {
	t.Parallel()
	var did census.Census
	for seed := range uint64(25) {
		w := newWorld(t)
		random := rand.New(rand.NewPCG(seed, 1))
		var payments []string
		var messages []message
		for range 4 {
			payments = append(payments, w.processor.buy(acme, smallPack, 499))
			messages = append(messages, about(payments[len(payments)-1])...)
		}
		var group sync.WaitGroup
		group.Go(func() {
			moves := rand.New(rand.NewPCG(seed, 2))
			for range 60 {
				w.processor.step(payments[moves.IntN(4)], moves.IntN(4), 1+moves.Int64N(200))
			}
		})
		w.queue(shuffled(random, messages), 6)
		group.Wait()
		w.queue(messages, 6)
		w.checkMoney(payments, 0)
		for _, id := range payments {
			w.checkLine(id)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		w.countEntries(&did)
	}
	did.Require(t, census.Floors{"entries of a grant": 100, "entries of a take_back": 40})
}

// checkLine holds that a payment's lines of the history are its present state's.
func (w *world) checkLine(id string) {
	w.Helper()
	payment, err := w.processor.Payment(w.ctx(), id)
	w.must(err)
	want := billing.BillPaid
	if payment.Dispute == billing.DisputeOpen {
		want = billing.BillDisputed
	}
	if got := w.store.line(id); got.State != want || got.Amount != payment.Amount || got.Credits != payment.Pack.Credits || got.Description != "Small" {
		w.Errorf("the line of payment %+v is %+v", payment, got)
	}
	gone := payment.Refunded
	if payment.Dispute == billing.DisputeOpen || payment.Dispute == billing.DisputeLost {
		gone = min(gone+payment.Disputed, payment.Amount.Minor)
	}
	if got := w.store.line("refund:" + id); got.Amount.Minor != gone {
		w.Errorf("the line of what came back of %+v is %+v", payment, got)
	}
}

// A dispute that was won leaves everything as if it had never been, whatever was
// spent and bought while it was open.
func TestAWonDisputeRestores(t *testing.T) {
	committest.Bound(t, 150)
	floors := census.Floors{
		"debits spent before": 50, "debits spent meanwhile": 15, "disputes that leave a debt": 50,
		"entries of a grant": 100, "entries of a take_back": 50, "entries of a give_back": 50,
	}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		w, twin := newWorld(t), newWorld(t)
		both := func(do func(*world) bool) bool { return do(w) && do(twin) }
		buy := func(w *world) bool {
			w.deliver(message{settlement.OfPayment, w.processor.buy(acme, smallPack, 499)})
			return true
		}
		spend := func(label string) {
			n := rapid.Int64Range(1, 50).Draw(t, label)
			spent := both(func(w *world) bool { return w.spend(n) }) // what the dispute refuses, the twin does not try
			did.CountIf(spent, "debits "+label)
		}
		both(buy)
		spend("spent before")
		disputed := "pi_1"
		w.processor.step(disputed, 1, 0)
		w.deliver(message{settlement.OfDispute, "dp_1"})
		did.CountIf(w.wallet().Owed > 0, "disputes that leave a debt")
		for range rapid.IntRange(0, 6).Draw(t, "meanwhile") {
			if rapid.Bool().Draw(t, "buys") {
				both(buy)
			} else {
				spend("spent meanwhile")
			}
		}
		w.processor.step(disputed, 2, 0)
		w.deliver(message{settlement.OfDispute, "dp_1"}, message{settlement.OfPayment, disputed})
		if w.available() != twin.available() || w.wallet().Owed != 0 {
			t.Fatalf("after a dispute that was won %s are available and %s owed; without it it would be %s", w.available(), w.wallet().Owed, twin.available())
		}
		w.countEntries(did)
	})
}

// What was spent of a grant that is refunded is owed, and the next purchase pays it.
func TestASpentRefundIsOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.processor.buy(acme, smallPack, 500)
	w.deliver(message{settlement.OfPayment, id})
	w.spend(30)
	w.processor.step(id, 0, 500)
	w.deliver(message{settlement.OfCharge, "ch_1"})
	if w.available() != 0 || w.wallet().Owed != 30*one {
		t.Fatalf("%s are available and %s owed, want 0 and 30", w.available(), w.wallet().Owed)
	}
	w.deliver(message{settlement.OfPayment, w.processor.buy(acme, smallPack, 500)})
	if w.available() != 20*one || w.wallet().Owed != 0 {
		t.Errorf("%s are available and %s owed, want 20 and 0", w.available(), w.wallet().Owed)
	}
}

// A crash anywhere is repaired by the retried message.
func TestAPaymentSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	for _, part := range []int64{0, 200} {
		crashes(t, func() *world { return newWorld(t) }, func(w *world) error {
			id := w.processor.buy(acme, smallPack, 499)
			if part > 0 {
				w.processor.step(id, 0, part)
			}
			return w.Settle(w.ctx(), settlement.OfPayment, id)
		}, func(w *world, crash string) {
			w.deliver(message{settlement.OfPayment, "pi_1"})
			w.checkMoney([]string{"pi_1"}, 0)
			w.checkLine("pi_1")
			if t.Failed() {
				t.Fatal(crash)
			}
		})
	}
}

// A line of the history, and what is taken back, never follow an older reading:
// one that is slow at any of its steps is overtaken by a newer one.
func TestNoOldReadingWins(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"never", "before the dispute", "after it"} { // settled
		for way := range 4 {
			interleaved(t, func() *world {
				w := newWorld(t)
				w.processor.buy(acme, smallPack, 499)
				if before == "before the dispute" {
					w.deliver(message{settlement.OfPayment, "pi_1"})
				}
				if way > 1 {
					w.processor.step("pi_1", 1, 0)
				}
				if before == "after it" {
					w.deliver(message{settlement.OfPayment, "pi_1"})
				}
				w.faults.none()
				return w
			}, func(w *world) error {
				return w.Settle(w.ctx(), settlement.OfPayment, "pi_1")
			}, func(w *world) error {
				w.processor.step("pi_1", way, 200)
				return w.Settle(w.ctx(), settlement.OfCharge, "ch_1")
			}, func(w *world, place string) {
				w.checkMoney([]string{"pi_1"}, 0)
				w.checkLine("pi_1")
				if t.Failed() {
					t.Fatalf("way %d, settled %s, %s", way, before, place)
				}
			})
		}
	}
}

// The history shows what was bought by its name at the time.
func TestTheCatalogDoesNotChangeThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.processor.buy(acme, smallPack, 499)
	w.deliver(message{settlement.OfPayment, "pi_1"})
	pack := w.store.packs["small"]
	pack.Name = "Tiny"
	w.store.packs["small"] = pack
	w.deliver(message{settlement.OfPayment, "pi_1"})
	w.checkLine("pi_1")
}

// A refund that the bank rejected restores the credits, and its line shows it.
func TestARefundThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.processor.buy(acme, smallPack, 500)
	w.processor.step(id, 0, 500)
	w.deliver(message{settlement.OfRefund, "re_1"})
	if w.available() != 0 {
		t.Errorf("after the refund %s are available", w.available())
	}
	w.processor.change(func() { w.processor.payments[id].Refunded = 0 })
	w.deliver(message{settlement.OfRefund, "re_1"}) // the only notice of its failure
	if line := w.store.line("refund:" + id); line.State != billing.BillVoid || line.Amount.Minor != 0 {
		t.Errorf("its line is %+v", line)
	}
	w.checkMoney([]string{id}, 0)
}

// What is not ours, or not paid, grants nothing.
func TestForeignAndUnpaidPayments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, status := range []billing.PaymentStatus{billing.Processing, billing.Declined, billing.ActionRequired, billing.Canceled} {
		id := w.processor.buy(acme, smallPack, 500)
		w.processor.payments[id].Status = status
		w.deliver(message{settlement.OfPayment, id})
		want := []billing.BillState{billing.BillPending, billing.BillFailed, billing.BillOpen, billing.BillVoid}[i]
		if got := w.store.line(id).State; got != want {
			t.Errorf("the line of a payment that is %s says %s", status, got)
		}
	}
	foreign := w.processor.buy("", smallPack, 500)
	w.deliver(message{settlement.OfPayment, foreign}, message{"product", "prod_1"})
	if len(w.entries()) != 1 || w.store.line(foreign).ID != "" {
		t.Errorf("there are %d entries, want that of the opening alone", len(w.entries()))
	}
}

// A session refers to its payment or to its subscription.
func TestSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.processor.buy(acme, smallPack, 500)
	w.processor.subscribe("sub_1", "pro")
	w.deliver(message{settlement.OfSession, "cs_pi_1"}, message{settlement.OfSession, "cs_sub_1"})
	standing, err := w.store.Standing(context.Background(), acme)
	if err != nil || standing == nil || standing.PlanID != "pro" || w.available() != 50*one {
		t.Errorf("%s are available, and what stands is %+v, %v", w.available(), standing, err)
	}
}
