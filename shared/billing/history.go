package billing

import (
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/money"
)

// BillKind is what a line of the billing history is about.
type BillKind string

// The kinds of bills.
const (
	PurchaseBill BillKind = "purchase" // a pack that a person bought
	RefillBill   BillKind = "refill"   // a pack that was bought automatically
	PlanBill     BillKind = "plan"     // a period of a plan, the first or another
	ChangeBill   BillKind = "plan_change"
	OverageBill  BillKind = "overage"
	RefundBill   BillKind = "refund" // money given back, or taken back by a dispute
)

// BillState is how far a bill is.
type BillState string

// The states of bills.
const (
	BillPending  BillState = "pending" // not sent to the processor yet, or being paid
	BillOpen     BillState = "open"    // sent, and waiting for the cardholder
	BillPaid     BillState = "paid"
	BillFailed   BillState = "failed"
	BillVoid     BillState = "void"
	BillDisputed BillState = "disputed" // the bank holds the money until it decides
)

// Bill is a line of an account's billing history: one object of the processor,
// as last read. Its place in the history is its time and id, which never
// change.
type Bill struct {
	Account     string
	ID          string // pi_..., in_..., re_ and the payment's id, or that of the ledger's operation
	At          time.Time
	Kind        BillKind
	State       BillState
	Amount      money.Money // of a refund, what was given back
	Credits     credit.Amount
	Description string // what was bought: the pack's or the plan's name
	ReceiptURL  string // receipt, or invoice to be paid; empty: none
	Payment     string // pi_..., empty: none
	Invoice     string // in_..., empty: none
	Seq         int64  // of the ledger's entry; 0: none
	Reason      string // of a failure
	Version     int64  // counts the writes of the line
}

// BillPlace is a place in the billing history: a line's time and id.
type BillPlace struct {
	At time.Time
	ID string
}

// Standing is the stored record of an account's subscription: the processor's
// object as last read, and what is planned for it.
type Standing struct {
	Subscription
	NextPlan  string // of the next period; empty: the same
	InvoiceID string // the last invoice, where it could not be collected
	PayURL    string // where that can be paid
	Version   int64
}
