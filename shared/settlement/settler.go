package settlement

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/ledger"
)

// Processor is the payment processor.
type Processor interface {
	billing.CustomerMaker
	Payment(ctx context.Context, id string) (billing.Payment, error)
	PaymentIDOfCharge(ctx context.Context, charge string) (string, error)
	PaymentIDOfRefund(ctx context.Context, refund string) (string, error)
	PaymentIDOfDispute(ctx context.Context, dispute string) (string, error)
	PaymentIDOfSession(ctx context.Context, session string) (string, error)
	SubscriptionIDOfSession(ctx context.Context, session string) (string, error)
	Subscription(ctx context.Context, id string) (billing.Subscription, error)
	Invoice(ctx context.Context, id string) (billing.Invoice, error)
	CancelAtPeriodEnd(ctx context.Context, subscription string, cancel bool, key string) (billing.Subscription, error)
	ChargeRefill(ctx context.Context, charge billing.RefillCharge) (billing.Payment, error)
	FindRefill(ctx context.Context, customer, refill string, since time.Time) (*billing.Payment, error)
	CancelPayment(ctx context.Context, id string) (billing.Payment, error)
	BillOverage(ctx context.Context, overage billing.OverageCharge) (billing.Invoice, error)
}

// Store keeps what accounts have besides their ledgers.
type Store interface {
	billing.Customers
	Plan(ctx context.Context, id string) (*billing.Plan, error)
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	Standing(ctx context.Context, account string) (*billing.Standing, error)
	// SaveStanding writes a standing if the stored version is still the given
	// one's, and reports false otherwise.
	SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error)
	Bill(ctx context.Context, account string, at time.Time, id string) (*billing.Bill, error)
	// SaveBill writes a line if the stored version is still the given one's,
	// and reports false otherwise.
	SaveBill(ctx context.Context, bill billing.Bill) (bool, error)
	// Read reads the ledger: here for what has been taken back of a grant.
	Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error)
}

// Committer runs commands.
type Committer interface {
	Do(ctx context.Context, account string, command ledger.Command) commit.Outcome
}

// Settler settles. Its fields are set once.
type Settler struct {
	Store     Store
	Committer Committer
	Processor Processor
	Now       func() time.Time
	// OnTwoSubscriptions is called, if set, for an account that pays for two
	// subscriptions, one of which will not be renewed and should be refunded.
	OnTwoSubscriptions func(ctx context.Context, account, older, stands string)
	// OnPaidForNothing is called, if set, for an invoice that was paid and grants
	// nothing, because its subscription has ended or was replaced: whenever it is
	// settled, until its money is given back.
	OnPaidForNothing func(ctx context.Context, account, invoice string)
}

// maxTries bounds how often an object is read again because its stored record
// has changed.
const maxTries = 8

// ErrMoved means that concurrent writes kept changing what was to be written.
// The message must be retried.
var ErrMoved = errors.New("settlement: lost to concurrent writes; retry")

// ErrNotYet means that something else must be settled first. The message must
// be retried.
var ErrNotYet = errors.New("settlement: a prerequisite is not settled yet; retry")

// errGone means that the catalog does not have what the processor refers to.
var errGone = errors.New("settlement: not in the catalog")
