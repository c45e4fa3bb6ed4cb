package ledger

import (
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// DebitEntry is the kind of a debit's entry.
const DebitEntry EntryType = "debit"

// Debit draws credits for what an agent did.
type Debit struct {
	Agent        Agent
	Channel      string
	Conversation string
	Messages     int64
	Run          string
	OccurredAt   *time.Time // nil: now
	Lines        []rating.Line
}

// Agent is who acted.
type Agent struct {
	ID   string
	Name string
}

// Charge is the detail of a debit.
type Charge struct {
	Agent        Agent
	Channel      string
	Conversation string
	Messages     int64
	Run          string
	OccurredAt   time.Time
	Day          string // the calendar day of OccurredAt in the account's zone, 2006-01-02
	RateCard     string // the version that priced it
	Lines        []rating.Priced
	Drawn        []Draw
	Overage      credit.Amount
}

// Draw is what a debit took from one grant, with the grant's terms, so that a
// reversal can restore a grant that has left the wallet.
type Draw struct {
	Part
	Terms Terms
}

func (a Debit) needs() Needs {
	needs := Needs{Rates: true}
	if a.OccurredAt != nil {
		needs.PricedAt = *a.OccurredAt
	}
	return needs
}

func (a Debit) decide(d *draft, state State) error {
	if err := d.on.mayDebit(); err != nil {
		return err
	}
	charge, credits, err := price(state, a, d.entry.CreatedAt)
	if err != nil {
		return err
	}
	left := credits
	order := d.on.burnOrder(d.entry.CreatedAt)
	for _, i := range order[:min(len(order), MaxDraws)] {
		if left == 0 {
			break
		}
		grant := d.on.Grants[i]
		part := min(left, grant.Remaining)
		charge.Drawn = append(charge.Drawn, Draw{Part{grant.ID, part}, grant.Terms})
		left -= part
	}
	// If more grants would have to be drawn than an entry can hold, the debit is
	// refused: billing overage while there are credits would be wrong.
	if room := d.overageRoom(len(order)); left > room {
		return insufficient(credits, credits-left, left-room)
	}
	charge.Overage = left
	d.record(credits, charge)
	return nil
}

// overageRoom is how much of a debit may go beyond the grants that it can draw
// from, of so many that are spendable.
func (d *draft) overageRoom(spendable int) credit.Amount {
	if spendable > MaxDraws {
		return 0
	}
	return d.on.OverageRoom()
}

// mayDebit refuses debits of an account that is suspended.
func (w *Wallet) mayDebit() error {
	if w.Settings.Status == Suspended {
		return fault.New(fault.AccountSuspended, "The account is suspended; nothing can be debited until its status is active again.")
	}
	return nil
}

// insufficient refuses a debit: available counts grants only, shortfall is what
// grants and overage room together lack.
func insufficient(required, available, shortfall credit.Amount) error {
	return fault.New(fault.InsufficientCredits,
		"The debit needs %s and %s; %s. Add credits and send it again under the same key.",
		counted(required, "credit", "credits"), counted(available, "is available", "are available"),
		counted(shortfall, "more credit is needed", "more credits are needed")).
		With("required", required.String()).
		With("available", available.String()).
		With("shortfall", shortfall.String())
}

// counted writes an amount and the words that follow it: the first after exactly
// one credit, the second after any other amount.
func counted(amount credit.Amount, one, other string) string {
	if amount == credit.Credit {
		return amount.String() + " " + one
	}
	return amount.String() + " " + other
}

// price checks what depends on time and settings, and prices the lines by the
// card in force when the action happened. A quote has no channel.
func price(state State, debit Debit, createdAt time.Time) (*Charge, credit.Amount, error) {
	occurredAt, wrong := occurrence(state.Rules, debit.OccurredAt, createdAt)
	if debit.Channel != "" && !slices.Contains(state.Rules.Channels, debit.Channel) {
		wrong = append(wrong, fault.Param{Name: "channel", Reason: fmt.Sprintf("must be one of %v", state.Rules.Channels)})
	}
	if len(wrong) > 0 {
		return nil, 0, fault.Invalid(wrong...)
	}
	card, found := state.Book.At(occurredAt)
	if !found {
		return nil, 0, fault.New(fault.RateNotFound, "No rate card is in force at %s; publish one with PUT /v1/rate-cards/{version}.", occurredAt.Format(time.RFC3339))
	}
	lines, credits, err := card.Price(debit.Lines)
	if err != nil {
		return nil, 0, err
	}
	zone, err := location(state.Wallet.Settings.Zone)
	if err != nil {
		return nil, 0, fmt.Errorf("ledger: zone of account %s: %w", state.Wallet.Account, err)
	}
	return &Charge{
		Agent:        debit.Agent,
		Channel:      debit.Channel,
		Conversation: debit.Conversation,
		Messages:     debit.Messages,
		Run:          debit.Run,
		OccurredAt:   occurredAt,
		Day:          occurredAt.In(zone).Format(time.DateOnly),
		RateCard:     card.Version,
		Lines:        lines,
	}, credits, nil
}

// occurrence is when the action happened, and what is wrong with that.
func occurrence(rules Rules, given *time.Time, createdAt time.Time) (time.Time, []fault.Param) {
	if given == nil {
		return createdAt, nil
	}
	at := given.UTC().Truncate(time.Millisecond)
	earliest, latest := createdAt.Add(-rules.MaxBackdate), createdAt.Add(rules.MaxAhead)
	if at.Before(earliest) || at.After(latest) {
		return at, []fault.Param{{
			Name:   "occurred_at",
			Reason: fmt.Sprintf("must be between %s and %s", earliest.Format(time.RFC3339), latest.Format(time.RFC3339)),
		}}
	}
	return at, nil
}

func (*Charge) kind() EntryType { return DebitEntry }

func (c *Charge) fold(w *Wallet, entry *Entry) error {
	taken := c.Overage
	for _, draw := range c.Drawn {
		grant := w.grant(draw.GrantID)
		if grant == nil || draw.Credits <= 0 || draw.Credits > grant.Remaining || !grant.Spendable(entry.CreatedAt) {
			return fmt.Errorf("draws %s credits of grant %s, which does not hold them", draw.Credits, draw.GrantID)
		}
		grant.Remaining -= draw.Credits
		taken += draw.Credits
	}
	if taken != entry.Credits {
		return fmt.Errorf("charges %s credits and takes %s", entry.Credits, taken)
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.Remaining == 0 })
	if c.Overage < 0 || c.Overage > w.OverageRoom() {
		return fmt.Errorf("uses %s credits of overage, more than the limit allows", c.Overage)
	}
	w.OverageUsed += c.Overage
	return nil
}

func (*Charge) effects() effects { return effects{reversible: true} }

func (c *Charge) use(entry *Entry) *Use {
	use := &Use{
		Agent: c.Agent, Channel: c.Channel, Conversation: c.Conversation, Day: c.Day,
		Credits: entry.Credits, Debits: 1, Messages: c.Messages, Lines: make([]LineUse, len(c.Lines)),
	}
	for i, line := range c.Lines {
		use.Lines[i] = LineUse{line.Item, line.Credits, line.Quantity, 1}
	}
	return use
}

func (a Debit) canonical(f *canonicalForm) {
	f.str("debit/1")
	f.str(a.Agent.ID)
	f.str(a.Agent.Name)
	f.str(a.Channel)
	f.str(a.Conversation)
	f.num(a.Messages)
	f.str(a.Run)
	f.instant(a.OccurredAt)
	for _, line := range a.Lines {
		f.str(line.Node)
		f.str(line.Action)
		f.num(int64(line.Quantity))
	}
}
