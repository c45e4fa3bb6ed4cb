package cashier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/cashier"
	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/settlement"
)

var errDown = fmt.Errorf("reading: %w", billing.ErrUnknown)

func TestAPlanIsMirroredBeforeItIsOffered(t *testing.T) {
	s := newShop(t)
	pro := plan("pro", 2000)
	s.processor.fails["price"] = errDown
	if _, _, err := s.PutPlan(t.Context(), pro); code(err) != fault.PaymentsUnavailable || len(s.store.plans) != 0 {
		t.Errorf("with the processor down: %v, %v", err, s.store.plans)
	}
	s.processor.take()
	delete(s.processor.fails, "price")
	put, created, err := s.PutPlan(t.Context(), pro)
	if err != nil || !created || put.PriceID == "" || put.UpdatedAt != start || s.store.plans["pro"] != put {
		t.Errorf("first: %+v, %v, %v", put, created, err)
	}
	s.want(t, "first", "product plan pro Plan pro", "price prod_pro 2000 usd month")
	if again, created, err := s.PutPlan(t.Context(), pro); err != nil || created || again != put {
		t.Errorf("again: %+v, %v, %v", again, created, err)
	}
	s.want(t, "the same again")
	pro.Price = usd(3000)
	changed, created, err := s.PutPlan(t.Context(), pro)
	if err != nil || created || changed.PriceID == put.PriceID || !changed.UpdatedAt.After(put.UpdatedAt) {
		t.Errorf("changed: %+v, %v, %v", changed, created, err)
	}
	s.processor.take()
	if free, _, err := s.PutPlan(t.Context(), plan("free", 0)); err != nil || free.PriceID != "" || free.ProductID != "" {
		t.Errorf("free: %+v, %v", free, err)
	}
	s.want(t, "a free plan")
}

func TestNoChangeOfTheCatalogIsLost(t *testing.T) {
	s := newShop(t)
	pack := billing.Pack{ID: "new", Name: "New", Price: usd(100), Credits: credit.Credit, Active: true}
	if _, created, err := s.PutPack(t.Context(), pack); err != nil || !created {
		t.Fatal(created, err)
	}
	s.want(t, "a pack", "product pack new New", "price prod_new 100 usd ")
	other := pack
	other.Name = "Other"
	s.store.before = func() {
		if _, _, err := s.PutPack(t.Context(), other); err != nil {
			t.Error(err)
		}
	}
	pack.Name = "Mine"
	if put, created, err := s.PutPack(t.Context(), pack); err != nil || created || put.Name != "Mine" || s.store.packs["new"].Name != "Mine" {
		t.Errorf("%+v, %v, %v", put, created, err)
	}
}

