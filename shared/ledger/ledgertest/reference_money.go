package ledgertest

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

const (
	planPriority = 50
	hourMS       = 60 * 60 * 1000
	minuteMS     = 60 * 1000
)

// granted is an entry that gave credits, and what is gone of them.
type granted struct {
	entry       Entry
	holders     []Grant // the grant it made, then those made in its place; Remaining is what was taken of each
	owed        int64
	count       int
	gone, since int64
}

// newsOf is the alerts that follow from an entry's kind.
func newsOf(e Entry) []string {
	switch {
	case e.Type == "grant" && e.Paid != "":
		return []string{"purchase_completed"}
	case e.Type == "renewal":
		return []string{"period_renewed"}
	case e.Type == "plan_change", e.Type == "plan_end":
		return []string{"plan_changed"}
	case e.Refill.Outcome == "paid":
		return []string{"refill_succeeded"}
	case e.Refill.Step == "settled", e.Refill.Step == "postponed":
		return []string{"refill_failed"}
	}
	return nil
}

// grantedBy remembers what an entry granted, so that it can be taken back.
func (r *Reference) grantedBy(answer Answer) Answer {
	if e := answer.Entry; e.Grant.ID != "" {
		holder := e.Grant
		holder.Remaining = 0
		r.granted[e.Operation] = &granted{entry: e, holders: []Grant{holder}}
	}
	return answer
}

// Tally is how often what an operation granted has been taken back or given back.
func (r *Reference) Tally(operation ledger.OperationID) int {
	if g := r.granted[string(operation)]; g != nil {
		return g.count
	}
	return 0
}

// open is the wallet's grants without those that have run out.
func (r *Reference) open(now int64) []Grant {
	var open []Grant
	for _, g := range r.Grants {
		if !expired(g, now) {
			open = append(open, g)
		}
	}
	return open
}

// issued is a new grant, less what it pays of the debt.
func (r *Reference) issued(open []Grant, g Grant) (grants []Grant, issue Grant, paid int64, code fault.Code) {
	paid = min(r.Owed, g.Amount)
	g.Remaining = g.Amount - paid
	if g.Remaining > 0 {
		open = append(open, g)
		code = fits(open, maxGrants)
	}
	return open, g, paid, code
}

func planGrant(id string, amount, now, lapseAt int64) Grant {
	return Grant{ID: id, Source: "plan", Priority: planPriority, EffectiveAt: now, ExpiresAt: lapseAt, Amount: amount, Remaining: amount}
}

// closing is what ends with a period.
func (r *Reference) closing(now int64) (open []Grant, ended []Part, left int64, bill string) {
	for _, g := range r.open(now) {
		if g.Source == "plan" {
			ended = append(ended, Part{g.ID, g.Remaining})
			left += g.Remaining
		} else {
			open = append(open, g)
		}
	}
	return open, ended, left, r.billed()
}

// billed is the overage used, priced by the plan's rate, half up.
func (r *Reference) billed() string {
	if r.Plan == nil {
		return fmt.Sprintf("%q %q %d for 0 ", "", "", r.OverageUsed)
	}
	price := product(r.OverageUsed, r.Plan.Rate)
	price.Add(price, big.NewInt(500_000_000_000)).Div(price, big.NewInt(1_000_000_000_000))
	return fmt.Sprintf("%q %q %d for %s %s", r.Plan.Subscription, r.Plan.Plan, r.OverageUsed, price, r.Plan.Currency)
}

