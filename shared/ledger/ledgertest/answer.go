package ledgertest

import (
	"errors"
	"fmt"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// Answer is all that a caller learns from one command. Just one of Refusal and
// Entry is set, or neither where the command changed nothing.
type Answer struct {
	Replayed bool
	Refusal  Refusal
	Entry    Entry
}

// Refusal is the answer to a refused command.
type Refusal struct {
	Code                           fault.Code
	Required, Available, Shortfall string // of a debit that lacks credits
	Charged, Reversed, Reversible  string // of a reversal beyond what is left
	BadField                       string
}

// Entry is an entry in plain values. Amounts are micro-credits, times Unix
// milliseconds, 0 meaning none.
type Entry struct {
	Seq         int64
	Operation   string
	Type        string
	CreatedAt   int64
	Credits     int64
	Change      int64
	Available   int64
	OverageUsed int64
	Lapsed      []Part
	Alerts      []string
	Debit       DebitDetail
	Grant       Grant
	Reason      string
	Reversal    ReversalDetail
	Settings    string

	Paid     string // the processor's id
	PaidOwed int64  // of what was granted
	Plan     Plan
	From     string
	Ended    []Part
	Rolled   Grant
	Bill     string
	Recovery RecoveryDetail
	Refill   RefillDetail
}

// Part is a number of micro-credits of one grant.
type Part struct {
	Grant   string
	Credits int64
}

// Grant is a grant in plain values.
type Grant struct {
	ID                     string
	Source                 string
	Priority               int
	EffectiveAt, ExpiresAt int64
	Amount, Remaining      int64
}

// DebitDetail is what only a debit has.
type DebitDetail struct {
	Agent, AgentName, Channel, Conversation, Run string
	Messages                                     int64
	OccurredAt                                   int64
	Day                                          string
	RateCard                                     string
	Lines                                        []Line
	Drawn                                        []Part
	Overage                                      int64
}

// Line is a priced line.
type Line struct {
	Item              string
	Quantity, PerUnit int64
	Credits           int64
}

// ReversalDetail is what only a reversal has.
type ReversalDetail struct {
	Of                                      string
	OfSeq                                   int64
	Agent, AgentName, Channel, Conversation string
	Day                                     string
	Lines                                   []int64
	Restored                                []Part
	Reopened                                []Grant
	Overage                                 int64
	Total                                   Total
}

// Total is how much of a debit has been given back, or of a grant taken back.
type Total struct {
	Count            int
	Credits, Overage int64
	Draws, Lines     []int64
	Owed, Since      int64
	Taken            []Part
}

// Plan is a plan's open period in plain values.
type Plan struct {
	Subscription, Plan       string
	Start, End, LapseAt      int64
	Included, Rollover, Rate int64
	Policy, Currency         string
	Limit                    int64
}

// RecoveryDetail is what only a take_back or a give_back has.
type RecoveryDetail struct {
	Of       string
	OfSeq    int64
	Owed     int64
	Taken    []Part
	Restored []Part
	Reopened []Grant
	Total    Total
}

// Refill is the automatic refill in plain values.
type Refill struct {
	Phase, Pack, CapCurrency, Month, Reason string
	Off                                     bool
	Threshold, Cap, Spent                   int64
	ID, Buys, PriceCurrency                 string
	Price, Credits, Since, Until            int64
	Days, Failures                          int
}

// RefillDetail is what only a step of the refill has.
type RefillDetail struct {
	Step, ID, Price, Outcome, Payment string
	State                             Refill
}

// AnswerTo is the real ledger's answer in plain values. The error is one that
// is not a refusal.
func AnswerTo(entry *ledger.Entry, replayed bool, err error) (Answer, error) {
	answer := Answer{Replayed: replayed}
	var refused *fault.Error
	switch {
	case errors.As(err, &refused):
		answer.Refusal = refusalOf(refused)
		return answer, nil
	case err != nil:
		return answer, err
	case entry != nil:
		answer.Entry = EntryOf(entry)
	}
	return answer, nil
}

func refusalOf(refused *fault.Error) Refusal {
	r := Refusal{Code: refused.Code}
	fields := map[string]*string{
		"required": &r.Required, "available": &r.Available, "shortfall": &r.Shortfall,
		"charged": &r.Charged, "reversed": &r.Reversed, "reversible": &r.Reversible,
	}
	for _, field := range refused.Fields {
		if kept, known := fields[field.Name]; known {
			*kept = field.Value
		}
	}
	for _, param := range refused.Params {
		r.BadField += param.Name
	}
	return r
}

// EntryOf is an entry in plain values.
func EntryOf(e *ledger.Entry) Entry {
	plain := Entry{
		Seq: e.Seq, Operation: string(e.Operation), Type: string(e.Type()), CreatedAt: millis(e.CreatedAt),
		Credits: int64(e.Credits), Change: int64(e.Change),
		Available: int64(e.After.Available), OverageUsed: int64(e.After.OverageUsed),
		Lapsed: partsOf(e.Lapsed),
	}
	for _, alert := range e.Alerts {
		plain.Alerts = append(plain.Alerts, string(alert))
	}
	plain.detail(e.Detail)
	return plain
}

func (plain *Entry) issue(i *ledger.Issue) {
	if i != nil {
		plain.Grant, plain.PaidOwed, plain.Reason, plain.Paid = grantOf(i.Grant), int64(i.Owed), i.Reason, i.Payment
	}
}

func (plain *Entry) detail(detail ledger.Detail) {
	switch d := detail.(type) {
	case *ledger.Charge:
		plain.Debit = debitOf(d)
	case *ledger.Issue:
		plain.issue(d)
	case *ledger.Reversal:
		plain.Reversal, plain.Reason = reversalOf(d), d.Reason
	case *ledger.Settings:
		plain.Settings = settingsText(*d)
	case *ledger.Renewal:
		plain.issue(d.Issue)
		plain.Plan, plain.Ended, plain.Bill = *PlanOf(&d.State), partsOf(d.Ended), billText(d.Bill)
		if d.Rolled != nil {
			plain.Rolled = grantOf(*d.Rolled)
		}
	case *ledger.PlanChange:
		plain.issue(d.Issue)
		plain.Plan, plain.From, plain.Bill = *PlanOf(&d.State), d.From, billText(d.Bill)
	case *ledger.PlanEnd:
		plain.Ended, plain.Bill = partsOf(d.Ended), billText(d.Bill)
	case *ledger.TakenBack:
		plain.recovery(d.Recovery)
		plain.Recovery.Taken = partsOf(d.Taken)
	case *ledger.GivenBack:
		plain.recovery(d.Recovery)
		plain.Recovery.Restored = partsOf(d.Restored)
		for _, g := range d.Reopened {
			plain.Recovery.Reopened = append(plain.Recovery.Reopened, grantOf(g))
		}
	case *ledger.RefillStep:
		plain.issue(d.Issue)
		plain.Refill = RefillDetail{string(d.Step), d.ID, d.Price.String(), string(d.Outcome), d.Payment, *RefillOf(&d.State)}
	default: // has nothing that the reference models
	}
}

func (plain *Entry) recovery(r ledger.Recovery) {
	plain.Reason = r.Reason
	plain.Recovery = RecoveryDetail{Of: string(r.Of), OfSeq: r.OfSeq, Owed: int64(r.Owed)}
	total := Total{Count: r.Total.Count, Credits: int64(r.Total.Credits), Owed: int64(r.Total.Owed), Since: millis(r.Total.Since)}
	for _, t := range r.Total.Taken {
		total.Taken = append(total.Taken, Part{t.GrantID, int64(t.Credits)})
	}
	plain.Recovery.Total = total
}

func billText(b ledger.OverageBill) string {
	return fmt.Sprintf("%q %q %d for %s", b.Subscription, b.Plan, b.Billed, b.Price)
}

// PlanOf is a wallet's plan in plain values; nil if there is none.
func PlanOf(p *ledger.PlanState) *Plan {
	if p == nil {
		return nil
	}
	return &Plan{
		Subscription: p.Subscription, Plan: p.Plan, Start: millis(p.Start), End: millis(p.End), LapseAt: millis(p.LapseAt),
		Included: int64(p.Included), Rollover: int64(p.Rollover), Rate: int64(p.OverageRate.PerCredit), Currency: p.OverageRate.Currency,
		Policy: string(p.Overage.Policy), Limit: int64(p.Overage.Limit),
	}
}

// RefillOf is a wallet's automatic refill in plain values; nil if there is none.
func RefillOf(r *ledger.RefillState) *Refill {
	if r == nil {
		return nil
	}
	return &Refill{
		Phase: string(r.Phase), Off: r.Off, Threshold: int64(r.Threshold), Pack: r.Pack, Cap: r.Cap.Minor, CapCurrency: r.Cap.Currency,
		Month: r.Month, Spent: r.Spent, ID: r.ID, Buys: r.Buys, Price: r.Price.Minor, PriceCurrency: r.Price.Currency, Credits: int64(r.Credits),
		Days: r.ValidityDays, Since: millis(r.Since), Until: millis(r.Until), Failures: r.Failures, Reason: r.Reason,
	}
}

// StateOf is what payments have made of a wallet, in words that two wallets share
// only where they are alike.
func StateOf(w *ledger.Wallet) string {
	return stateText(int64(w.Owed), PlanOf(w.Plan), RefillOf(w.Refill))
}

func stateText(owed int64, plan *Plan, refill *Refill) string {
	text := fmt.Sprintf("owes %d", owed)
	if plan != nil {
		text += fmt.Sprintf(", %+v", *plan)
	}
	if refill != nil {
		text += fmt.Sprintf(", %+v", *refill)
	}
	return text
}

func debitOf(c *ledger.Charge) DebitDetail {
	plain := DebitDetail{
		Agent: c.Agent.ID, AgentName: c.Agent.Name, Channel: c.Channel, Conversation: c.Conversation, Run: c.Run,
		Messages: c.Messages, OccurredAt: millis(c.OccurredAt), Day: c.Day, RateCard: c.RateCard, Overage: int64(c.Overage),
	}
	for _, l := range c.Lines {
		plain.Lines = append(plain.Lines, Line{l.String(), int64(l.Quantity), int64(l.PerUnit), int64(l.Credits)})
	}
	for _, d := range c.Drawn {
		plain.Drawn = append(plain.Drawn, Part{d.GrantID, int64(d.Credits)})
	}
	return plain
}

func reversalOf(r *ledger.Reversal) ReversalDetail {
	plain := ReversalDetail{
		Of: string(r.Of), OfSeq: r.OfSeq, Agent: r.Agent.ID, AgentName: r.Agent.Name,
		Channel: r.Channel, Conversation: r.Conversation, Day: r.Day,
		Restored: partsOf(r.Restored), Overage: int64(r.Overage),
		Total: Total{Count: r.Total.Count, Credits: int64(r.Total.Credits), Overage: int64(r.Total.Overage)},
	}
	for _, l := range r.Lines {
		plain.Lines = append(plain.Lines, int64(l.Credits))
	}
	for _, g := range r.Reopened {
		plain.Reopened = append(plain.Reopened, grantOf(g))
	}
	for _, d := range r.Total.Draws {
		plain.Total.Draws = append(plain.Total.Draws, int64(d))
	}
	for _, l := range r.Total.Lines {
		plain.Total.Lines = append(plain.Total.Lines, int64(l))
	}
	return plain
}

func grantOf(g ledger.Grant) Grant {
	return Grant{g.ID, string(g.Source), g.Priority, millis(g.EffectiveAt), millis(g.ExpiresAt), int64(g.Amount), int64(g.Remaining)}
}

// GrantsOf are a wallet's grants in plain values.
func GrantsOf(w *ledger.Wallet) []Grant {
	var grants []Grant
	for _, g := range w.Grants {
		grants = append(grants, grantOf(g))
	}
	return grants
}

func partsOf(parts []ledger.Part) []Part {
	var plain []Part
	for _, p := range parts {
		plain = append(plain, Part{p.GrantID, int64(p.Credits)})
	}
	return plain
}

func settingsText(s ledger.Settings) string {
	overage := "none"
	if s.Overage != nil {
		overage = fmt.Sprintf("%s up to %d", s.Overage.Policy, s.Overage.Limit)
	}
	return fmt.Sprintf("%q in %s, %s, overage %s, low at %d", s.Name, s.Zone, s.Status, overage, s.LowBalance)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Difference is where two values differ, in words, and empty where they do not.
func Difference(got, want any) string {
	g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want)
	if g == w {
		return ""
	}
	return fmt.Sprintf("got:\n  %s\nwant:\n  %s", g, w)
}
