package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drawdown/shared/census"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "usd"} }

func refillTerms(below credit.Amount) ledger.SetRefill {
	return ledger.SetRefill{Enabled: true, Threshold: below * credit.Credit, Pack: "pack_5", Cap: usd(1000)}
}

func (a *account) setRefill(now time.Time, below credit.Amount) {
	a.Helper()
	a.accept(ledger.Command{Action: refillTerms(below)}, now)
}

var packOfFive = ledger.StartRefill{Price: usd(400), Credits: 5 * credit.Credit, ValidityDays: 30}

// start starts a refill of five credits, which must be due, and is its id.
func (a *account) start(now time.Time) string {
	a.Helper()
	entry := a.accept(ledger.Command{Action: packOfFive}, now)
	if entry == nil || ledger.DetailOf[*ledger.RefillStep](entry).State.Phase != ledger.RefillInFlight {
		a.Fatalf("no refill was started: %+v", a.wallet.Refill)
	}
	return ledger.DetailOf[*ledger.RefillStep](entry).ID
}

func (a *account) settle(now time.Time, id string, outcome ledger.RefillOutcome) *ledger.Entry {
	a.Helper()
	return a.accept(ledger.Command{Operation: ledger.RefillOperation(id), Action: ledger.SettleRefill{ID: id, Outcome: outcome, Payment: "pi_1"}}, now)
}

func (a *account) stands(phase ledger.RefillPhase, reason string, spent int64) {
	a.Helper()
	if r := a.wallet.Refill; r.Phase != phase || r.Reason != reason || r.Spent != spent {
		a.Fatalf("refill %+v, want %s %q, spent %d", r, phase, reason, spent)
	}
}

func TestARefillFlies(t *testing.T) {
	a := open(t)
	a.grant(noon, 9)
	a.setRefill(noon, 10)
	id := a.start(noon)
	if id != "rf_acme_4" || a.wallet.Refill.Buys != "pack_5" || !a.wallet.Refill.Since.Equal(noon) {
		t.Errorf("refill %q %+v", id, a.wallet.Refill)
	}
	a.stands(ledger.RefillInFlight, "", 400)
	if again := a.accept(ledger.Command{Action: packOfFive}, noon); again != nil {
		t.Errorf("a second one was started: %+v", ledger.DetailOf[*ledger.RefillStep](again))
	}
	if other := a.settle(noon, "rf_acme_3", ledger.RefillPaid); other != nil {
		t.Errorf("another one was settled: %+v", ledger.DetailOf[*ledger.RefillStep](other))
	}
	entry := a.settle(noon.Add(time.Hour), id, ledger.RefillPaid)
	a.stands(ledger.RefillArmed, "", 400)
	a.holds(part("g2", 9), part("g5", 5))
	want := ledger.Terms{Source: ledger.FromAutoRefill, Priority: 100, EffectiveAt: noon.Add(time.Hour), ExpiresAt: noon.Add(time.Hour).AddDate(0, 0, 30)}
	if issue := ledger.DetailOf[*ledger.RefillStep](entry).Issue; issue.Grant.Terms != want || issue.Payment != "pi_1" || entry.Credits != 5*credit.Credit {
		t.Errorf("issue %+v, want %+v", issue, want)
	}
	if !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.RefillSucceeded}) {
		t.Errorf("alerts %v", entry.Alerts)
	}
}

func TestARefillIsDueBelowTheThreshold(t *testing.T) {
	for name, c := range map[string]struct {
		credits credit.Amount
		change  func(*account)
		due     bool
	}{
		"below":             {9, func(*account) {}, true},
		"at":                {10, func(*account) {}, false},
		"suspended":         {9, func(a *account) { a.configure(noon, suspended) }, false},
		"switched off":      {9, func(a *account) { a.accept(ledger.Command{Action: ledger.SetRefill{}}, noon) }, false},
		"lapsed since":      {9, func(a *account) { a.grant(noon, 9, expiring(noon.Add(ms))) }, true},
		"not yet spendable": {9, func(a *account) { a.grant(noon, 9, effective(noon.Add(day))) }, true},
	} {
		a := open(t)
		a.grant(noon, c.credits)
		a.setRefill(noon, 10)
		c.change(a)
		now := noon.Add(time.Hour)
		started := a.wallet
		if due := ledger.DueRefill(a.wallet, now); due != c.due {
			t.Errorf("%s: due %t", name, due)
		}
		if entry := a.accept(ledger.Command{Action: packOfFive}, now); (entry != nil) != c.due {
			t.Errorf("%s: started %+v of %+v", name, entry, started)
		}
	}
}