func (r *Reference) openPeriod(operation string, o ledger.OpenPeriod, now int64) Answer {
	if r.Plan != nil && r.Plan.Subscription == o.Subscription && r.Plan.Start >= o.Start.UnixMilli() {
		return Answer{}
	}
	plan := Plan{
		Subscription: o.Subscription, Plan: o.Plan, Start: o.Start.UnixMilli(), End: o.End.UnixMilli(), LapseAt: o.LapseAt.UnixMilli(),
		Included: int64(o.Credits), Rollover: int64(o.Rollover), Rate: int64(o.OverageRate.PerCredit), Currency: o.OverageRate.Currency,
		Policy: string(o.Overage.Policy), Limit: int64(o.Overage.Limit),
	}
	if plan.LapseAt <= now {
		plan.LapseAt = now + plan.End - plan.Start
	}
	open, ended, left, bill := r.closing(now)
	entry := Entry{Operation: operation, Type: "renewal", Credits: int64(o.Credits), Ended: ended, Bill: bill, Plan: plan}
	made := 0
	if carried := min(left, r.rollover(o.Subscription)); carried > 0 {
		entry.Rolled = planGrant(r.grantID(made), carried, now, plan.LapseAt)
		made++
		open = append(open, entry.Rolled)
		if code := fits(open, maxGrants); code != "" {
			return refuse(code)
		}
	}
	if o.Credits > 0 {
		var code fault.Code
		open, entry.Grant, entry.PaidOwed, code = r.issued(open, planGrant(r.grantID(made), int64(o.Credits), now, plan.LapseAt))
		if code != "" {
			return refuse(code)
		}
		entry.Paid = o.Payment
	}
	was := r.before()
	entry.Lapsed = r.prune(now)
	r.Grants, r.OverageUsed, r.Plan = open, 0, &plan
	r.Owed -= entry.PaidOwed
	return r.grantedBy(r.write(entry, was, now))
}

func (r *Reference) rollover(subscription string) int64 {
	if r.Plan == nil || r.Plan.Subscription != subscription {
		return 0
	}
	return r.Plan.Rollover
}

func (r *Reference) changePlan(operation string, c ledger.ChangePlan, now int64) Answer {
	if r.Plan == nil || r.Plan.Subscription != c.Subscription {
		return Answer{}
	}
	plan := *r.Plan
	plan.Plan, plan.Included, plan.Rollover = c.Plan, int64(c.Included), int64(c.Rollover)
	plan.Rate, plan.Currency = int64(c.OverageRate.PerCredit), c.OverageRate.Currency
	plan.Policy, plan.Limit = string(c.Overage.Policy), int64(c.Overage.Limit)
	extra := int64(c.Credits)
	if more := plan.Included - r.Plan.Included; more > 0 && !c.At.IsZero() {
		at := min(max(c.At.UnixMilli(), plan.Start), plan.End)
		extra += new(big.Int).Div(product(more, plan.End-at), big.NewInt(plan.End-plan.Start)).Int64()
	}
	if extra == 0 && plan == *r.Plan {
		return Answer{}
	}
	entry := Entry{Operation: operation, Type: "plan_change", Credits: extra, Plan: plan, From: r.Plan.Plan, Bill: billText(ledger.OverageBill{})}
	if (plan.Rate != r.Plan.Rate || plan.Currency != r.Plan.Currency) && r.OverageUsed > 0 {
		entry.Bill = r.billed()
	}
	open := r.open(now)
	if extra > 0 {
		lapseAt := r.Plan.LapseAt
		if !c.LapseAt.IsZero() {
			lapseAt = c.LapseAt.UnixMilli()
		}
		if lapseAt <= now {
			lapseAt = now + plan.End - plan.Start
		}
		var code fault.Code
		open, entry.Grant, entry.PaidOwed, code = r.issued(open, planGrant(r.grantID(0), extra, now, lapseAt))
		if code != "" {
			return refuse(code)
		}
		entry.Paid = c.Payment
	}
	was := r.before()
	entry.Lapsed = r.prune(now)
	if entry.Bill != billText(ledger.OverageBill{}) {
		r.OverageUsed = 0
	}
	r.Grants, r.Plan = open, &plan
	r.Owed -= entry.PaidOwed
	return r.grantedBy(r.write(entry, was, now))
}

