package ledger

import (
	"cmp"
	"slices"
	"time"

	"drawdown/shared/credit"
)

const (
	// MaxOpenGrants bounds the grants that operators give, and those that
	// reversals reopen: a wallet with that many accepts no more of them.
	MaxOpenGrants = 50
	// MaxGrants bounds the grants of a wallet. The room beyond MaxOpenGrants is
	// for paid credits: an account full of gifts must not lose a purchase.
	MaxGrants = 60
	// MaxDraws bounds the draws of a debit, and so the size of its entry.
	MaxDraws = 50
)

// Status determines whether an account may debit.
type Status string

// The statuses of an account.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// OveragePolicy determines what happens when the grants are used up.
type OveragePolicy string

// The overage policies.
const (
	Block OveragePolicy = "block" // refuse
	Bill  OveragePolicy = "bill"  // allow up to the limit, and bill it
)

// Overage is what an account may use beyond its grants.
type Overage struct {
	Policy OveragePolicy
	Limit  credit.Amount
}

// Source is where a grant's credits came from.
type Source string

// The sources of credits.
const (
	FromPlan       Source = "plan"
	FromPurchase   Source = "purchase"
	FromAutoRefill Source = "auto_refill"
	FromPromo      Source = "promo"
	FromAdjustment Source = "adjustment"
)

// Terms are the conditions of a grant. A zero ExpiresAt means never.
type Terms struct {
	Source      Source
	Priority    int // lower burns first
	EffectiveAt time.Time
	ExpiresAt   time.Time
}

// Expired reports whether the terms have expired at t: a grant is spendable in
// [EffectiveAt, ExpiresAt).
func (t Terms) Expired(at time.Time) bool { return !t.ExpiresAt.IsZero() && !at.Before(t.ExpiresAt) }

// Spendable reports whether credits under these terms can be drawn at t.
func (t Terms) Spendable(at time.Time) bool { return !at.Before(t.EffectiveAt) && !t.Expired(at) }

// Grant is a block of credits.
type Grant struct {
	ID string // unique within its wallet
	Terms
	Amount    credit.Amount
	Remaining credit.Amount
}

// AlertKind names a kind of alert.
type AlertKind string

// The alerts. The first are crossings, which any entry may cause; the others
// follow from an entry's kind.
const (
	LowBalance     AlertKind = "low_balance"     // available fell below the threshold
	Depleted       AlertKind = "depleted"        // available reached zero
	OverageStarted AlertKind = "overage_started" // the first use beyond the grants
	OverageLimit   AlertKind = "overage_limit"   // no room beyond the grants is left

	PurchaseCompleted AlertKind = "purchase_completed" // credits that were paid for have been granted
	PlanChanged       AlertKind = "plan_changed"       // another plan within the period, or the end of the plan
	PeriodRenewed     AlertKind = "period_renewed"     // a period of a plan has been opened, the first or another
	RefillSucceeded   AlertKind = "refill_succeeded"
	RefillFailed      AlertKind = "refill_failed" // or was not started because of the month's cap
)

// AlertKinds lists the kinds.
func AlertKinds() []AlertKind {
	return []AlertKind{
		LowBalance, Depleted, OverageStarted, OverageLimit,
		PurchaseCompleted, PlanChanged, PeriodRenewed, RefillSucceeded, RefillFailed,
	}
}

// Alert is an alert's kind and the entry that raised it.
type Alert struct {
	Seq  int64
	Kind AlertKind
}

// Balance is what a wallet holds at an instant.
type Balance struct {
	Available   credit.Amount // spendable grants only
	OverageUsed credit.Amount
}

// Wallet is the state of an account.
type Wallet struct {
	Account     string
	Seq         int64 // of the last entry
	LastAt      time.Time
	Settings    Settings
	Grants      []Grant // in the order of creation; none is spent
	OverageUsed credit.Amount
	// Owed are credits that were taken back after they had been spent; later
	// grants pay them first. It is not a balance: it does not prevent debits.
	Owed   credit.Amount
	Plan   *PlanState   // nil: no plan
	Refill *RefillState // nil: never set up
	// Alerts are those of the entries written together with this image. They
	// are notifications for its readers, not state: a fold ignores them.
	Alerts []Alert
}

// Overage is the overage in force: the account's own, otherwise its plan's,
// otherwise none.
func (w *Wallet) Overage() Overage {
	if w.Settings.Overage != nil {
		return *w.Settings.Overage
	}
	if w.Plan != nil && w.Plan.Overage.Policy != "" {
		return w.Plan.Overage
	}
	return Overage{Policy: Block}
}

// OverageRoom is how much more may be used beyond the grants.
func (w *Wallet) OverageRoom() credit.Amount {
	overage := w.Overage()
	if overage.Policy != Bill {
		return 0
	}
	return max(0, overage.Limit-w.OverageUsed)
}

// BalanceAt values the wallet at an instant.
func (w *Wallet) BalanceAt(at time.Time) Balance {
	balance := Balance{OverageUsed: w.OverageUsed}
	for i := range w.Grants {
		if w.Grants[i].Spendable(at) {
			// Cannot overflow: Decide admits no grant whose addition would.
			balance.Available += w.Grants[i].Remaining
		}
	}
	return balance
}

// burnOrder lists the indexes of the spendable grants as they are drawn:
// lowest priority number, then soonest expiry, then oldest.
func (w *Wallet) burnOrder(at time.Time) []int {
	order := make([]int, 0, len(w.Grants))
	for i := range w.Grants {
		if w.Grants[i].Spendable(at) {
			order = append(order, i)
		}
	}
	// Stable, and grants are in the order of creation, the oldest first.
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := w.Grants[a].Terms, w.Grants[b].Terms
		if x.Priority != y.Priority {
			return cmp.Compare(x.Priority, y.Priority)
		}
		switch {
		case x.ExpiresAt.Equal(y.ExpiresAt):
			return 0
		case x.ExpiresAt.IsZero():
			return 1
		case y.ExpiresAt.IsZero():
			return -1
		}
		return x.ExpiresAt.Compare(y.ExpiresAt)
	})
	return order
}

func (w *Wallet) grant(id string) *Grant {
	for i := range w.Grants {
		if w.Grants[i].ID == id {
			return &w.Grants[i]
		}
	}
	return nil
}

// Clone is a copy that shares nothing.
func (w *Wallet) Clone() *Wallet {
	copied := *w
	copied.Grants = slices.Clone(w.Grants)
	copied.Alerts = slices.Clone(w.Alerts)
	if w.Settings.Overage != nil {
		overage := *w.Settings.Overage
		copied.Settings.Overage = &overage
	}
	if w.Plan != nil {
		plan := *w.Plan
		copied.Plan = &plan
	}
	if w.Refill != nil {
		refill := *w.Refill
		copied.Refill = &refill
	}
	return &copied
}