func TestAnAccountWithoutRefillHasNone(t *testing.T) {
	a := open(t)
	for _, action := range []ledger.Action{packOfFive, ledger.SetRefill{}, ledger.SettleRefill{ID: "rf_acme_1", Outcome: ledger.RefillPaid}} {
		if entry := a.accept(ledger.Command{Action: action}, noon); entry != nil {
			t.Errorf("%+v left %+v", action, entry)
		}
	}
}

func TestRefusalsBackOff(t *testing.T) {
	a := open(t)
	a.setRefill(noon, 10)
	now := noon
	for _, wait := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour} {
		entry := a.settle(now, a.start(now), ledger.RefillDeclined)
		a.stands(ledger.RefillBackoff, "declined", 0)
		if !a.wallet.Refill.Until.Equal(now.Add(wait)) || !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.RefillFailed}) {
			t.Errorf("until %s, alerts %v", a.wallet.Refill.Until, entry.Alerts)
		}
		if early := a.accept(ledger.Command{Action: packOfFive}, now.Add(wait-ms)); early != nil {
			t.Errorf("tried too early: %+v", ledger.DetailOf[*ledger.RefillStep](early))
		}
		now = now.Add(wait)
	}
	a.settle(now, a.start(now), ledger.RefillDeclined)
	a.stands(ledger.RefillActionRequired, "declined", 0)
	if ledger.DueRefill(a.wallet, now.Add(1000*day)) {
		t.Error("due, though its bearer must act")
	}
	a.setRefill(now, 10)
	a.stands(ledger.RefillArmed, "", 0)
	if a.wallet.Refill.Failures != 0 {
		t.Errorf("refill %+v", a.wallet.Refill)
	}
}

func TestOtherOutcomes(t *testing.T) {
	for outcome, want := range map[ledger.RefillOutcome]struct {
		phase  ledger.RefillPhase
		reason string
		until  time.Time
	}{
		ledger.RefillNeedsAction: {ledger.RefillActionRequired, "authentication_required", time.Time{}},
		ledger.RefillCanceled:    {ledger.RefillBackoff, "canceled", noon.Add(15 * time.Minute)},
		ledger.RefillUnavailable: {ledger.RefillBackoff, "unavailable", noon.Add(15 * time.Minute)},
	} {
		a := open(t)
		a.setRefill(noon, 10)
		a.settle(noon, a.start(noon), outcome)
		a.stands(want.phase, want.reason, 0)
		if !a.wallet.Refill.Until.Equal(want.until) {
			t.Errorf("%s: until %s", outcome, a.wallet.Refill.Until)
		}
	}
}

func TestAPackThatIsGoneNeedsAnother(t *testing.T) {
	a := open(t)
	a.setRefill(noon, 10)
	entry := a.accept(ledger.Command{Action: ledger.StartRefill{Unavailable: true}}, noon)
	a.stands(ledger.RefillActionRequired, ledger.ReasonNoPack, 0)
	if !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.RefillFailed}) {
		t.Errorf("alerts %v", entry.Alerts)
	}
	stale := packOfFive
	stale.Pack = "another"
	a.setRefill(noon, 10)
	if entry := a.accept(ledger.Command{Action: stale}, noon); entry != nil {
		t.Errorf("a pack was bought that is not set: %+v", ledger.DetailOf[*ledger.RefillStep](entry))
	}
}

// What is owed would take the whole pack: the account must act, and refills continue
// once the debt is paid.
func TestARefillFeedsNoDebt(t *testing.T) {
	for owed, phase := range map[credit.Amount]ledger.RefillPhase{
		4: ledger.RefillInFlight, 5: ledger.RefillActionRequired, 9: ledger.RefillActionRequired,
	} {
		a := open(t)
		a.buy(noon)
		a.debit(noon, "d", owed)
		a.takeBack(noon, 10)
		a.owes(owed)
		a.setRefill(noon, 10)
		entry := a.accept(ledger.Command{Action: packOfFive}, noon)
		if got := a.wallet.Refill.Phase; got != phase {
			t.Errorf("%d owed: the refill is %s, want %s", owed, got, phase)
		}
		if phase == ledger.RefillInFlight {
			continue
		}
		a.stands(phase, ledger.ReasonOwed, 0)
		if ledger.DetailOf[*ledger.RefillStep](entry).Step != ledger.RefillPostponed || !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.RefillFailed}) {
			t.Errorf("%+v, alerts %v", ledger.DetailOf[*ledger.RefillStep](entry), entry.Alerts)
		}
		if ledger.DueRefill(a.wallet, noon.Add(1000*day)) {
			t.Error("due, though the account must act")
		}
		a.grant(noon, owed)
		a.setRefill(noon, 10)
		a.start(noon)
	}
}

