package ledgertest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// The design's numbers, repeated: a change of one of them must be made here too.
const (
	maxOpenGrants    = 50
	maxGrants        = 60
	defaultPriority  = 100
	reversalWindowMS = 30 * 24 * 60 * 60 * 1000
)

// Reference is a ledger of one account. Its fields are its whole state; times
// are Unix milliseconds, amounts micro-credits.
type Reference struct {
	Account string
	Cards   []rating.Card
	Rules   ledger.Rules

	Opened      bool
	Settings    ledger.Settings
	Grants      []Grant // in the order of their making
	OverageUsed int64
	Owed        int64
	Plan        *Plan
	Refill      *Refill
	LastAt      int64
	Entries     []Entry // by seq, from 1

	bodies  map[string]string // of the operations that took effect, by their ids
	reverse map[string]*reversible
	granted map[string]*granted
}

// State is the account's state that payments change, in the form that StateOf gives
// for a wallet.
func (r *Reference) State() string { return stateText(r.Owed, r.Plan, r.Refill) }

// reversible is a debit and what is left of each of its parts.
type reversible struct {
	entry Entry
	terms []Grant // of the drawn grants, in the order of the draws
	given Total
}

// NewReference is the ledger of an account that is not there yet.
func NewReference(account string, cards []rating.Card, rules ledger.Rules) *Reference {
	return &Reference{
		Account: account, Cards: cards, Rules: rules,
		bodies: map[string]string{}, reverse: map[string]*reversible{}, granted: map[string]*granted{},
	}
}

// Do carries out one command at an instant.
func (r *Reference) Do(command ledger.Command, now time.Time) Answer {
	id := string(command.Operation)
	body := bodyOf(command)
	if before, used := r.bodies[id]; id != "" && used {
		if before != body {
			return Answer{Refusal: Refusal{Code: fault.IdempotencyKeyReused}}
		}
		return Answer{Replayed: true, Entry: r.entryOf(id)}
	}
	answer := r.do(command, now.UnixMilli())
	if answer.Entry.Seq > 0 {
		r.bodies[answer.Entry.Operation] = body
	}
	return answer
}

// Probe is what Do would answer; it changes nothing.
func (r *Reference) Probe(command ledger.Command, now time.Time) Answer {
	again := *r
	again.Grants = slices.Clone(r.Grants)
	again.Entries = slices.Clone(r.Entries)
	again.bodies = map[string]string{}
	for id, body := range r.bodies {
		again.bodies[id] = body
	}
	again.reverse = map[string]*reversible{}
	for id, debit := range r.reverse {
		copied := *debit
		copied.given.Draws, copied.given.Lines = slices.Clone(debit.given.Draws), slices.Clone(debit.given.Lines)
		again.reverse[id] = &copied
	}
	again.granted = map[string]*granted{}
	for id, grant := range r.granted {
		copied := *grant
		copied.holders = slices.Clone(grant.holders)
		again.granted[id] = &copied
	}
	if r.Plan != nil {
		plan := *r.Plan
		again.Plan = &plan
	}
	if r.Refill != nil {
		refill := *r.Refill
		again.Refill = &refill
	}
	return again.Do(command, now)
}

// bodyOf is the request as text, independent of the ledger's own hash. The
// platform's own commands are identified by their ids alone.
func bodyOf(command ledger.Command) string {
	if command.Hash == (ledger.Hash{}) {
		return ""
	}
	text, err := json.Marshal(command.Action)
	return fmt.Sprintf("%T %s %v", command.Action, text, err)
}

func (r *Reference) entryOf(id string) Entry {
	for _, entry := range r.Entries {
		if entry.Operation == id {
			return entry
		}
	}
	return Entry{}
}

func (r *Reference) do(command ledger.Command, now int64) Answer {
	if configure, ok := command.Action.(ledger.Configure); ok {
		return r.configure(configure, now)
	}
	if !r.Opened {
		return refuse(fault.AccountNotFound)
	}
	if now < r.LastAt {
		now = r.LastAt
	}
	operation := string(command.Operation)
	switch action := command.Action.(type) {
	case ledger.Debit:
		return r.debit(operation, action, now)
	case ledger.AddGrant:
		return r.grant(operation, action, now)
	case ledger.ReverseDebit:
		return r.reversal(operation, action, now)
	case ledger.ExpireGrants:
		return r.expiry(operation, now)
	}
	return r.pay(operation, command.Action, now)
}

