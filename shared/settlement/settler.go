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

// Store is what is kept of accounts beside their ledgers.
type Store interface {
	billing.Customers
	Plan(ctx context.Context, id string) (*billing.Plan, error)
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	Standing(ctx context.Context, account string) (*billing.Standing, error)
	// SaveStanding writes a standing whose stored version is still the given
	// one's, and answers false where it is another.
	SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error)
	Bill(ctx context.Context, account string, at time.Time, id string) (*billing.Bill, error)
	// SaveBill writes a line whose stored version is still the given one's, and
	// answers false where it is another.
	SaveBill(ctx context.Context, bill billing.Bill) (bool, error)
	// Read is the ledger's: here it tells what has been taken back of a grant.
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
	// OnTwoSubscriptions is told of an account that pays for two subscriptions, of
	// which one will not be renewed and is to be refunded; nil: nobody is.
	OnTwoSubscriptions func(ctx context.Context, account, older, stands string)
	// OnPaidForNothing is told of an invoice that was paid and grants nothing, since
	// its subscription has ended or another one has taken its place: whenever it is
	// settled, until its money is given back; nil: nobody is.
	OnPaidForNothing func(ctx context.Context, account, invoice string)
}

// maxTries bounds how often an object is read again because others have moved
// what is stored of it.
const maxTries = 8

// ErrMoved means that others kept moving what was to be written. The message
// that brought us here must come again.
var ErrMoved = errors.New("settlement: lost to concurrent writes; retry")

// ErrNotYet means that something must have been settled before that has not
// been yet. The message must come again.
var ErrNotYet = errors.New("settlement: a prerequisite is not settled yet; retry")

// errGone says that nothing was stored of what the processor has.
var errGone = errors.New("settlement: not in the catalog")