func TestSwitchedOffInFlight(t *testing.T) {
	a := open(t)
	a.setRefill(noon, 10)
	id := a.start(noon)
	a.accept(ledger.Command{Action: ledger.SetRefill{}}, noon)
	a.stands(ledger.RefillInFlight, "", 400)
	if again := a.accept(ledger.Command{Action: ledger.SetRefill{}}, noon); again != nil {
		t.Errorf("switched off twice: %+v", ledger.DetailOf[*ledger.RefillStep](again))
	}
	a.settle(noon, id, ledger.RefillPaid)
	a.stands(ledger.RefillOff, "", 400)
	a.holds(part("g5", 5))
	if r := a.wallet.Refill; r.Pack != "pack_5" || r.Threshold != 10*credit.Credit {
		t.Errorf("the terms are gone: %+v", r)
	}
}

func TestTheMonthsCap(t *testing.T) {
	a := open(t, zone("America/New_York"))
	a.setRefill(noon, 100)
	now := noon
	for range 2 {
		a.settle(now, a.start(now), ledger.RefillPaid)
	}
	entry := a.accept(ledger.Command{Action: packOfFive}, now) // 1200 of 1000
	a.stands(ledger.RefillBackoff, ledger.ReasonMonthlyCap, 800)
	end := time.Date(2026, 12, 1, 5, 0, 0, 0, time.UTC) // midnight in New York
	if !a.wallet.Refill.Until.Equal(end) || ledger.DetailOf[*ledger.RefillStep](entry).Step != ledger.RefillPostponed || !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.RefillFailed}) {
		t.Errorf("until %s, %+v", a.wallet.Refill.Until, ledger.DetailOf[*ledger.RefillStep](entry))
	}
	if again := a.accept(ledger.Command{Action: packOfFive}, end.Add(-ms)); again != nil {
		t.Errorf("said twice: %+v", ledger.DetailOf[*ledger.RefillStep](again))
	}
	a.start(end)
	a.stands(ledger.RefillInFlight, "", 400)
	b := open(t)
	b.setRefill(noon, 100)
	euros := packOfFive
	euros.Price.Currency = "eur"
	b.accept(ledger.Command{Action: euros}, noon)
	b.stands(ledger.RefillBackoff, ledger.ReasonMonthlyCap, 0)
}

// The clocks of St. John's once went back from a minute past midnight of the first of
// November: the month began, ended, and began again.
func TestAMonthThatHasBegunDoesNotEnd(t *testing.T) {
	begun := time.Date(2009, 11, 1, 2, 30, 30, 0, time.UTC)
	a := open(t, zone("America/St_Johns"))
	a.wallet.LastAt = begun.Add(-day)
	a.setRefill(begun.Add(-day), 100)
	a.settle(begun, a.start(begun), ledger.RefillPaid)
	if got := a.wallet.Refill.Month; got != "2009-11" {
		t.Fatalf("counted in %s", got)
	}
	again := begun.Add(time.Minute) // October, by the clock
	a.start(again)
	if r := a.wallet.Refill; r.Month != "2009-11" || r.Spent != 800 {
		t.Errorf("counted in %s: %d", r.Month, r.Spent)
	}
}

// The clocks of Asunción skipped the midnight of the first of October.
func TestAMonthWithoutAMidnightBegins(t *testing.T) {
	a := open(t, zone("America/Asuncion"))
	now := time.Date(2023, 9, 30, 12, 0, 0, 0, time.UTC)
	a.wallet.LastAt = now
	a.setRefill(now, 100)
	dear := packOfFive
	dear.Price = usd(1001)
	a.accept(ledger.Command{Action: dear}, now)
	if want := time.Date(2023, 10, 1, 4, 0, 0, 0, time.UTC); !a.wallet.Refill.Until.Equal(want) {
		t.Errorf("the month is over %s, want %s", a.wallet.Refill.Until, want)
	}
}

// zonesOfMonths have clocks that skip the midnight of a month's first day, or go
// back over it, or lie far apart.
var zonesOfMonths = []string{"UTC", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "America/Asuncion", "Pacific/Kiritimati", "Pacific/Niue"}