func (r *Reference) pay(operation string, action ledger.Action, now int64) Answer {
	switch action := action.(type) {
	case ledger.OpenPeriod:
		return r.openPeriod(operation, action, now)
	case ledger.ChangePlan:
		return r.changePlan(operation, action, now)
	case ledger.EndPlan:
		return r.endPlan(operation, action, now)
	case ledger.TakeBack:
		return r.takeBack(operation, action, now)
	case ledger.SetRefill:
		return r.setRefill(operation, action, now)
	case ledger.StartRefill:
		return r.startRefill(operation, action, now)
	case ledger.SettleRefill:
		return r.settleRefill(operation, action, now)
	}
	return refuse(fault.Internal)
}

func refuse(code fault.Code) Answer { return Answer{Refusal: Refusal{Code: code}} }

func invalid(field string) Answer {
	return Answer{Refusal: Refusal{Code: fault.InvalidRequest, BadField: field}}
}

// before is what is known of the account before an entry: for change and alerts.
type before struct {
	available, overageUsed, room int64
	opened                       bool
}

func (r *Reference) before() before {
	return before{r.available(r.LastAt), r.OverageUsed, r.room(), r.Opened}
}

// write completes an entry once its effect is in place, and keeps it.
func (r *Reference) write(entry Entry, was before, now int64) Answer {
	entry.Seq, entry.CreatedAt = int64(len(r.Entries))+1, now
	if entry.Operation == "" {
		entry.Operation = "SYS#" + entry.Type + "#" + strconv.FormatInt(entry.Seq, 10)
	}
	entry.Available, entry.OverageUsed = r.available(now), r.OverageUsed
	entry.Change = entry.Available - was.available
	if was.opened {
		entry.Alerts = append(r.alerts(was, entry.Available), newsOf(entry)...)
	}
	r.LastAt = now
	r.Entries = append(r.Entries, entry)
	return Answer{Entry: entry}
}

func (r *Reference) alerts(was before, available int64) []string {
	var alerts []string
	low := int64(r.Settings.LowBalance)
	if was.available >= low && available < low {
		alerts = append(alerts, "low_balance")
	}
	if was.available > 0 && available == 0 {
		alerts = append(alerts, "depleted")
	}
	if was.overageUsed == 0 && r.OverageUsed > 0 {
		alerts = append(alerts, "overage_started")
	}
	billed := r.overage().Policy == ledger.Bill
	if billed && was.room > 0 && r.room() == 0 {
		alerts = append(alerts, "overage_limit")
	}
	return alerts
}

func expired(g Grant, at int64) bool { return g.ExpiresAt != 0 && g.ExpiresAt <= at }

func spendable(g Grant, at int64) bool { return g.EffectiveAt <= at && !expired(g, at) }

func (r *Reference) available(at int64) int64 {
	var sum int64
	for _, g := range r.Grants {
		if spendable(g, at) {
			sum += g.Remaining
		}
	}
	return sum
}

// overage is the account's own policy, else its plan's, else to block.
func (r *Reference) overage() ledger.Overage {
	switch {
	case r.Settings.Overage != nil:
		return *r.Settings.Overage
	case r.Plan != nil && r.Plan.Policy != "":
		return ledger.Overage{Policy: ledger.OveragePolicy(r.Plan.Policy), Limit: credit.Amount(r.Plan.Limit)}
	}
	return ledger.Overage{Policy: ledger.Block}
}

func (r *Reference) room() int64 {
	overage := r.overage()
	if overage.Policy != ledger.Bill || r.OverageUsed >= int64(overage.Limit) {
		return 0
	}
	return int64(overage.Limit) - r.OverageUsed
}

// prune takes the grants away that have run out.
func (r *Reference) prune(now int64) []Part {
	var lapsed []Part
	var kept []Grant
	for _, g := range r.Grants {
		if expired(g, now) {
			lapsed = append(lapsed, Part{g.ID, g.Remaining})
		} else {
			kept = append(kept, g)
		}
	}
	r.Grants = kept
	return lapsed
}

