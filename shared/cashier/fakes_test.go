package cashier_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/commit"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

var start = time.Date(2026, 11, 23, 9, 30, 0, 125_000_000, time.UTC)

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }

func plan(id string, price int64) billing.Plan {
	return billing.Plan{
		ID: id, Name: "Plan " + id, Price: usd(price), Interval: billing.Monthly, IncludedCredits: 100 * credit.Credit,
		Overage: ledger.Overage{Policy: ledger.Block}, Active: true,
	}
}

// processor records its calls, and fails the given ones.
type processor struct {
	calls []string
	fails map[string]error // by the name of the call
	keys  map[string]bool  // of changes and pages that were answered
}

func (p *processor) note(name string, args ...any) error {
	p.calls = append(p.calls, name+" "+fmt.Sprint(args...))
	return p.fails[name]
}

func (p *processor) take() []string {
	calls := p.calls
	p.calls = nil
	return calls
}

func (p *processor) EnsureProduct(_ context.Context, kind, id, name, _ string) (string, error) {
	return "prod_" + id, p.note("product", kind, " ", id, " ", name)
}

func (p *processor) EnsurePrice(_ context.Context, product string, price money.Money, interval billing.Interval) (string, error) {
	return fmt.Sprintf("price_%s_%d", product, price.Minor), p.note("price", product, " ", price, " ", interval)
}

func (p *processor) EnsureCustomer(_ context.Context, account, name string) (string, error) {
	return "cus_" + account, p.note("customer", account, " ", name)
}

func (p *processor) PackCheckout(_ context.Context, c billing.PackCheckout) (string, error) {
	p.keys[c.Key] = true
	return "https://pay.example.com/" + c.Pack.ID, p.note("pack page", c.Account, " ", c.Customer, " ", c.Pack.ID, " ", c.SaveCard, " ", c.SuccessURL)
}

func (p *processor) PlanCheckout(_ context.Context, c billing.PlanCheckout) (string, error) {
	p.keys[c.Key] = true
	return "https://pay.example.com/" + c.Plan.ID, p.note("plan page", c.Account, " ", c.Customer, " ", c.Plan.ID)
}

func (p *processor) ChangeSubscription(_ context.Context, subscription, price, plan string, upgrade bool, key string) (billing.Subscription, string, error) {
	p.keys[key] = true
	invoice := ""
	if upgrade {
		invoice = "in_" + plan
	}
	return billing.Subscription{}, invoice, p.note("change", subscription, " ", price, " ", plan, " upgrade=", upgrade)
}

func (p *processor) CancelAtPeriodEnd(_ context.Context, subscription string, cancel bool, key string) (billing.Subscription, error) {
	p.keys[key] = true
	s := running(subscription, "pro").Subscription
	s.CancelAtPeriodEnd = cancel
	return s, p.note("cancel", subscription, " ", cancel)
}

func (p *processor) Portal(_ context.Context, customer, returnURL string) (string, error) {
	return "https://portal.example.com", p.note("portal", customer, " ", returnURL)
}

// settler notes what it is asked for; what it renews, it renews as the calendar does.
type settler struct {
	store *store
	asked []string
	fails error
}

func (s *settler) Subscription(_ context.Context, id string) error {
	s.asked = append(s.asked, "subscription "+id)
	return s.fails
}

func (s *settler) Invoice(_ context.Context, id string) error {
	s.asked = append(s.asked, "invoice "+id)
	return s.fails
}

func (s *settler) Renew(_ context.Context, account string) error {
	s.asked = append(s.asked, "renew "+account)
	if s.fails != nil {
		return s.fails
	}
	standing := s.store.standings[account]
	if standing.PeriodStart.Equal(standing.PeriodEnd) {
		standing.PeriodStart, standing.PeriodEnd = billing.Period(standing.Anchor, billing.Monthly, 0)
		standing.Version++
		s.store.standings[account] = standing
	}
	return nil
}

// store is a store in memory. Before is called before each write, and may be another writer.
type store struct {
	wallets   map[string]*ledger.Wallet
	plans     map[string]billing.Plan
	packs     map[string]billing.Pack
	standings map[string]billing.Standing
	customers map[string]string
	claims    map[string]billing.Claim
	before    func()
}

func (s *store) write(fits func() bool, put func()) (bool, error) {
	if race := s.before; race != nil {
		s.before = nil
		race()
	}
	if !fits() {
		return false, nil
	}
	put()
	return true, nil
}

func copied[A any](a A, found bool) *A {
	if !found {
		return nil
	}
	return &a
}

func (s *store) Wallet(_ context.Context, account string) (*ledger.Wallet, error) {
	if w := s.wallets[account]; w != nil {
		return w.Clone(), nil
	}
	return nil, nil
}

func (s *store) Plan(_ context.Context, id string) (*billing.Plan, error) {
	found, ok := s.plans[id]
	return copied(found, ok), nil
}

func (s *store) Pack(_ context.Context, id string) (*billing.Pack, error) {
	found, ok := s.packs[id]
	return copied(found, ok), nil
}

func (s *store) Standing(_ context.Context, account string) (*billing.Standing, error) {
	found, ok := s.standings[account]
	return copied(found, ok), nil
}

