package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

func TestBurnOrderAcrossBoundaries(t *testing.T) {
	a := open(t)
	// Given grants made in another order than they burn in:
	late := a.grant(noon, 1, expiring(noon.Add(2*day)))
	old := a.grant(noon, 1)
	soon := a.grant(noon, 1, expiring(noon.Add(day)))
	young := a.grant(noon, 1)
	last := a.grant(noon, 1, priority(101), expiring(noon.Add(time.Hour)))
	first := a.grant(noon, 1, priority(0))
	// When one debit needs nearly all of them,
	entry := a.debit(noon, "d", 6)
	// then priority decides before expiry, expiry before age, and never expires comes last.
	a.drew(entry, 0, part(first, 1), part(soon, 1), part(late, 1), part(old, 1), part(young, 1), part(last, 1))
	if len(a.wallet.Grants) != 0 {
		t.Errorf("spent-out grants stay: %+v", a.wallet.Grants)
	}
}

func TestBurnOrderOfExtremePriorities(t *testing.T) {
	a := open(t)
	high := a.grant(noon, 1, priority(int(^uint(0)>>1)))
	low := a.grant(noon, 1, priority(-int(^uint(0)>>1)-1))
	a.drew(a.debit(noon, "d", 2), 0, part(low, 1), part(high, 1))
}

// Of a few grants any sort keeps the order; of many only a stable one does.
func TestOfManyEqualGrantsTheOldestBurnsFirst(t *testing.T) {
	a := open(t)
	var want []ledger.Part
	for range ledger.MaxOpenGrants / 2 {
		want = append(want, part(a.grant(noon, 1, priority(7)), 1))
		a.grant(noon, 1, priority(8))
	}
	a.drew(a.debit(noon, "d", ledger.MaxOpenGrants/2), 0, want...)
}

func TestADebitStopsWithinAGrant(t *testing.T) {
	a := open(t)
	one, two := a.grant(noon, 3), a.grant(noon, 5)
	a.drew(a.debit(noon, "d1", 4), 0, part(one, 3), part(two, 1))
	a.holds(part(two, 4))
	a.drew(a.debit(noon, "d2", 1), 0, part(two, 1))
	a.holds(part(two, 3))
}

func TestAGrantIsSpendableUpToItsExpiryAndNotAtIt(t *testing.T) {
	expiry := noon.Add(time.Hour)
	a := open(t)
	id := a.grant(noon, 2, expiring(expiry))
	a.drew(a.debit(expiry.Add(-ms), "d", 1), 0, part(id, 1))
	refused := a.refuse(fault.InsufficientCredits, whole(1), expiry)
	if got := field(refused, "available"); got != "0" {
		t.Errorf("available is %s", got)
	}
	// To the millisecond: what is left of it after the last whole one does not count.
	if _, err := a.decide(ledger.Keyed("d2", whole(1)), expiry.Add(-1)); err != nil {
		t.Errorf("a nanosecond before: %v", err)
	}
}

func TestAFutureGrantIsNotSpendable(t *testing.T) {
	start := noon.Add(time.Hour)
	a := open(t)
	id := a.grant(noon, 2, effective(start))
	if got := a.wallet.BalanceAt(noon).Available; got != 0 {
		t.Errorf("available is %s", got)
	}
	a.refuse(fault.InsufficientCredits, whole(1), start.Add(-ms))
	a.drew(a.debit(start, "d", 1), 0, part(id, 1))
}

func TestOverageIsTakenUpToItsLimit(t *testing.T) {
	a := open(t, overage(5*credit.Credit))
	id := a.grant(noon, 2)
	a.drew(a.debit(noon, "d1", 6), 4, part(id, 2))
	refused := a.refuse(fault.InsufficientCredits, debitOf(credit.Credit+1), noon)
	if got := field(refused, "shortfall"); got != "0.000001" {
		t.Errorf("shortfall is %s", got)
	}
	a.drew(a.debit(noon, "d2", 1), 5-4)
	a.refuse(fault.InsufficientCredits, debitOf(1), noon)
	if a.wallet.OverageUsed != 5*credit.Credit {
		t.Errorf("overage used is %s", a.wallet.OverageUsed)
	}
}

