package events

import (
	"strconv"
	"time"
)

// Source is the bus's source of every message.
const Source = "drawdown"

// Version is the version of every message so far.
const Version = 1

// Type names a kind of message: the bus's detail-type.
type Type string

// The public messages.
const (
	BalanceLow          Type = "balance.low"
	BalanceDepleted     Type = "balance.depleted"
	OverageStarted      Type = "overage.started"
	OverageLimitReached Type = "overage.limit_reached"
	RefillSucceeded     Type = "refill.succeeded"
	RefillFailed        Type = "refill.failed"
	PurchaseCompleted   Type = "purchase.completed"
	PlanChanged         Type = "plan.changed"
	PeriodRenewed       Type = "period.renewed"
	AuditDrift          Type = "audit.drift"
)

// Types lists the public messages.
func Types() []Type {
	return []Type{
		BalanceLow, BalanceDepleted, OverageStarted, OverageLimitReached, RefillSucceeded, RefillFailed,
		PurchaseCompleted, PlanChanged, PeriodRenewed, AuditDrift,
	}
}

// The internal messages between the platform's functions. They are not a contract.
const (
	ProcessorNotice Type = "drawdown.internal.processor_notice"
	RefillDue       Type = "drawdown.internal.refill_due"
)

// Message is the detail of an event on the bus, and the body of a webhook.
type Message struct {
	ID         string    `json:"id"` // account#seq#type: the same for every delivery
	Type       Type      `json:"type"`
	Version    int       `json:"version"`
	AccountID  string    `json:"account_id"`
	Seq        int64     `json:"seq"` // of the ledger entry that the message is about
	OccurredAt time.Time `json:"occurred_at"`
	Data       any       `json:"data"` // the type of this package named after the message
}

// Money is an amount in the minor unit of a currency.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"` // ISO 4217, in lower case
}

// Balance is the balance after the entry: the data of balance.low,
// balance.depleted, overage.started and overage.limit_reached. Credits are
// decimal strings.
type Balance struct {
	Available   string `json:"available"`
	OverageUsed string `json:"overage_used"`
}

// Purchase is the data of purchase.completed: credits that were paid for.
type Purchase struct {
	PaymentID string     `json:"payment_id"` // of the payment processor
	GrantID   string     `json:"grant_id"`
	Credits   string     `json:"credits"`
	ExpiresAt *time.Time `json:"expires_at"` // null: never
	Balance   Balance    `json:"balance"`
}

// RefillResult is the data of refill.succeeded and refill.failed.
type RefillResult struct {
	RefillID  string     `json:"refill_id,omitempty"`  // omitted if no refill was started
	PaymentID string     `json:"payment_id,omitempty"` // of the payment processor
	Price     Money      `json:"price"`
	Credits   string     `json:"credits"`          // granted; "0" for a failure
	Reason    string     `json:"reason,omitempty"` // of a failure
	State     string     `json:"state"`            // armed, backoff, action_required or off
	RetryAt   *time.Time `json:"retry_at"`         // null: no automatic retry
	Balance   Balance    `json:"balance"`
}

// Plan is the data of plan.changed.
type Plan struct {
	SubscriptionID string  `json:"subscription_id"`
	PlanID         *string `json:"plan_id"` // null: the plan has ended
	Credits        string  `json:"credits"` // granted with the change
	Balance        Balance `json:"balance"`
}

// Period is the data of period.renewed.
type Period struct {
	SubscriptionID string    `json:"subscription_id"`
	PlanID         string    `json:"plan_id"`
	Start          time.Time `json:"start"`
	End            time.Time `json:"end"`
	Included       string    `json:"included"`       // credits of the new period
	CarriedOver    string    `json:"carried_over"`   // from the previous period
	OverageBilled  string    `json:"overage_billed"` // credits of the previous period
	OveragePrice   *Money    `json:"overage_price"`  // null: nothing to bill
	Balance        Balance   `json:"balance"`
}

// Drift is the data of audit.drift: stored values that differ from the ledger.
type Drift struct {
	Findings []Finding `json:"findings"`
}

// Finding is one value that differs.
type Finding struct {
	Where  string `json:"where"`
	Ledger string `json:"ledger"`
	Stored string `json:"stored"`
}

// Notice reports that an object at the payment processor has changed.
type Notice struct {
	ID         string    `json:"id"`          // of the processor's event
	Type       string    `json:"type"`        // the processor's name
	ObjectID   string    `json:"object_id"`   // of the changed object
	ObjectType string    `json:"object_type"` // the processor's name
	CreatedAt  time.Time `json:"created_at"`
}

// Due reports that an account's refill may be due.
type Due struct {
	AccountID string `json:"account_id"`
	Seq       int64  `json:"seq"`
}

// ID is a message's id, the same for every delivery.
func ID(account string, seq int64, t Type) string {
	return account + "#" + strconv.FormatInt(seq, 10) + "#" + string(t)
}

// New returns a message of the current version.
func New(t Type, account string, seq int64, occurredAt time.Time, data any) Message {
	return Message{
		ID: ID(account, seq, t), Type: t, Version: Version,
		AccountID: account, Seq: seq, OccurredAt: occurredAt, Data: data,
	}
}

// NoticeOf returns the message that carries a notice.
func NoticeOf(n Notice) Message {
	return Message{ID: n.ID, Type: ProcessorNotice, Version: Version, OccurredAt: n.CreatedAt, Data: n}
}

// DueOf returns the message that an account's refill may be due.
func DueOf(account string, seq int64, at time.Time) Message {
	return New(RefillDue, account, seq, at, Due{AccountID: account, Seq: seq})
}

// Internal reports whether the message is for the platform's own functions.
func (t Type) Internal() bool { return t == ProcessorNotice || t == RefillDue }