func (s *store) Claim(_ context.Context, account, key string) (*billing.Claim, error) {
	found, ok := s.claims[account+" "+key]
	return copied(found, ok), nil
}

func (s *store) Customer(_ context.Context, account string) (string, error) {
	return s.customers[account], nil
}

func (s *store) SavePlan(_ context.Context, p billing.Plan, replaced time.Time) (bool, error) {
	return s.write(func() bool { return s.plans[p.ID].UpdatedAt.Equal(replaced) }, func() { s.plans[p.ID] = p })
}

func (s *store) SavePack(_ context.Context, p billing.Pack, replaced time.Time) (bool, error) {
	return s.write(func() bool { return s.packs[p.ID].UpdatedAt.Equal(replaced) }, func() { s.packs[p.ID] = p })
}

func (s *store) SaveStanding(_ context.Context, st billing.Standing, _ time.Time) (bool, error) {
	return s.write(func() bool { return s.standings[st.Account].Version == st.Version }, func() {
		st.Version++
		s.standings[st.Account] = st
	})
}

func (s *store) SaveClaim(_ context.Context, c billing.Claim) (bool, error) {
	id := c.Account + " " + c.Key
	return s.write(func() bool { return s.claims[id].Version == c.Version }, func() {
		c.Version++
		s.claims[id] = c
	})
}

func (s *store) SaveCustomer(_ context.Context, account, customer string) (string, error) {
	if s.customers[account] == "" {
		s.customers[account] = customer
	}
	return s.customers[account], nil
}

// Do decides a command on the account's wallet.
func (s *store) Do(_ context.Context, account string, command ledger.Command) commit.Outcome {
	decision, err := ledger.Decide(ledger.State{Account: account, Wallet: s.wallets[account]}, command, start)
	if err != nil {
		return commit.Outcome{Err: err}
	}
	s.wallets[account] = &decision.Wallet
	return commit.Outcome{Entry: decision.Entry, Wallet: decision.Wallet}
}

// shop is a cashier and all that it depends on.
type shop struct {
	*cashier.Cashier
	store     *store
	processor *processor
	settler   *settler
	delays    int
}

func newShop(t *testing.T, plans ...billing.Plan) *shop {
	s := &shop{processor: &processor{fails: map[string]error{}, keys: map[string]bool{}}}
	s.store = &store{
		wallets: map[string]*ledger.Wallet{}, plans: map[string]billing.Plan{}, packs: map[string]billing.Pack{},
		standings: map[string]billing.Standing{}, customers: map[string]string{}, claims: map[string]billing.Claim{},
	}
	s.settler = &settler{store: s.store}
	s.Cashier = &cashier.Cashier{
		Store: s.store, Committer: s.store, Processor: s.processor, Settler: s.settler,
		Now: func() time.Time { return start }, OnDelay: func(context.Context, string, error) { s.delays++ },
	}
	opened := s.store.Do(t.Context(), "acme", ledger.Command{Action: ledger.Configure{Settings: ledger.Settings{Name: "Acme", Zone: "UTC", Status: ledger.Active}}})
	if opened.Err != nil {
		t.Fatal(opened.Err)
	}
	for _, p := range plans {
		p.UpdatedAt = start
		if !p.Free() {
			p.PriceID = "price_" + p.ID
		}
		s.store.plans[p.ID] = p
	}
	s.store.packs["p500"] = billing.Pack{ID: "p500", Name: "500", Price: usd(500), Credits: 500 * credit.Credit, Active: true, PriceID: "price_p500"}
	s.store.packs["old"] = billing.Pack{ID: "old", Name: "Old", Price: usd(500), Credits: credit.Credit, PriceID: "price_old"}
	return s
}

// running is a paid subscription whose period is open.
func running(id, planID string) billing.Standing {
	return billing.Standing{
		Subscription: billing.Subscription{
			ID: id, Account: "acme", PlanID: planID, PriceID: "price_" + planID, Status: billing.SubscriptionActive,
			Anchor: start, PeriodStart: start, PeriodEnd: start.AddDate(0, 1, 0),
		},
		Version: 1,
	}
}

// subscribe gives the account a subscription, and the open period of a plan.
func (s *shop) subscribe(standing billing.Standing, open string) {
	s.store.standings["acme"] = standing
	s.store.wallets["acme"].Plan = &ledger.PlanState{
		Subscription: standing.ID, Plan: open, Start: standing.PeriodStart, End: standing.PeriodEnd,
		Overage: ledger.Overage{Policy: ledger.Bill, Limit: 50 * credit.Credit}, OverageRate: money.Rate{PerCredit: 1_500_000, Currency: "usd"}, Included: 70 * credit.Credit,
	}
}

func wish(planID, packID string) cashier.Wish {
	return cashier.Wish{Account: "acme", Key: "k1", Plan: planID, Pack: packID, SuccessURL: "https://back.example.com/ok", CancelURL: "https://back.example.com/no"}
}

func (s *shop) want(t *testing.T, what string, calls ...string) {
	t.Helper()
	if got := s.processor.take(); !slices.Equal(got, calls) {
		t.Errorf("%s: the processor was asked for %q, want %q", what, got, calls)
	}
}

func code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.CodeOf(err)
}

func keysOf(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
