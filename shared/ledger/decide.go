package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

// DefaultPriority is a grant's priority where none is given.
const DefaultPriority = 100

// Rules are the settings of a deployment that decisions depend on.
type Rules struct {
	MaxBackdate time.Duration // how far occurred_at may lie back
	MaxAhead    time.Duration // and ahead, for clocks that are fast
	Channels    []string      // the known ones
}

// State is all that a decision may depend on beside the command and the time.
type State struct {
	Account string
	Wallet  *Wallet // nil: no such account
	Book    rating.Book
	Rules   Rules
	Charged *Charged // what a reversal or a recovery is about; nil: no such entry
}

// Decision is what a command does. Entry is nil where the command changes
// nothing, such as settings that are in force already.
type Decision struct {
	Entry  *Entry
	Wallet Wallet
}

// Decide says what a command does to a state at the instant now, or refuses
// with a *fault.Error and changes nothing. It does not know whether the
// operation's id was used before: its caller replays or refuses that first.
func Decide(state State, command Command, now time.Time) (Decision, error) {
	if configure, ok := command.Action.(Configure); ok {
		return decideConfigure(state, configure, now)
	}
	if state.Wallet == nil {
		return Decision{}, NoAccount(state.Account)
	}
	draft := begin(state.Wallet, command, now)
	if err := draft.act(state, command.Action); err != nil {
		return Decision{}, err
	}
	if draft.entry.Type == "" {
		return Decision{Wallet: *state.Wallet}, nil
	}
	return draft.finish(state.Wallet)
}

// act makes the entry. A draft that it leaves without a type changes nothing.
func (d *draft) act(state State, action Action) error {
	switch action := action.(type) {
	case Debit:
		return d.debit(state, action)
	case AddGrant:
		return d.addGrant(action)
	case ReverseDebit:
		return d.reverse(state.Charged, action)
	case ExpireGrants:
		d.expire()
		return nil
	case OpenPeriod:
		return d.openPeriod(action)
	case ChangePlan:
		return d.changePlan(action)
	case EndPlan:
		return d.endPlan(action)
	case TakeBack:
		return d.takeBack(state.Charged, action)
	case SetRefill:
		return d.setRefill(action)
	case StartRefill:
		return d.startRefill(action)
	case SettleRefill:
		return d.settleRefill(action)
	}
	return fmt.Errorf("ledger: no rule for %T", action)
}

// NoAccount is the fault of an account that is not there.
func NoAccount(account string) error {
	return fault.New(fault.AccountNotFound, "There is no account %q; create it with PUT /v1/accounts/{account_id}.", account)
}

// draft is an entry in the making, and the wallet without its lapsed grants,
// which the rest of the decision is made on.
type draft struct {
	entry Entry
	on    *Wallet
	made  int // grants so far
}

func begin(before *Wallet, command Command, now time.Time) *draft {
	now = now.UTC().Truncate(time.Millisecond)
	// Clocks of two machines differ; the times of a wallet's entries never go
	// back, so that a grant that has lapsed for one entry stays lapsed.
	if now.Before(before.LastAt) {
		now = before.LastAt
	}
	d := &draft{on: before.Clone(), entry: Entry{
		Account:   before.Account,
		Operation: command.Operation,
		Hash:      command.Hash,
		Seq:       before.Seq + 1,
		CreatedAt: now,
	}}
	d.on.Grants = slices.DeleteFunc(d.on.Grants, func(g Grant) bool {
		if !g.Expired(now) {
			return false
		}
		d.entry.Lapsed = append(d.entry.Lapsed, Part{g.ID, g.Remaining})
		return true
	})
	return d
}

// finish folds the entry into the wallet and completes it with what the fold shows.
func (d *draft) finish(before *Wallet) (Decision, error) {
	if d.entry.Operation == "" {
		d.entry.Operation = systemOperation(d.entry.Type, d.entry.Seq)
	}
	next, err := fold(before, &d.entry)
	if err != nil {
		return Decision{}, err
	}
	d.entry.After = next.BalanceAt(d.entry.CreatedAt)
	d.entry.Change = d.entry.After.Available
	if before != nil {
		d.entry.Change -= before.BalanceAt(before.LastAt).Available
		d.entry.Alerts = append(crossings(before, next), d.entry.news()...)
	}
	next.Alerts = nil
	for _, kind := range d.entry.Alerts {
		next.Alerts = append(next.Alerts, Alert{d.entry.Seq, kind})
	}
	return Decision{Entry: &d.entry, Wallet: *next}, nil
}