func TestOverageNeedsThePolicy(t *testing.T) {
	a := open(t, func(s *ledger.Settings) { s.Overage = &ledger.Overage{Policy: ledger.Block, Limit: credit.Credit} })
	a.refuse(fault.InsufficientCredits, debitOf(1), noon)
}

func TestALoweredLimitAllowsNoMore(t *testing.T) {
	a := open(t, overage(5*credit.Credit))
	a.debit(noon, "d", 4)
	a.configure(noon, overage(3*credit.Credit))
	refused := a.refuse(fault.InsufficientCredits, whole(1), noon)
	if got := field(refused, "shortfall"); got != "1" {
		t.Errorf("shortfall is %s", got)
	}
	id := a.grant(noon, 1)
	a.drew(a.debit(noon, "from the grant", 1), 0, part(id, 1))
}

func TestARefusalSaysWhatIsMissing(t *testing.T) {
	a := open(t, overage(2*credit.Credit))
	a.grant(noon, 3)
	a.grant(noon, 4, effective(noon.Add(day)))
	refused := a.refuse(fault.InsufficientCredits, whole(10), noon)
	for name, want := range map[string]string{"required": "10", "available": "3", "shortfall": "5"} {
		if got := field(refused, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	a.holds(part("g2", 3), part("g3", 4))
}

func TestASuspendedAccountDebitsNothing(t *testing.T) {
	a := open(t, suspended)
	a.grant(noon, 1)
	a.refuse(fault.AccountSuspended, debitOf(1), noon)
	a.configure(noon)
	a.debit(noon, "d", 1)
}

func TestAnUnknownAccountIsRefused(t *testing.T) {
	for _, action := range []ledger.Action{debitOf(1), grantOf(1), reversalOf("d"), ledger.ExpireGrants{}} {
		(&account{T: t}).refuse(fault.AccountNotFound, action, noon)
	}
}

func TestOccurredAtHasLimits(t *testing.T) {
	a := open(t)
	a.grant(noon, 10)
	for _, c := range []struct {
		offset time.Duration
		ok     bool
	}{
		{-35 * day, true}, {-35*day - ms, false}, {5 * time.Minute, true}, {5*time.Minute + ms, false},
	} {
		debit, at := debitOf(1), noon.Add(c.offset)
		debit.OccurredAt = &at
		if !c.ok {
			a.names(a.refuse(fault.InvalidRequest, debit, noon), "occurred_at")
			continue
		}
		entry := a.accept(ledger.Keyed(ledger.OperationID(c.offset.String()), debit), noon)
		if !ledger.DetailOf[*ledger.Charge](entry).OccurredAt.Equal(at) || !entry.CreatedAt.Equal(noon) {
			t.Errorf("occurred at %s, created at %s", ledger.DetailOf[*ledger.Charge](entry).OccurredAt, entry.CreatedAt)
		}
	}
}

func TestOccurredAtIsNowWhereItIsNotSaid(t *testing.T) {
	a := open(t)
	a.grant(noon, 1)
	entry := a.debit(noon.Add(time.Hour+500*time.Microsecond), "d", 1)
	if want := noon.Add(time.Hour); !ledger.DetailOf[*ledger.Charge](entry).OccurredAt.Equal(want) || !entry.CreatedAt.Equal(want) {
		t.Errorf("occurred at %s, created at %s", ledger.DetailOf[*ledger.Charge](entry).OccurredAt, entry.CreatedAt)
	}
}

func TestOnlyKnownChannels(t *testing.T) {
	a := open(t)
	a.grant(noon, 1)
	debit := debitOf(1)
	debit.Channel = "fax"
	a.names(a.refuse(fault.InvalidRequest, debit, noon), "channel")
}

func TestALineWithoutARateIsNamed(t *testing.T) {
	a := open(t)
	debit := debitOf(1)
	debit.Lines = append(debit.Lines, debit.Lines[0])
	debit.Lines[1].Node = "unknown"
	a.names(a.refuse(fault.RateNotFound, debit, noon), "lines[1]")
}

func TestNothingIsPricedBeforeTheFirstCard(t *testing.T) {
	a := &account{T: t}
	first := noon.Add(-40 * day)
	a.configure(first.Add(-day))
	a.grant(first.Add(-day), 1)
	debit := debitOf(1)
	a.refuse(fault.RateNotFound, debit, first.Add(-ms))
	before := first.Add(-ms)
	debit.OccurredAt = &before
	a.refuse(fault.RateNotFound, debit, noon.Add(-30*day))
	a.charged = map[ledger.OperationID]*ledger.Charged{}
	a.debit(first, "d", 1)
}

func TestTheDayIsTheAccounts(t *testing.T) {
	for _, c := range []struct{ zone, at, day string }{
		{"UTC", "2026-11-23T23:59:59.999Z", "2026-11-23"},
		{"UTC", "2026-11-24T00:00:00Z", "2026-11-24"},
		{"Asia/Kathmandu", "2026-11-23T18:14:59.999Z", "2026-11-23"}, // five hours and three quarters ahead
		{"Asia/Kathmandu", "2026-11-23T18:15:00Z", "2026-11-24"},
		{"America/New_York", "2026-11-01T03:59:59.999Z", "2026-10-31"}, // still summer time
		{"America/New_York", "2026-11-01T04:00:00Z", "2026-11-01"},
		{"America/New_York", "2026-11-02T04:59:59.999Z", "2026-11-01"}, // a day of 25 hours
		{"America/New_York", "2026-11-02T05:00:00Z", "2026-11-02"},
	} {
		a := open(t, zone(c.zone))
		a.grant(noon, 1)
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		debit := debitOf(1)
		debit.OccurredAt = &at
		if entry := a.accept(ledger.Keyed("d", debit), noon.Add(day)); ledger.DetailOf[*ledger.Charge](entry).Day != c.day {
			t.Errorf("%s in %s is on %s, want %s", c.at, c.zone, ledger.DetailOf[*ledger.Charge](entry).Day, c.day)
		}
	}
}

func TestALaterZoneLeavesEarlierDays(t *testing.T) {
	a := open(t, zone("America/New_York"))
	a.grant(noon, 2)
	before := a.debit(noon.Add(-9*time.Hour), "d1", 1) // judged at noon: times never go back
	a.configure(noon, zone("Asia/Kathmandu"))
	after := a.debit(noon.Add(7*time.Hour), "d2", 1)
	if ledger.DetailOf[*ledger.Charge](before).Day != "2026-11-23" || ledger.DetailOf[*ledger.Charge](after).Day != "2026-11-24" {
		t.Errorf("days %s and %s", ledger.DetailOf[*ledger.Charge](before).Day, ledger.DetailOf[*ledger.Charge](after).Day)
	}
}

func TestAlertsAreSaidOncePerCrossing(t *testing.T) {
	a := open(t, lowBalance(5*credit.Credit), overage(2*credit.Credit))
	a.grant(noon, 6)
	for i, want := range [][]ledger.AlertKind{
		{},                  // 5 left: not below the threshold
		{ledger.LowBalance}, // 4
		{},                  // 3
		{}, {},              // 1
		{ledger.Depleted},       // 0
		{ledger.OverageStarted}, // 1 used
		{ledger.OverageLimit},   // 2 used
	} {
		entry := a.debit(noon, ledger.OperationID(fmt.Sprintf("d%d", i)), 1)
		if !slices.Equal(entry.Alerts, want) {
			t.Errorf("debit %d: alerts %v, want %v", i, entry.Alerts, want)
		}
	}
	// After credits were granted, the same crossing raises an alert again.
	a.grant(noon, 5)
	if entry := a.debit(noon, "again", 5); !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.LowBalance, ledger.Depleted}) {
		t.Errorf("alerts %v", entry.Alerts)
	}
}