func TestAPackIsBoughtAtThePage(t *testing.T) {
	s := newShop(t)
	w := wish("", "p500")
	w.SaveCard = true
	page, err := s.Checkout(t.Context(), w)
	if err != nil || page != (cashier.Page{URL: "https://pay.example.com/p500"}) {
		t.Errorf("%+v, %v", page, err)
	}
	s.want(t, "first", "customer acme Acme", "pack page acme cus_acme p500 true https://back.example.com/ok")
	if again, err := s.Checkout(t.Context(), w); err != nil || again != (cashier.Page{URL: page.URL, Replayed: true}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	s.want(t, "a replay")
	w.SaveCard = false
	if _, err := s.Checkout(t.Context(), w); code(err) != fault.IdempotencyKeyReused {
		t.Errorf("another wish under the key: %v", err)
	}
	w.Key = "k2"
	s.store.wallets["acme"].Settings.Status = ledger.Suspended
	if _, err := s.Checkout(t.Context(), w); err != nil {
		t.Errorf("a suspended account: %v", err)
	}
	s.want(t, "the second", "pack page acme cus_acme p500 false https://back.example.com/ok")
}

func TestWhatCannotBeBoughtChangesNothing(t *testing.T) {
	s := newShop(t)
	s.store.plans["old"] = billing.Plan{ID: "old", Price: usd(5), Interval: billing.Monthly}
	for _, c := range []struct {
		wish cashier.Wish
		want fault.Code
	}{
		{wish("", "none"), fault.PackNotFound}, {wish("", "old"), fault.NotOffered},
		{wish("none", ""), fault.PlanNotFound}, {wish("old", ""), fault.NotOffered},
		{cashier.Wish{Account: "nobody", Key: "k1", Pack: "p500"}, fault.AccountNotFound},
	} {
		if _, err := s.Checkout(t.Context(), c.wish); code(err) != c.want {
			t.Errorf("%+v: %v, want %s", c.wish, err, c.want)
		}
	}
	if len(s.store.claims) != 0 || len(s.store.customers) != 0 {
		t.Errorf("claims %v, customers %v", s.store.claims, s.store.customers)
	}
	s.want(t, "refusals")
	if _, err := s.Checkout(t.Context(), wish("", "p500")); err != nil {
		t.Errorf("the key of a refused wish: %v", err)
	}
}

// A crash or an answer that was lost leaves a claim, under which the same wish goes on.
func TestAWishGoesOnWhereItWasBrokenOff(t *testing.T) {
	s := newShop(t)
	s.processor.fails["pack page"] = errDown
	if _, err := s.Checkout(t.Context(), wish("", "p500")); code(err) != fault.PaymentsUnavailable {
		t.Fatal(err)
	}
	if _, err := s.Checkout(t.Context(), wish("pro", "")); code(err) != fault.IdempotencyKeyReused {
		t.Errorf("another wish meanwhile: %v", err)
	}
	delete(s.processor.fails, "pack page")
	if page, err := s.Checkout(t.Context(), wish("", "p500")); err != nil || page.Replayed || page.URL == "" {
		t.Errorf("%+v, %v", page, err)
	}
	if len(s.processor.keys) != 1 {
		t.Errorf("the two tries have the keys %v", keysOf(s.processor.keys))
	}
}

// Two at once under one key: the same wish gets one answer, another one is refused.
func TestAKeyStandsForOneWish(t *testing.T) {
	s := newShop(t, plan("pro", 2000))
	s.store.before = func() {
		if _, err := s.Checkout(t.Context(), wish("pro", "")); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Checkout(t.Context(), wish("", "p500")); code(err) != fault.IdempotencyKeyReused {
		t.Errorf("another wish: %v", err)
	}
	w := wish("", "p500")
	w.Key = "k2"
	s.store.before = func() {
		if _, err := s.Checkout(t.Context(), w); err != nil {
			t.Error(err)
		}
	}
	if page, err := s.Checkout(t.Context(), w); err != nil || !page.Replayed {
		t.Errorf("the same wish: %+v, %v", page, err)
	}
}

func TestAFreePlanBeginsAtOnce(t *testing.T) {
	s := newShop(t, plan("free", 0), plan("free2", 0), plan("pro", 2000))
	page, err := s.Checkout(t.Context(), wish("free", ""))
	standing := s.store.standings["acme"]
	begins := start.Truncate(time.Second)
	if err != nil || page.URL != "https://back.example.com/ok" || standing.ID != billing.FreeID("acme", begins) || !standing.Free() ||
		standing.PlanID != "free" || !standing.PeriodStart.Equal(begins) || !standing.PeriodEnd.Equal(begins.AddDate(0, 1, 0)) {
		t.Fatalf("%+v, %v: %+v", page, err, standing)
	}
	s.want(t, "a free plan")
	w := wish("free", "")
	w.Key = "k2"
	if _, err := s.Checkout(t.Context(), w); code(err) != fault.PlanAlreadyActive {
		t.Errorf("the same again: %v", err)
	}
	w = wish("free2", "")
	w.Key = "k3"
	if _, err := s.Checkout(t.Context(), w); err != nil || s.store.standings["acme"].NextPlan != "free2" {
		t.Errorf("another free one: %v, %+v", err, s.store.standings["acme"])
	}
	w = wish("free", "")
	w.Key = "k4"
	if _, err := s.Checkout(t.Context(), w); err != nil || s.store.standings["acme"].NextPlan != "" {
		t.Errorf("taken back: %v, %+v", err, s.store.standings["acme"])
	}
	w = wish("pro", "")
	w.Key = "k5"
	if page, err := s.Checkout(t.Context(), w); err != nil || page.URL != "https://pay.example.com/pro" {
		t.Errorf("from free to paid: %+v, %v", page, err)
	}
}

func TestAFreePlanThatWasBrokenOffIsOpenedByTheSameWish(t *testing.T) {
	s := newShop(t, plan("free", 0))
	s.settler.fails = errors.New("down")
	if _, err := s.Checkout(t.Context(), wish("free", "")); err == nil {
		t.Fatal("nothing was opened, and the answer is no error")
	}
	began := s.store.standings["acme"].ID
	s.settler.fails = nil
	if page, err := s.Checkout(t.Context(), wish("free", "")); err != nil || page.Replayed {
		t.Errorf("%+v, %v", page, err)
	}
	if standing := s.store.standings["acme"]; standing.ID != began || !standing.PeriodEnd.After(standing.PeriodStart) {
		t.Errorf("%+v", standing)
	}
}

// Every way from a paid plan to another.
func TestChangesOfPlan(t *testing.T) {
	yearly, euros := plan("year", 20000), plan("euros", 5000)
	yearly.Interval, euros.Price.Currency = billing.Yearly, "eur"
	retired := plan("retired", 900)
	retired.Active = false
	all := []billing.Plan{plan("free", 0), plan("basic", 1000), plan("pro", 2000), plan("pro2", 2000), plan("max", 5000), yearly, euros, retired}
	for name, c := range map[string]struct {
		coming, to string // the open plan is pro
		mend       func(*billing.Standing)
		want       fault.Code
		call       string
	}{
		"dearer":                      {"pro", "max", nil, "", "change sub_1 price_max max upgrade=true"},
		"cheaper":                     {"pro", "basic", nil, "", "change sub_1 price_basic basic upgrade=false"},
		"as dear":                     {"pro", "pro2", nil, "", "change sub_1 price_pro2 pro2 upgrade=false"},
		"the same":                    {"pro", "pro", nil, fault.PlanAlreadyActive, ""},
		"the coming one":              {"basic", "basic", nil, fault.PlanAlreadyActive, ""},
		"a change taken back":         {"basic", "pro", nil, "", "change sub_1 price_pro pro upgrade=false"},
		"dearer, with a change due":   {"basic", "max", nil, fault.PlanChangeNotPossible, ""},
		"free":                        {"pro", "free", nil, fault.PlanChangeNotPossible, ""},
		"another period":              {"pro", "year", nil, fault.PlanChangeNotPossible, ""},
		"another currency":            {"pro", "euros", nil, fault.PlanChangeNotPossible, ""},
		"not offered":                 {"pro", "retired", nil, fault.NotOffered, ""},
		"not paid":                    {"pro", "max", func(s *billing.Standing) { s.Status = billing.SubscriptionPastDue }, fault.PlanChangeNotPossible, ""},
		"canceled":                    {"pro", "max", func(s *billing.Standing) { s.CancelAtPeriodEnd = true }, fault.PlanChangeNotPossible, ""},
		"the same, canceled":          {"pro", "pro", func(s *billing.Standing) { s.CancelAtPeriodEnd = true }, fault.PlanAlreadyActive, ""},
		"after the end":               {"pro", "pro", func(s *billing.Standing) { s.Status = billing.SubscriptionEnded }, "", "plan page acme cus_1 pro"},
		"the first was not paid":      {"pro", "basic", func(s *billing.Standing) { s.Status = billing.SubscriptionIncomplete }, "", "plan page acme cus_1 basic"},
		"free, after the end of paid": {"pro", "free", func(s *billing.Standing) { s.Status = billing.SubscriptionEnded }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, all...)
			s.store.customers["acme"] = "cus_1"
			standing := running("sub_1", c.coming)
			if c.mend != nil {
				c.mend(&standing)
			}
			s.subscribe(standing, "pro")
			page, err := s.Checkout(t.Context(), wish(c.to, ""))
			if code(err) != c.want || (err == nil) != (page.URL != "") {
				t.Errorf("%+v, %v, want %q", page, err, c.want)
			}
			if c.call == "" {
				s.want(t, name)
				return
			}
			s.want(t, name, c.call)
			settled := map[bool]string{true: "invoice in_" + c.to, false: "subscription sub_1"}[strings.HasSuffix(c.call, "upgrade=true")]
			if changed := strings.HasPrefix(c.call, "change"); changed && !slices.Equal(s.settler.asked, []string{settled}) {
				t.Errorf("settled %v, want %s", s.settler.asked, settled)
			}
		})
	}
}