func (d *draft) debit(state State, debit Debit) error {
	if err := state.Wallet.mayDebit(); err != nil {
		return err
	}
	charge, credits, err := price(state, debit, d.entry.CreatedAt)
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
	// Where more grants would have to be drawn than an entry can hold, the debit is
	// refused: to bill overage while there are credits would be wrong.
	if room := d.overageRoom(len(order)); left > room {
		return insufficient(credits, credits-left, left-room)
	}
	charge.Overage = left
	d.entry.Type, d.entry.Credits, d.entry.Debit = DebitEntry, credits, charge
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

// insufficient says what is missing: available counts grants only, shortfall
// what grants and overage room together lack.
func insufficient(required, available, shortfall credit.Amount) error {
	return fault.New(fault.InsufficientCredits,
		"The debit needs %s credits and %s are available; %s more are missing. Add credits and send it again under the same key.", required, available, shortfall).
		With("required", required.String()).
		With("available", available.String()).
		With("shortfall", shortfall.String())
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
			Reason: fmt.Sprintf("must lie between %s and %s", earliest.Format(time.RFC3339), latest.Format(time.RFC3339)),
		}}
	}
	return at, nil
}

func (d *draft) addGrant(add AddGrant) error {
	terms := Terms{Source: add.Source, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
	if add.Priority != nil {
		terms.Priority = *add.Priority
	}
	if add.EffectiveAt != nil {
		terms.EffectiveAt = add.EffectiveAt.UTC().Truncate(time.Millisecond)
	}
	if add.ExpiresAt != nil {
		terms.ExpiresAt = add.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	if terms.Expired(d.entry.CreatedAt) || terms.Expired(terms.EffectiveAt) {
		return fault.Invalid(fault.Param{Name: "expires_at", Reason: "must lie after now and after effective_at"})
	}
	places := MaxOpenGrants
	if add.Payment != "" {
		places = MaxGrants
	}
	issue, err := d.issue(terms, add.Amount, places)
	if err != nil {
		return err
	}
	issue.Reason, issue.Payment = add.Reason, add.Payment
	d.entry.Type, d.entry.Credits, d.entry.Grant = GrantEntry, add.Amount, &issue
	return nil
}

// grantID names the n-th grant that this entry makes. The seq makes it unique.
func (d *draft) grantID(n int) string {
	id := "g" + strconv.FormatInt(d.entry.Seq, 10)
	if n > 0 {
		id += "." + strconv.Itoa(n)
	}
	return id
}

// admit checks that the wallet has a place for one more grant, where it may hold
// so many, and makes it.
func (d *draft) admit(grant Grant, places int) error {
	if len(d.on.Grants) >= places {
		return fault.New(fault.TooManyGrants, "The account has %d open grants, the most there can be; wait until one is spent or expires.", len(d.on.Grants))
	}
	if err := d.fits(grant.Remaining); err != nil {
		return err
	}
	d.on.Grants = append(d.on.Grants, grant)
	return nil
}

// fits checks that the wallet's grants can hold so many more credits.
func (d *draft) fits(more credit.Amount) error {
	total := more
	for i := range d.on.Grants {
		var err error
		if total, err = credit.Add(total, d.on.Grants[i].Remaining); err != nil {
			return fault.New(fault.BalanceTooLarge, "With this the balance would pass %s credits, the most that can be represented.", credit.Max)
		}
	}
	return nil
}

func (d *draft) expire() {
	if len(d.entry.Lapsed) == 0 {
		return
	}
	d.entry.Type = ExpiryEntry
	for _, part := range d.entry.Lapsed {
		d.entry.Credits += part.Credits
	}
}

func decideConfigure(state State, configure Configure, now time.Time) (Decision, error) {
	settings := configure.Settings
	before := state.Wallet
	if before != nil && before.Settings.Equal(settings) {
		return Decision{Wallet: *before}, nil
	}
	if _, err := location(settings.Zone); err != nil {
		return Decision{}, fault.Invalid(fault.Param{Name: "time_zone", Reason: `must be an IANA zone such as "Europe/Berlin" or "UTC"`})
	}
	base := before
	if base == nil {
		base = &Wallet{Account: state.Account}
	}
	draft := begin(base, Command{Action: configure}, now)
	draft.entry.Type, draft.entry.Settings = SettingsEntry, &settings
	return draft.finish(before)
}