func TestAlertsStandInTheWalletsImage(t *testing.T) {
	a := open(t)
	a.grant(noon, 1)
	decision, err := a.decide(ledger.Keyed("d", whole(1)), noon)
	if err != nil || !slices.Equal(decision.Wallet.Alerts, []ledger.Alert{{Seq: 3, Kind: ledger.Depleted}}) {
		t.Errorf("alerts %v, %v", decision.Wallet.Alerts, err)
	}
}

func TestALapsedGrantIsACrossing(t *testing.T) {
	a := open(t, lowBalance(5*credit.Credit))
	a.grant(noon, 1)
	a.grant(noon, 9, expiring(noon.Add(time.Hour)))
	entry := a.debit(noon.Add(time.Hour), "d", 1)
	if !slices.Equal(entry.Alerts, []ledger.AlertKind{ledger.LowBalance, ledger.Depleted}) || entry.Change != -10*credit.Credit {
		t.Errorf("alerts %v, change %s", entry.Alerts, entry.Change)
	}
}

func TestLapsedGrantsLeaveWithTheNextEntry(t *testing.T) {
	a := open(t)
	gone := a.grant(noon, 1, expiring(noon.Add(time.Hour)))
	stays := a.grant(noon, 1)
	entry := a.grant(noon.Add(time.Hour), 3)
	a.holds(part(stays, 1), part(entry, 3))
	if lapsed := a.entries[len(a.entries)-1].Lapsed; !slices.Equal(lapsed, []ledger.Part{{GrantID: gone, Credits: credit.Credit}}) {
		t.Errorf("lapsed %v", lapsed)
	}
}