func (r *Reference) endPlan(operation string, e ledger.EndPlan, now int64) Answer {
	if r.Plan == nil || r.Plan.Subscription != e.Subscription {
		return Answer{}
	}
	open, ended, left, bill := r.closing(now)
	was := r.before()
	lapsed := r.prune(now)
	r.Grants, r.OverageUsed, r.Plan = open, 0, nil
	return r.write(Entry{Operation: operation, Type: "plan_end", Credits: left, Lapsed: lapsed, Ended: ended, Bill: bill}, was, now)
}

func (r *Reference) takeBack(operation string, t ledger.TakeBack, now int64) Answer {
	of := r.granted[string(t.Of)]
	switch {
	case of == nil:
		return refuse(fault.NotReversible)
	case t.Total < 0 || int64(t.Total) > of.entry.Grant.Amount:
		return invalid("total")
	case int64(t.Total) == of.gone:
		return Answer{}
	case t.Seen != of.count:
		return refuse(fault.Contended)
	}
	next := *of
	next.holders = slices.Clone(of.holders)
	next.count++
	next.gone = int64(t.Total)
	entry := Entry{Operation: operation, Reason: t.Reason, Recovery: RecoveryDetail{Of: of.entry.Operation, OfSeq: of.entry.Seq}}
	var grants []Grant
	if next.gone > of.gone {
		entry.Type, entry.Credits = "take_back", next.gone-of.gone
		grants = r.take(&next, &entry, now)
	} else {
		entry.Type, entry.Credits = "give_back", of.gone-next.gone
		var code fault.Code
		if grants, code = r.giveUp(&next, &entry, now); code != "" {
			return refuse(code)
		}
	}
	total := Total{Count: next.count, Credits: next.gone, Owed: next.owed, Since: next.since}
	for _, h := range next.holders {
		total.Taken = append(total.Taken, Part{h.ID, h.Remaining})
	}
	entry.Recovery.Total = total
	was := r.before()
	entry.Lapsed = r.prune(now)
	r.Grants = grants
	if entry.Type == "take_back" {
		r.Owed += entry.Recovery.Owed
	} else {
		r.Owed -= entry.Recovery.Owed
	}
	*of = next
	return r.write(entry, was, now)
}

// take takes from whatever grant still holds some of it; the rest is owed.
func (r *Reference) take(of *granted, entry *Entry, now int64) []Grant {
	if of.since == 0 {
		of.since = now
	}
	left := entry.Credits
	grants := r.open(now)
	for i := range of.holders {
		for j := range grants {
			if grants[j].ID != of.holders[i].ID || left == 0 {
				continue
			}
			part := min(left, grants[j].Remaining)
			grants[j].Remaining -= part
			of.holders[i].Remaining += part
			left -= part
			entry.Recovery.Taken = append(entry.Recovery.Taken, Part{grants[j].ID, part})
		}
	}
	entry.Recovery.Owed = left
	of.owed += left
	return slices.DeleteFunc(grants, func(g Grant) bool { return g.Remaining == 0 })
}

