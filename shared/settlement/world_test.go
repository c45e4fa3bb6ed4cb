package settlement_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/census"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
	"drawdown/shared/rating"
	"drawdown/shared/settlement"
)

// noon is when the tests' accounts are opened.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

const (
	acme = "acme"
	one  = credit.Credit
	day  = 24 * time.Hour
)

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }

// failer is a test, rapid's or Go's.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// world is an account, and all that a settler deals with.
type world struct {
	failer
	*settlement.Settler
	clock     atomic.Int64
	faults    *faults
	processor *processor
	store     *store
	committer *commit.Committer
	warned    atomic.Int64 // of two subscriptions
	debits    int
}

// rates is a card on which a node costs one credit.
type rates struct{}

func (rates) Book(context.Context, time.Time) (rating.Book, error) {
	return rating.NewBook([]rating.Card{{Version: "v1", EffectiveAt: noon.Add(-900 * day), Rates: []rating.Rate{
		{Item: rating.Item{Node: "node", Action: "run"}, PerUnit: one},
	}}}), nil
}

func newWorld(t failer, changes ...func(*ledger.Settings)) *world {
	w := &world{failer: t, faults: &faults{}}
	w.clock.Store(noon.UnixNano())
	w.store, w.processor = newStore(w.faults), newProcessor(w.faults, w.now)
	w.committer = &commit.Committer{
		Store: w.store, Rates: rates{}, Now: w.now, OnRetry: func(context.Context, commit.Cause) {},
		Rules: ledger.Rules{MaxBackdate: 35 * day, MaxAhead: 5 * time.Minute, Channels: []string{"api"}},
	}
	w.Settler = &settlement.Settler{
		Store: w.store, Committer: w.committer, Processor: w.processor, Now: w.now,
		OnTwoSubscriptions: func(context.Context, string, string, string) { w.warned.Add(1) },
	}
	for _, plan := range []billing.Plan{
		{ID: "free", Name: "Free", Interval: billing.Monthly, IncludedCredits: 10 * one},
		{ID: "basic", Name: "Basic", Price: usd(1000), Interval: billing.Monthly, IncludedCredits: 100 * one},
		{ID: "pro", Name: "Pro", Price: usd(3000), Interval: billing.Monthly, IncludedCredits: 400 * one},
		{ID: "max", Name: "Max", Price: usd(9000), Interval: billing.Monthly, IncludedCredits: 900 * one},
		{ID: "yearly", Name: "Yearly", Price: usd(9000), Interval: billing.Yearly, IncludedCredits: 1200 * one},
		{ID: "bare", Name: "Bare", Price: usd(500), Interval: billing.Monthly},
		{
			ID: "metered", Name: "Metered", Price: usd(1000), Interval: billing.Monthly, IncludedCredits: 5 * one,
			Overage: ledger.Overage{Policy: ledger.Bill, Limit: 1000 * one}, OveragePrice: 1_500_000,
		},
	} {
		w.store.plans[plan.ID] = plan
	}
	w.store.packs["small"] = billing.Pack{ID: "small", Name: "Small", Price: usd(500), Credits: 50 * one, ValidityDays: 365, Active: true}
	w.store.packs["large"] = billing.Pack{ID: "large", Name: "Large", Price: usd(2000), Credits: 300 * one, Active: true}
	settings := ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}
	for _, change := range changes {
		change(&settings)
	}
	w.must(w.committer.Do(w.ctx(), acme, ledger.Command{Action: ledger.Configure{Settings: settings}}).Err)
	w.faults.none()
	return w
}

func (w *world) ctx() context.Context { return context.Background() }
func (w *world) now() time.Time       { return time.Unix(0, w.clock.Load()).UTC() }

func (w *world) set(at time.Time)     { w.clock.Store(at.UnixNano()) }
func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }
func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v", err)
	}
}

// wallet reads the wallet without counting as a call.
func (w *world) wallet() *ledger.Wallet {
	snapshot, err := w.store.ledger.Read(w.ctx(), acme, nil, "")
	w.must(err)
	return snapshot.Wallet
}

func (w *world) available() credit.Amount { return w.wallet().BalanceAt(w.now()).Available }