// The operator has changed a price, and the subscriber pays what it was: what is paid
// decides, as the processor charges or credits the difference to that.
func TestWhatIsPaidDecidesBetweenUpgradeAndDowngrade(t *testing.T) {
	for name, c := range map[string]struct {
		catalog, paid, other int64
		upgrade              bool
	}{
		"cut below what is paid":   {1000, 3000, 2000, false},
		"raised above the other":   {3000, 1000, 2000, true},
		"paid as the catalog says": {1000, 1000, 2000, true},
		"not known":                {1000, 0, 2000, true},
	} {
		s := newShop(t, plan("pro", c.catalog), plan("other", c.other))
		standing := running("sub_1", "pro")
		if c.paid > 0 {
			standing.Price = usd(c.paid)
		}
		s.subscribe(standing, "pro")
		if _, err := s.Checkout(t.Context(), wish("other", "")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.want(t, name, fmt.Sprintf("change sub_1 price_other other upgrade=%t", c.upgrade))
	}
	// Once a downgrade is scheduled, its price is the subscription's, which is not
	// the open period's: the previous plan can be restored for free.
	s := newShop(t, plan("basic", 1000), plan("pro", 2000))
	standing := running("sub_1", "basic")
	standing.Price = usd(1000)
	s.subscribe(standing, "pro")
	if _, err := s.Checkout(t.Context(), wish("pro", "")); err != nil {
		t.Error(err)
	}
	s.want(t, "taken back", "change sub_1 price_pro pro upgrade=false")
}

// A declined card changes nothing and frees the key, under which another try is
// another request to the processor.
func TestADeclinedUpgradeMayBeTriedAgain(t *testing.T) {
	s := newShop(t, plan("pro", 2000), plan("max", 5000))
	s.subscribe(running("sub_1", "pro"), "pro")
	s.processor.fails["change"] = fmt.Errorf("changing: %w", &billing.Refusal{Message: "Your card has insufficient funds", Code: "insufficient_funds"})
	_, err := s.Checkout(t.Context(), wish("max", ""))
	if code(err) != fault.PaymentDeclined || !strings.Contains(err.Error(), "Your card has insufficient funds. Nothing") {
		t.Fatal(err)
	}
	delete(s.processor.fails, "change")
	if page, err := s.Checkout(t.Context(), wish("max", "")); err != nil || page.Replayed {
		t.Errorf("%+v, %v", page, err)
	}
	if len(s.processor.keys) != 2 {
		t.Errorf("both tries have the key %v", keysOf(s.processor.keys))
	}
}

// The notice of an upgrade may arrive before the answer to it: then its wish has
// been carried out.
func TestAnUpgradeWhoseAnswerWasLostIsNotRefused(t *testing.T) {
	s := newShop(t, plan("pro", 2000), plan("max", 5000))
	s.subscribe(running("sub_1", "pro"), "pro")
	s.processor.fails["change"] = errDown
	if _, err := s.Checkout(t.Context(), wish("max", "")); code(err) != fault.PaymentsUnavailable {
		t.Fatal(err)
	}
	s.subscribe(running("sub_1", "max"), "max")
	if page, err := s.Checkout(t.Context(), wish("max", "")); err != nil || page.URL != "https://back.example.com/ok" {
		t.Errorf("%+v, %v", page, err)
	}
}

// What cannot be settled at once is settled by its notice.
func TestAChangeThatIsNotSettledAtOnceIsDone(t *testing.T) {
	s := newShop(t, plan("pro", 2000), plan("max", 5000))
	s.subscribe(running("sub_1", "pro"), "pro")
	s.settler.fails = errors.New("not now")
	if _, err := s.Checkout(t.Context(), wish("max", "")); err != nil || s.delays != 1 {
		t.Errorf("%v, %d delays", err, s.delays)
	}
}

func TestASubscriptionIsCanceledAndResumed(t *testing.T) {
	s := newShop(t, plan("pro", 2000))
	if _, err := s.Cancel(t.Context(), "acme", true); code(err) != fault.NoSubscription {
		t.Errorf("without one: %v", err)
	}
	if _, err := s.Cancel(t.Context(), "nobody", true); code(err) != fault.AccountNotFound {
		t.Errorf("of nobody: %v", err)
	}
	s.subscribe(running("sub_1", "pro"), "pro")
	got, err := s.Cancel(t.Context(), "acme", true)
	if err != nil || !got.Standing.CancelAtPeriodEnd || !got.RenewsAt.IsZero() || got.Plan.ID != "pro" {
		t.Errorf("%+v, %v", got, err)
	}
	s.want(t, "cancel", "cancel sub_1 true")
	if got, err := s.Cancel(t.Context(), "acme", false); err != nil || got.RenewsAt.IsZero() {
		t.Errorf("resumed, as it goes on already: %+v, %v", got, err)
	}
	s.want(t, "resume what goes on")
	s.processor.fails["cancel"] = errDown
	if _, err := s.Cancel(t.Context(), "acme", true); code(err) != fault.PaymentsUnavailable {
		t.Errorf("with the processor down: %v", err)
	}
}

func TestAFreeSubscriptionIsCanceledHere(t *testing.T) {
	s := newShop(t, plan("free", 0))
	if _, err := s.Checkout(t.Context(), wish("free", "")); err != nil {
		t.Fatal(err)
	}
	for _, cancel := range []bool{true, true, false} {
		got, err := s.Cancel(t.Context(), "acme", cancel)
		if err != nil || got.Standing.CancelAtPeriodEnd != cancel || got.RenewsAt.IsZero() != cancel || s.store.standings["acme"].CancelAtPeriodEnd != cancel {
			t.Errorf("cancel=%v: %+v, %v", cancel, got, err)
		}
	}
	s.want(t, "a free subscription")
}

func TestASubscriptionIsTold(t *testing.T) {
	s := newShop(t, plan("basic", 1000), plan("pro", 2000))
	none, err := s.Subscription(t.Context(), "acme")
	if err != nil || none.Plan != nil || none.Standing != nil {
		t.Errorf("%+v, %v", none, err)
	}
	s.subscribe(running("sub_1", "basic"), "pro") // a change to basic is due
	w := s.store.wallets["acme"]
	w.OverageUsed = 3 * credit.Credit
	w.Grants = []ledger.Grant{
		{ID: "g1", Remaining: 5, Terms: ledger.Terms{Source: ledger.FromPlan}},
		{ID: "g2", Remaining: 7, Terms: ledger.Terms{Source: ledger.FromPurchase}},
		{ID: "g3", Remaining: 9, Terms: ledger.Terms{Source: ledger.FromPlan, ExpiresAt: start}},
	}
	got, err := s.Subscription(t.Context(), "acme")
	if err != nil || got.Plan.ID != "pro" || got.NextPlan != "basic" || got.Included != 5 || got.OverageUsed != 3*credit.Credit ||
		got.OveragePrice != usd(5) || got.Plan.IncludedCredits != 70*credit.Credit || !got.RenewsAt.Equal(start.AddDate(0, 1, 0)) {
		t.Errorf("%+v, %+v, %v", got, got.Plan, err)
	}
}

func TestRefillTerms(t *testing.T) {
	s := newShop(t)
	good := cashier.RefillTerms{Account: "acme", Enabled: true, Threshold: credit.Credit, Pack: "p500", Cap: usd(500)}
	for name, c := range map[string]struct {
		mend func(*cashier.RefillTerms)
		want fault.Code
	}{
		"no such pack":      {func(r *cashier.RefillTerms) { r.Pack = "none" }, fault.PackNotFound},
		"not sold":          {func(r *cashier.RefillTerms) { r.Pack = "old" }, fault.NotOffered},
		"too small a cap":   {func(r *cashier.RefillTerms) { r.Cap.Minor-- }, fault.InvalidRequest},
		"another currency":  {func(r *cashier.RefillTerms) { r.Cap.Currency = "eur" }, fault.InvalidRequest},
		"no such account":   {func(r *cashier.RefillTerms) { r.Account = "nobody" }, fault.AccountNotFound},
		"just room enough":  {func(*cashier.RefillTerms) {}, ""},
		"off, nothing else": {func(r *cashier.RefillTerms) { *r = cashier.RefillTerms{Account: "acme"} }, ""},
	} {
		terms := good
		c.mend(&terms)
		w, err := s.SetRefill(t.Context(), terms)
		if code(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if armed := err == nil && w.Refill != nil && w.Refill.Phase == ledger.RefillArmed; err == nil && armed != terms.Enabled {
			t.Errorf("%s: %+v", name, w.Refill)
		}
	}
}

func TestThePortalIsTheCustomersOwn(t *testing.T) {
	s := newShop(t)
	if url, err := s.Portal(t.Context(), "acme", "https://back.example.com"); err != nil || url != "https://portal.example.com" {
		t.Errorf("%q, %v", url, err)
	}
	s.want(t, "the first visit", "customer acme Acme", "portal cus_acme https://back.example.com")
	s.processor.fails["portal"] = billing.ErrNotConfigured
	if _, err := s.Portal(t.Context(), "acme", ""); code(err) != fault.PaymentsUnavailable || !strings.Contains(err.Error(), "operator") {
		t.Errorf("not configured: %v", err)
	}
	if _, err := s.Portal(t.Context(), "nobody", ""); code(err) != fault.AccountNotFound {
		t.Errorf("of nobody: %v", err)
	}
}

// ofSettlement is the part of a store that opening the periods of free plans needs.
type ofSettlement struct {
	settlement.Store
	store *store
}

func (o ofSettlement) Standing(ctx context.Context, account string) (*billing.Standing, error) {
	return o.store.Standing(ctx, account)
}

func (o ofSettlement) SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error) {
	return o.store.SaveStanding(ctx, standing, due)
}

func (o ofSettlement) Plan(ctx context.Context, id string) (*billing.Plan, error) {
	return o.store.Plan(ctx, id)
}

// A free plan's first period is opened the way that the calendar opens all others.
func TestTheCalendarOpensTheFirstPeriodOfAFreePlan(t *testing.T) {
	s := newShop(t, plan("free", 0))
	s.Settler = &settlement.Settler{Store: ofSettlement{store: s.store}, Committer: s.store, Now: s.Now}
	if _, err := s.Checkout(t.Context(), wish("free", "")); err != nil {
		t.Fatal(err)
	}
	got, err := s.Subscription(t.Context(), "acme")
	begins := start.Truncate(time.Second)
	if err != nil || got.Included != 100*credit.Credit || !got.Standing.PeriodStart.Equal(begins) || !got.RenewsAt.Equal(begins.AddDate(0, 1, 0)) {
		t.Errorf("%+v, %+v, %v", got, got.Standing, err)
	}
	if open := s.store.wallets["acme"].Plan; open == nil || open.Plan != "free" || open.Subscription != got.Standing.ID {
		t.Errorf("the open period is %+v", open)
	}
}