// Whatever is started, settled and set, whenever and in whatever zone: what was paid
// or is in flight, by the month that the ledger counts, stays within the cap; that
// month never goes back, and it is the zone's as long as the zone stays.
func TestTheCapIsNeverPassed(t *testing.T) {
	floors := census.Floors{"refills started": 100, "refills paid": 60, "refills put off": 6}
	census.Check(t, floors, func(t *rapid.T, did *census.Census) {
		d := newDirect()
		now := time.Date(2010, 10, 31, 20, 0, 0, 0, time.UTC).AddDate(rapid.IntRange(0, 15).Draw(t, "year"), rapid.IntRange(0, 12).Draw(t, "month"), 0)
		settings := ledger.Settings{Name: "Acme", Zone: rapid.SampledFrom(zonesOfMonths).Draw(t, "zone"), Status: ledger.Active}
		moves := rapid.Bool().Draw(t, "zone changes")
		d.do(t, ledger.Command{Action: ledger.Configure{Settings: settings}}, now)
		d.do(t, ledger.Command{Action: refillTerms(1_000_000)}, now)
		paid := map[string]int64{}
		last := ""
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, 31 * time.Minute, time.Hour, 5 * time.Hour, 26 * time.Hour, 29 * day}).Draw(t, "later"))
			r := d.wallet.Refill
			var command ledger.Command
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				command.Action = refillTerms(1_000_000)
			case 1:
				if moves {
					settings.Zone = rapid.SampledFrom(zonesOfMonths).Draw(t, "zone")
				}
				command.Action = ledger.Configure{Settings: settings}
			case 2, 3, 4, 5:
				command.Action = ledger.StartRefill{Price: usd(rapid.Int64Range(1, 1100).Draw(t, "price")), Credits: 1}
			default:
				outcome := rapid.SampledFrom([]ledger.RefillOutcome{ledger.RefillPaid, ledger.RefillPaid, ledger.RefillPaid, ledger.RefillCanceled}).Draw(t, "outcome")
				command = ledger.Command{Operation: ledger.RefillOperation(r.ID), Action: ledger.SettleRefill{ID: r.ID, Outcome: outcome}}
				if r.Phase == ledger.RefillInFlight && outcome == ledger.RefillPaid {
					paid[r.Month] += r.Price.Minor
					did.Count("refills paid")
				}
			}
			before := *r
			d.do(t, command, now)
			r = d.wallet.Refill
			did.CountIf(before.Phase != ledger.RefillInFlight && r.Phase == ledger.RefillInFlight, "refills started")
			did.CountIf(r.Reason == ledger.ReasonMonthlyCap && before.Reason != ledger.ReasonMonthlyCap, "refills put off")
			flying := int64(0)
			if r.Phase == ledger.RefillInFlight {
				flying = r.Price.Minor
			}
			if paid[r.Month]+flying != r.Spent || r.Spent > 1000 || r.Month < last {
				t.Fatalf("%d paid and %d in flight in %s after %s: %+v", paid[r.Month], flying, r.Month, last, r)
			}
			if zone, err := time.LoadLocation(settings.Zone); err == nil && !moves && flying > 0 && r.Since.Equal(now) {
				if local := now.In(zone).Format("2006-01"); local > r.Month {
					t.Fatalf("started in %s and counted in %s", local, r.Month)
				}
			}
			if r.Reason == ledger.ReasonMonthlyCap && !r.Until.After(now) && r.Phase == ledger.RefillBackoff && last != r.Month {
				t.Fatalf("put off until %s, at %s", r.Until, now)
			}
			last = r.Month
		}
	})
}

func TestOperationsOfPaymentsAreApartAndBounded(t *testing.T) {
	long := fmt.Sprintf("sub_%0200d", 1)
	at := time.Unix(1_795_000_000, 999)
	for got, want := range map[ledger.OperationID]ledger.OperationID{
		ledger.PaymentOperation("pi_1"):         "SYS#pay#pi_1",
		ledger.PeriodOperation("sub_1", at):     "SYS#period#sub_1#1795000000",
		ledger.ChangeOperation("in_1"):          "SYS#change#in_1",
		ledger.EndOperation("sub_1"):            "SYS#end#sub_1",
		ledger.RefillOperation("rf_acme:1.b_4"): "SYS#refill#rf_acme:1.b_4#settled",
		ledger.RefillOperation("5"):             "SYS#refill#5#settled",
		ledger.EndOperation("a#b%"):             "SYS#end#a%23b%25",
	} {
		if got != want || !got.System() {
			t.Errorf("%q, want %q", string(got), string(want))
		}
	}
	seen := map[ledger.OperationID]string{}
	for _, id := range []string{"", "a", "a b", "é", long, long + "2", "#", "%23", "a#1", "a%231"} {
		for _, operation := range []ledger.OperationID{
			ledger.PaymentOperation(id), ledger.PeriodOperation(id, at), ledger.ChangeOperation(id), ledger.EndOperation(id), ledger.RefillOperation(id),
		} {
			if other, twice := seen[operation]; twice {
				t.Errorf("%q and %q share %q", id, other, string(operation))
			}
			seen[operation] = id
			if len(operation) > 128 {
				t.Errorf("%q has %d characters", string(operation), len(operation))
			}
		}
	}
}