func (w *world) entries() []ledger.Entry {
	entries, err := w.store.ledger.Entries(w.ctx(), acme, 0, 100_000)
	w.must(err)
	return entries
}

// countEntries counts the account's entries by their type.
func (w *world) countEntries(did *census.Census) {
	for _, entry := range w.entries() {
		did.Count("entries of a " + string(entry.Type()))
	}
}

// granted is what was granted under operations, and how often.
func (w *world) granted(of func(*ledger.Entry) bool) (sum credit.Amount, times int) {
	for _, entry := range w.entries() {
		if of(&entry) {
			sum += ledger.Granted(entry)
			times++
		}
	}
	return sum, times
}

func (w *world) gone(operation ledger.OperationID) credit.Amount {
	snapshot, err := w.store.ledger.Read(w.ctx(), acme, nil, operation)
	w.must(err)
	if snapshot.Charged == nil {
		return 0
	}
	return snapshot.Charged.Reversed.Credits
}

// spend debits whole credits, if available.
func (w *world) spend(credits int64) bool {
	w.debits++
	outcome := w.committer.Do(w.ctx(), acme, ledger.Keyed(ledger.OperationID(fmt.Sprintf("op-%d", w.debits)), ledger.Debit{
		Agent: ledger.Agent{ID: "a"}, Channel: "api", Lines: []rating.Line{{Item: rating.Item{Node: "node", Action: "run"}, Quantity: credit.Amount(credits) * one}},
	}))
	return outcome.Err == nil
}

// message is what a webhook refers to.
type message struct {
	kind settlement.Kind
	id   string
}

// deliver settles a message until it is, as its queue does.
func (w *world) deliver(messages ...message) {
	w.Helper()
	for _, m := range messages {
		var err error
		for range 20 {
			if err = w.Settle(w.ctx(), m.kind, m.id); err == nil {
				break
			}
		}
		if err != nil {
			w.Errorf("%s %s is not settled: %v", m.kind, m.id, err)
		}
	}
}

// queue settles messages, a few at a time; what fails is retried later.
func (w *world) queue(messages []message, workers int) {
	w.Helper()
	for range 20 {
		var mu sync.Mutex
		var failed []message
		var group sync.WaitGroup
		next := make(chan message)
		for range workers {
			group.Go(func() {
				for m := range next {
					if err := w.Settle(w.ctx(), m.kind, m.id); err != nil {
						mu.Lock()
						failed = append(failed, m)
						mu.Unlock()
					}
				}
			})
		}
		for _, m := range messages {
			next <- m
		}
		close(next)
		group.Wait()
		if messages = failed; len(messages) == 0 {
			return
		}
	}
	w.Errorf("never settled: %v", messages)
}

// shuffled is every message up to five times, in any order.
func shuffled(random *rand.Rand, messages []message) []message {
	var all []message
	for _, m := range messages {
		for range 1 + random.IntN(5) {
			all = append(all, m)
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// crashes runs something once for each of its calls outside, which fails before
// or after its effect, and checks each time what has come of it.
func crashes(t failer, build func() *world, run func(*world) error, check func(w *world, crash string)) {
	t.Helper()
	for _, after := range []bool{false, true} {
		for call := 1; ; call++ {
			w := build()
			w.faults.failAt(call, after)
			err := run(w)
			fired := w.faults.fired()
			w.faults.none()
			check(w, fmt.Sprintf("call %d, after its effect %t, error %v", call, after, err))
			if !fired {
				if call == 1 {
					t.Errorf("nothing was called")
				}
				break
			}
		}
	}
}

// interleaved runs one thing, and before each of its calls outside, in turn, the
// whole of another; then checks what has come of both.
func interleaved(t failer, build func() *world, first, second func(*world) error, check func(w *world, place string)) {
	t.Helper()
	for call := 1; ; call++ {
		w := build()
		var errs error
		w.faults.interruptAt(call, func() { errs = second(w) })
		err := first(w)
		met := w.faults.interrupted()
		w.faults.none()
		if !met {
			if call == 1 {
				t.Errorf("nothing was called")
			}
			return
		}
		check(w, fmt.Sprintf("interrupted before call %d: %v", call, errors.Join(err, errs)))
	}
}