// giveUp gives back the last taken first.
func (r *Reference) giveUp(of *granted, entry *Entry, now int64) ([]Grant, fault.Code) {
	grants := r.open(now)
	left := entry.Credits
	var back []Part // by holder, in the order in which it is given back
	booked := min(left, of.owed)
	of.owed -= booked
	left -= booked
	entry.Recovery.Owed = min(booked, r.Owed)
	back = append(back, Part{of.holders[0].ID, booked - entry.Recovery.Owed})
	for i := len(of.holders) - 1; i >= 0; i-- {
		part := min(left, of.holders[i].Remaining)
		of.holders[i].Remaining -= part
		left -= part
		back = append(back, Part{of.holders[i].ID, part})
	}
	holders := of.holders
	for _, part := range back {
		at := slices.IndexFunc(grants, func(g Grant) bool { return g.ID == part.Grant })
		if at >= 0 {
			// What a grant has been given back cannot be more than it has lost.
			some := min(part.Credits, grants[at].Amount-grants[at].Remaining)
			if some > 0 {
				grants[at].Remaining += some
				part.Credits -= some
				entry.Recovery.Restored = append(entry.Recovery.Restored, Part{part.Grant, some})
			}
		}
		if part.Credits > 0 {
			old := of.holders[slices.IndexFunc(of.holders, func(h Grant) bool { return h.ID == part.Grant })]
			g := again(old, of.since, now)
			g.ID, g.Amount, g.Remaining = r.grantID(len(entry.Recovery.Reopened)), part.Credits, part.Credits
			entry.Recovery.Reopened = append(entry.Recovery.Reopened, g)
			grants = append(grants, g)
			holder := g
			holder.Remaining = 0
			holders = append(holders, holder)
		}
		if code := fits(grants, maxGrants); code != "" {
			return nil, code
		}
	}
	of.holders = nil
	for i, h := range holders {
		there := slices.ContainsFunc(grants, func(g Grant) bool { return g.ID == h.ID })
		if i == 0 || h.Remaining > 0 || there {
			of.holders = append(of.holders, h)
		}
	}
	if of.gone == 0 {
		of.since = 0
	}
	return grants, ""
}

// again are old terms, with a new end where they have run out: the time that was
// left when it was taken, or all of it where none was.
func again(old Grant, since, now int64) Grant {
	if !expired(old, now) {
		return old
	}
	left := old.ExpiresAt - since
	if left <= 0 {
		left = old.ExpiresAt - old.EffectiveAt
	}
	old.EffectiveAt, old.ExpiresAt = now, now+left
	return old
}

func (r *Reference) step(entry Entry, detail RefillDetail, grants []Grant, now int64) Answer {
	was := r.before()
	entry.Type, entry.Refill = "refill", detail
	entry.Lapsed = r.prune(now)
	if grants != nil {
		r.Grants = grants
	}
	state := detail.State
	r.Refill = &state
	r.Owed -= entry.PaidOwed
	return r.grantedBy(r.write(entry, was, now))
}

func (r *Reference) setRefill(operation string, s ledger.SetRefill, now int64) Answer {
	old := Refill{Phase: "off"}
	if r.Refill != nil {
		old = *r.Refill
	}
	next := old
	next.Reason, next.Failures, next.Until = "", 0, 0
	if s.Enabled {
		next.Threshold, next.Pack, next.Cap, next.CapCurrency = int64(s.Threshold), s.Pack, s.Cap.Minor, s.Cap.Currency
	}
	if old.Phase == "in_flight" {
		next.Off = !s.Enabled
	} else if next.Phase = "off"; s.Enabled {
		next.Phase = "armed"
	}
	if next == old {
		return Answer{}
	}
	return r.step(Entry{Operation: operation}, RefillDetail{Step: "set", Price: "0 ", State: next}, nil, now)
}

// month is the calendar month of an instant, and its end: found hour by hour and
// then millisecond by millisecond, whatever the clocks of the zone do.
func month(at int64, zone string) string { return day(at, zone)[:len("2006-01")] }

func monthEnd(name, zone string) int64 {
	first, err := time.Parse("2006-01", name)
	if err != nil {
		return 0
	}
	at := first.AddDate(0, 1, -2).UnixMilli()
	for month(at, zone) <= name {
		at += hourMS
	}
	for step := int64(minuteMS); step > 0; step /= 60 {
		for month(at-step, zone) > name {
			at -= step
		}
	}
	return at
}