func TestExpiryRemovesWhatHasRunOut(t *testing.T) {
	a := open(t)
	a.grant(noon, 1, expiring(noon.Add(time.Hour)))
	a.grant(noon, 2, expiring(noon.Add(time.Hour)))
	sweep := ledger.Command{Action: ledger.ExpireGrants{}}
	if a.accept(sweep, noon.Add(time.Hour-ms)) != nil {
		t.Error("an entry though nothing has run out")
	}
	entry := a.accept(sweep, noon.Add(time.Hour))
	if entry.Credits != 3*credit.Credit || len(entry.Lapsed) != 2 || entry.Type() != ledger.ExpiryEntry || !entry.Operation.System() {
		t.Errorf("expiry %+v", entry)
	}
	if a.accept(sweep, noon.Add(time.Hour)) != nil {
		t.Error("a second entry")
	}
}

func TestTimesNeverGoBack(t *testing.T) {
	expiry := noon.Add(time.Hour)
	a := open(t)
	a.grant(noon, 5, expiring(expiry))
	a.grant(expiry, 1)
	// A slow clock must not bring a grant back that has lapsed for an earlier entry.
	entry := a.debit(noon, "d", 1)
	if !entry.CreatedAt.Equal(expiry) || ledger.DetailOf[*ledger.Charge](entry).Drawn[0].GrantID != "g3" {
		t.Errorf("created at %s, drew %+v", entry.CreatedAt, ledger.DetailOf[*ledger.Charge](entry).Drawn)
	}
	back := entry.CreatedAt.Add(-ms)
	forged := *entry
	forged.Seq, forged.CreatedAt = forged.Seq+1, back
	if _, err := ledger.Apply(a.wallet, forged); err == nil {
		t.Error("Apply folds an entry that goes back in time")
	}
}

func TestSettingsInForceLeaveNoEntry(t *testing.T) {
	a := open(t, overage(credit.Credit))
	if entry := a.configure(noon.Add(day), overage(credit.Credit)); entry != nil {
		t.Errorf("entry %+v", entry)
	}
	for name, change := range map[string]func(*ledger.Settings){
		"limit": overage(2 * credit.Credit), "no overage": func(*ledger.Settings) {}, "zone": zone("Asia/Kathmandu"),
	} {
		if a.configure(noon, change) == nil {
			t.Errorf("%s: no entry", name)
		}
	}
	for _, bad := range []string{"", "Local", "Mars/Phobos"} {
		settings := ledger.Settings{Name: "Acme", Zone: bad, Status: ledger.Active}
		a.names(a.refuse(fault.InvalidRequest, ledger.Configure{Settings: settings}, noon), "time_zone")
	}
}

