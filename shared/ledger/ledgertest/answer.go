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

// Refusal is what a refused command is told.
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

// Total is how much of a debit has been given back.
type Total struct {
	Count            int
	Credits, Overage int64
	Draws, Lines     []int64
}

// AnswerTo is the real ledger's answer in plain values. The error is one that
// is no refusal.
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
		Seq: e.Seq, Operation: string(e.Operation), Type: string(e.Type), CreatedAt: millis(e.CreatedAt),
		Credits: int64(e.Credits), Change: int64(e.Change),
		Available: int64(e.After.Available), OverageUsed: int64(e.After.OverageUsed),
		Lapsed: partsOf(e.Lapsed),
	}
	for _, alert := range e.Alerts {
		plain.Alerts = append(plain.Alerts, string(alert))
	}
	if e.Debit != nil {
		plain.Debit = debitOf(e.Debit)
	}
	if e.Grant != nil {
		plain.Grant, plain.Reason = grantOf(e.Grant.Grant), e.Grant.Reason
	}
	if e.Reversal != nil {
		plain.Reversal, plain.Reason = reversalOf(e.Reversal), e.Reversal.Reason
	}
	if e.Settings != nil {
		plain.Settings = settingsText(*e.Settings)
	}
	return plain
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
