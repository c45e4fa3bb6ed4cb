package ledger

import (
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// GrantEntry is the kind of the entry that a separate grant leaves.
const GrantEntry EntryType = "grant"

// DefaultPriority is a grant's priority if none is given.
const DefaultPriority = 100

// AddGrant gives credits.
type AddGrant struct {
	Amount      credit.Amount
	Source      Source
	Priority    *int       // nil: DefaultPriority
	EffectiveAt *time.Time // nil: now
	ExpiresAt   *time.Time // nil: never
	Reason      string
	// Payment is the processor's id of what was paid for the credits. Callers of
	// the API cannot set it.
	Payment string
}

// Issue is a new grant, and the detail of a grant entry. What it paid of the
// debt is subtracted from what the grant opened with; if that is everything, no
// grant was opened.
type Issue struct {
	Grant   Grant
	Owed    credit.Amount // of the grant's amount, what went to credits that were owed
	Reason  string
	Payment string // the processor's id of what was paid for it; empty: nothing was
}

func (AddGrant) needs() Needs { return Needs{} }

func (a AddGrant) decide(d *draft, _ State) error {
	terms := Terms{Source: a.Source, Priority: DefaultPriority, EffectiveAt: d.entry.CreatedAt}
	if a.Priority != nil {
		terms.Priority = *a.Priority
	}
	if a.EffectiveAt != nil {
		terms.EffectiveAt = a.EffectiveAt.UTC().Truncate(time.Millisecond)
	}
	if a.ExpiresAt != nil {
		terms.ExpiresAt = a.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	if terms.Expired(d.entry.CreatedAt) || terms.Expired(terms.EffectiveAt) {
		return fault.Invalid(fault.Param{Name: "expires_at", Reason: "must be after now and after effective_at"})
	}
	places := MaxOpenGrants
	if a.Payment != "" {
		places = MaxGrants
	}
	issue, err := d.issue(terms, a.Amount, places)
	if err != nil {
		return err
	}
	issue.Reason, issue.Payment = a.Reason, a.Payment
	d.record(a.Amount, &issue)
	return nil
}

func (i *Issue) fold(w *Wallet, _ *Entry) error { return w.foldIssue(i) }

func (i *Issue) effects() effects {
	effects := effects{issue: i}
	if i.Payment != "" {
		effects.news = []AlertKind{PurchaseCompleted}
	}
	return effects
}

func (*Issue) kind() EntryType { return GrantEntry }
func (*Issue) use(*Entry) *Use { return nil }

func (a AddGrant) canonical(f *canonicalForm) {
	f.str("grant/1")
	f.num(int64(a.Amount))
	f.str(string(a.Source))
	if a.Priority == nil {
		f.str("")
	} else {
		f.num(int64(*a.Priority))
	}
	f.instant(a.EffectiveAt)
	f.instant(a.ExpiresAt)
	f.str(a.Reason)
	if a.Payment != "" { // added later: without it, the form is unchanged
		f.str(a.Payment)
	}
}