func (r *Reference) debit(operation string, d ledger.Debit, now int64) Answer {
	if r.Settings.Status == ledger.Suspended {
		return refuse(fault.AccountSuspended)
	}
	at, bad := now, ""
	if d.OccurredAt != nil {
		at = d.OccurredAt.UnixMilli()
		if at < now-r.Rules.MaxBackdate.Milliseconds() || at > now+r.Rules.MaxAhead.Milliseconds() {
			bad += "occurred_at"
		}
	}
	if !slices.Contains(r.Rules.Channels, d.Channel) {
		bad += "channel"
	}
	if bad != "" {
		return invalid(bad)
	}
	detail, cost, refusal := r.priced(d, at)
	if refusal != nil {
		return *refusal
	}
	if available, room := r.available(now), r.room(); cost-available > room {
		return Answer{Refusal: Refusal{
			Code: fault.InsufficientCredits, Required: decimal(cost), Available: decimal(available), Shortfall: decimal(cost - available - room),
		}}
	}
	was := r.before()
	lapsed := r.prune(now)
	var terms []Grant
	detail.Drawn, terms = r.burn(cost, now)
	detail.Overage = cost
	for _, part := range detail.Drawn {
		detail.Overage -= part.Credits
	}
	r.OverageUsed += detail.Overage
	answer := r.write(Entry{Operation: operation, Type: "debit", Credits: cost, Lapsed: lapsed, Debit: detail}, was, now)
	r.reverse[answer.Entry.Operation] = &reversible{entry: answer.Entry, terms: terms, given: Total{
		Draws: make([]int64, len(detail.Drawn)), Lines: make([]int64, len(detail.Lines)),
	}}
	return answer
}

func (r *Reference) priced(d ledger.Debit, at int64) (DebitDetail, int64, *Answer) {
	var card *rating.Card
	for i := range r.Cards {
		c := &r.Cards[i]
		if c.EffectiveAt.UnixMilli() <= at && (card == nil || !c.EffectiveAt.Before(card.EffectiveAt)) {
			card = c
		}
	}
	if card == nil {
		none := refuse(fault.RateNotFound)
		return DebitDetail{}, 0, &none
	}
	detail := DebitDetail{
		Agent: d.Agent.ID, AgentName: d.Agent.Name, Channel: d.Channel, Conversation: d.Conversation, Run: d.Run, Messages: d.Messages,
		OccurredAt: at, Day: day(at, r.Settings.Zone), RateCard: card.Version,
	}
	var cost int64
	missing := refuse(fault.RateNotFound)
	for i, line := range d.Lines {
		perUnit, found := int64(0), false
		for _, rate := range card.Rates {
			if rate.Item == line.Item {
				perUnit, found = int64(rate.PerUnit), true
			}
		}
		if !found {
			missing.Refusal.BadField += fmt.Sprintf("lines[%d]", i)
			continue
		}
		// Half up: add half of the divisor, and round down.
		price := product(int64(line.Quantity), perUnit)
		price.Add(price, big.NewInt(500_000)).Div(price, big.NewInt(1_000_000))
		cost += price.Int64()
		detail.Lines = append(detail.Lines, Line{line.String(), int64(line.Quantity), perUnit, price.Int64()})
	}
	if missing.Refusal.BadField != "" {
		return DebitDetail{}, 0, &missing
	}
	return detail, cost, nil
}

func product(a, b int64) *big.Int { return new(big.Int).Mul(big.NewInt(a), big.NewInt(b)) }

func day(at int64, zone string) string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return err.Error()
	}
	year, month, date := time.UnixMilli(at).In(location).Date()
	return fmt.Sprintf("%04d-%02d-%02d", year, month, date)
}