func TestGrantLimits(t *testing.T) {
	a := open(t)
	for range 50 - 1 {
		a.grant(noon, 1)
	}
	a.grant(noon, 1, expiring(noon.Add(time.Hour)))
	a.refuse(fault.TooManyGrants, grantOf(1), noon)
	// One debit can take from all of them; and a lapsed one makes room.
	if _, err := a.decide(ledger.Keyed("d", whole(50)), noon); err != nil {
		t.Error(err)
	}
	a.grant(noon.Add(time.Hour), 1)
}

func TestTheBalanceNeverOverflows(t *testing.T) {
	a := open(t)
	a.grant(noon, 0, micros(credit.Max-1))
	a.refuse(fault.BalanceTooLarge, grantOf(0, micros(2)), noon)
	a.grant(noon, 0, micros(1))
	if got := a.wallet.BalanceAt(noon).Available; got != credit.Max {
		t.Errorf("available is %s", got)
	}
}

func TestAGrantExpiresAfterItHasBegun(t *testing.T) {
	a := open(t)
	start := noon.Add(time.Hour)
	for _, bad := range []ledger.AddGrant{
		grantOf(1, expiring(noon)),
		grantOf(1, expiring(noon.Add(-day)), effective(noon.Add(-2*day))),
		grantOf(1, effective(start), expiring(start)),
	} {
		a.names(a.refuse(fault.InvalidRequest, bad, noon), "expires_at")
	}
	a.grant(noon, 1, effective(start), expiring(start.Add(ms)))
}

func TestEntriesAreNumberedAndBalanced(t *testing.T) {
	a := open(t, overage(credit.Credit))
	a.grant(noon, 3)
	a.debit(noon, "d", 4)
	a.reverse(noon, "d")
	var available credit.Amount
	for i, entry := range a.entries {
		available += entry.Change
		if entry.Seq != int64(i)+1 || entry.After.Available != available {
			t.Errorf("entry %d: seq %d, balance %s, want %s", i+1, entry.Seq, entry.After.Available, available)
		}
	}
}

func TestApplyRefusesWhatDoesNotFollow(t *testing.T) {
	a := open(t, overage(credit.Credit))
	a.grant(noon, 3)
	before := a.wallet
	entry := a.debit(noon, "d", 2)
	for name, forge := range map[string]func(*ledger.Entry){
		"a gap":             func(e *ledger.Entry) { e.Seq++ },
		"a repetition":      func(e *ledger.Entry) { e.Seq-- },
		"another account":   func(e *ledger.Entry) { e.Account = "other" },
		"another balance":   func(e *ledger.Entry) { e.After.Available++; e.Change++ },
		"another change":    func(e *ledger.Entry) { e.Change++ },
		"a sum that is not": func(e *ledger.Entry) { e.Credits++ },
		// These two are wrong in nothing but what they take: their sums and balances agree.
		"overage beyond": func(e *ledger.Entry) {
			ledger.DetailOf[*ledger.Charge](e).Overage, e.Credits, e.After.OverageUsed = 2*credit.Credit, 4*credit.Credit, 2*credit.Credit
		},
		"a draw beyond": func(e *ledger.Entry) {
			ledger.DetailOf[*ledger.Charge](e).Drawn[0].Credits, e.Credits = 4*credit.Credit, 4*credit.Credit
			e.After.Available, e.Change = -credit.Credit, -4*credit.Credit
		},
		"a grant there is not":  func(e *ledger.Entry) { ledger.DetailOf[*ledger.Charge](e).Drawn[0].GrantID = "g9" },
		"no detail":             func(e *ledger.Entry) { e.Detail = &ledger.Unknown{Kind: ledger.DebitEntry} },
		"a lapse there was not": func(e *ledger.Entry) { e.Lapsed = []ledger.Part{{GrantID: "g2", Credits: 1}} },
	} {
		forged := *entry
		charge := *ledger.DetailOf[*ledger.Charge](entry)
		charge.Drawn = slices.Clone(charge.Drawn)
		forged.Detail = &charge
		forge(&forged)
		if _, err := ledger.Apply(before, forged); err == nil {
			t.Errorf("%s is folded", name)
		}
	}
	if _, err := ledger.Apply(before, *entry); err != nil {
		t.Error(err)
	}
}