func (r *Reference) startRefill(operation string, s ledger.StartRefill, now int64) Answer {
	if r.Refill == nil || r.Settings.Status == ledger.Suspended || s.Pack != "" && s.Pack != r.Refill.Pack {
		return Answer{}
	}
	next := *r.Refill
	ready := next.Phase == "armed" || next.Phase == "backoff" && now >= next.Until
	if !ready || r.available(now) >= next.Threshold {
		return Answer{}
	}
	next.Until = 0
	if s.Unavailable {
		next.Phase, next.Reason = "action_required", "pack_unavailable"
		return r.step(Entry{Operation: operation}, RefillDetail{Step: "postponed", Price: "0 ", State: next}, nil, now)
	}
	if r.Owed >= int64(s.Credits) {
		next.Phase, next.Reason = "action_required", "credits_owed"
		return r.step(Entry{Operation: operation}, RefillDetail{Step: "postponed", Price: s.Price.String(), State: next}, nil, now)
	}
	if m := month(now, r.Settings.Zone); m > next.Month {
		next.Month, next.Spent = m, 0
	}
	detail := RefillDetail{Step: "started", Price: s.Price.String()}
	if s.Price.Currency != next.CapCurrency || next.Spent+s.Price.Minor > next.Cap {
		detail.Step = "postponed"
		next.Phase, next.Reason, next.Until = "backoff", "monthly_cap", monthEnd(next.Month, r.Settings.Zone)
	} else {
		next.Phase, next.Reason = "in_flight", ""
		next.ID, next.Buys = fmt.Sprintf("rf_%s_%d", r.Account, len(r.Entries)+1), next.Pack
		next.Price, next.PriceCurrency, next.Credits, next.Days, next.Since = s.Price.Minor, s.Price.Currency, int64(s.Credits), s.ValidityDays, now
		next.Spent += s.Price.Minor
		detail.ID = next.ID
	}
	detail.State = next
	return r.step(Entry{Operation: operation}, detail, nil, now)
}

func (r *Reference) settleRefill(operation string, s ledger.SettleRefill, now int64) Answer {
	if r.Refill == nil || r.Refill.Phase != "in_flight" || r.Refill.ID != s.ID {
		return Answer{}
	}
	was := *r.Refill
	next := was
	next.ID, next.Buys, next.Price, next.PriceCurrency, next.Credits, next.Days, next.Since, next.Off = "", "", 0, "", 0, 0, 0, false
	detail := RefillDetail{Step: "settled", ID: was.ID, Price: fmt.Sprintf("%d %s", was.Price, was.PriceCurrency), Outcome: string(s.Outcome), Payment: s.Payment}
	entry := Entry{Operation: operation}
	var grants []Grant
	if s.Outcome == ledger.RefillPaid {
		g := Grant{ID: r.grantID(0), Source: "auto_refill", Priority: defaultPriority, EffectiveAt: now, Amount: was.Credits}
		if was.Days > 0 {
			g.ExpiresAt = now + int64(was.Days)*24*hourMS
		}
		var code fault.Code
		grants, entry.Grant, entry.PaidOwed, code = r.issued(r.open(now), g)
		if code != "" {
			return refuse(code)
		}
		entry.Credits, entry.Paid = was.Credits, s.Payment
		next.Phase, next.Failures, next.Reason = "armed", 0, ""
	} else {
		next = unpaid(next, s, was.Price, now)
	}
	if was.Off {
		next.Phase, next.Until = "off", 0
	}
	detail.State = next
	return r.step(entry, detail, grants, now)
}

func unpaid(next Refill, s ledger.SettleRefill, price, now int64) Refill {
	next.Spent -= price
	next.Phase, next.Reason, next.Until = "backoff", s.Reason, now+15*minuteMS
	if next.Reason == "" {
		next.Reason = string(s.Outcome)
	}
	switch s.Outcome { //nolint:exhaustive // the others are as above
	case ledger.RefillDeclined:
		next.Failures++
		waits := map[int]int64{1: 1, 2: 6, 3: 24}
		next.Until = now + waits[next.Failures]*hourMS
		if next.Failures > 3 {
			next.Phase, next.Reason, next.Until = "action_required", "declined", 0
		}
	case ledger.RefillNeedsAction:
		next.Phase, next.Until = "action_required", 0
		if s.Reason == "" {
			next.Reason = "authentication_required"
		}
	}
	return next
}