// burn takes credits, each time from the one grant that comes first.
func (r *Reference) burn(cost, now int64) (drawn []Part, terms []Grant) {
	for cost > 0 {
		first := -1
		for i, g := range r.Grants {
			if spendable(g, now) && (first < 0 || burnsBefore(g, r.Grants[first])) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		g := &r.Grants[first]
		part := min(cost, g.Remaining)
		drawn, terms = append(drawn, Part{g.ID, part}), append(terms, *g)
		g.Remaining -= part
		cost -= part
		if g.Remaining == 0 {
			r.Grants = slices.Delete(r.Grants, first, first+1)
		}
	}
	return drawn, terms
}

// burnsBefore: lowest priority number, then soonest expiry, then oldest; of two
// alike the earlier in the list is the older.
func burnsBefore(a, b Grant) bool {
	if a.Priority != b.Priority {
		return a.Priority < b.Priority
	}
	return never(a.ExpiresAt) < never(b.ExpiresAt)
}

func never(expiresAt int64) int64 {
	if expiresAt == 0 {
		return math.MaxInt64
	}
	return expiresAt
}

// decimal writes micro-credits as credits.
func decimal(micro int64) string {
	text := fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	return text
}

func (r *Reference) grant(operation string, add ledger.AddGrant, now int64) Answer {
	g := Grant{
		ID: r.grantID(0), Source: string(add.Source), Priority: defaultPriority, EffectiveAt: now,
		Amount: int64(add.Amount), Remaining: int64(add.Amount),
	}
	if add.Priority != nil {
		g.Priority = *add.Priority
	}
	if add.EffectiveAt != nil {
		g.EffectiveAt = add.EffectiveAt.UnixMilli()
	}
	if add.ExpiresAt != nil {
		g.ExpiresAt = add.ExpiresAt.UnixMilli()
		if g.ExpiresAt <= now || g.ExpiresAt <= g.EffectiveAt {
			return invalid("expires_at")
		}
	}
	var open []Grant
	for _, other := range r.Grants {
		if !expired(other, now) {
			open = append(open, other)
		}
	}
	places := maxOpenGrants
	if add.Payment != "" {
		places = maxGrants
	}
	paid := min(r.Owed, g.Amount)
	g.Remaining -= paid
	if g.Remaining > 0 {
		open = append(open, g)
		if code := fits(open, places); code != "" {
			return refuse(code)
		}
	}
	was := r.before()
	lapsed := r.prune(now)
	r.Grants = open
	r.Owed -= paid
	return r.grantedBy(r.write(Entry{
		Operation: operation, Type: "grant", Credits: g.Amount, Lapsed: lapsed, Grant: g, Reason: add.Reason, Paid: add.Payment, PaidOwed: paid,
	}, was, now))
}

// fits is why a wallet cannot hold the grants, and empty where it can.
func fits(grants []Grant, places int) fault.Code {
	sum := new(big.Int)
	for _, g := range grants {
		sum.Add(sum, big.NewInt(g.Remaining))
	}
	switch {
	case len(grants) > places:
		return fault.TooManyGrants
	case !sum.IsInt64():
		return fault.BalanceTooLarge
	}
	return ""
}

// grantID names the n-th grant of the next entry.
func (r *Reference) grantID(n int) string {
	id := fmt.Sprintf("g%d", len(r.Entries)+1)
	if n > 0 {
		id += fmt.Sprintf(".%d", n)
	}
	return id
}

func (r *Reference) expiry(operation string, now int64) Answer {
	was := r.before()
	lapsed := r.prune(now)
	if len(lapsed) == 0 {
		return Answer{}
	}
	entry := Entry{Operation: operation, Type: "expiry", Lapsed: lapsed}
	for _, part := range lapsed {
		entry.Credits += part.Credits
	}
	return r.write(entry, was, now)
}

func (r *Reference) configure(c ledger.Configure, now int64) Answer {
	if r.Opened && settingsText(r.Settings) == settingsText(c.Settings) {
		return Answer{}
	}
	if _, err := time.LoadLocation(c.Settings.Zone); err != nil || c.Settings.Zone == "" || c.Settings.Zone == "Local" {
		return invalid("time_zone")
	}
	if r.Opened && now < r.LastAt {
		now = r.LastAt
	}
	was := r.before()
	lapsed := r.prune(now)
	r.Settings, r.Opened = c.Settings, true
	return r.write(Entry{Type: "settings", Settings: settingsText(c.Settings), Lapsed: lapsed}, was, now)
}
