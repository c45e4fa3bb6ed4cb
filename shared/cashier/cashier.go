package cashier

import (
	"context"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Processor is the payment processor. Its calls fail with the failures of billing.
type Processor interface {
	billing.CustomerMaker
	// EnsureProduct creates the product of a "plan" or a "pack", or updates its
	// name and description, and returns the product's id.
	EnsureProduct(ctx context.Context, kind, id, name, description string) (string, error)
	// EnsurePrice finds or creates the price of a product; an empty interval is
	// a one-time price.
	EnsurePrice(ctx context.Context, product string, price money.Money, interval billing.Interval) (string, error)
	PackCheckout(ctx context.Context, checkout billing.PackCheckout) (string, error)
	PlanCheckout(ctx context.Context, checkout billing.PlanCheckout) (string, error)
	// ChangeSubscription gives a subscription another price. An upgrade is in force
	// and paid at once, and the invoice's id is returned; otherwise the price applies
	// from the next period.
	ChangeSubscription(ctx context.Context, subscription, price, plan string, upgrade bool, key string) (billing.Subscription, string, error)
	CancelAtPeriodEnd(ctx context.Context, subscription string, cancel bool, key string) (billing.Subscription, error)
	Portal(ctx context.Context, customer, returnURL string) (string, error)
}

// Settler brings accounts in line with the processor's objects and the calendar as
// they are now.
type Settler interface {
	Subscription(ctx context.Context, id string) error
	Invoice(ctx context.Context, id string) error
	// Renew opens the periods of an account's free plan that have begun.
	Renew(ctx context.Context, account string) error
}

// Committer runs commands.
type Committer interface {
	Do(ctx context.Context, account string, command ledger.Command) commit.Outcome
}

// Store keeps the catalog, and what accounts have besides their ledgers. A
// saved value replaces the version that it carries; the result is false if that
// is no longer the stored one.
type Store interface {
	Reader
	billing.Customers
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	SavePlan(ctx context.Context, plan billing.Plan, replaced time.Time) (bool, error)
	SavePack(ctx context.Context, pack billing.Pack, replaced time.Time) (bool, error)
	SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error)
	Claim(ctx context.Context, account, key string) (*billing.Claim, error)
	SaveClaim(ctx context.Context, claim billing.Claim) (bool, error)
}

// Cashier serves buyers. Its fields are set once.
type Cashier struct {
	Store     Store
	Committer Committer
	Processor Processor
	Settler   Settler
	Now       func() time.Time
	// OnDelay is called, if set, for a change at the processor that could not be
	// settled at once.
	OnDelay func(ctx context.Context, account string, err error)
}

// maxTries bounds how often something is retried because of concurrent changes.
const maxTries = 5

// customer is the account's customer at the processor, created if there is none.
func (c *Cashier) customer(ctx context.Context, account string) (string, error) {
	customer, err := billing.Customer(ctx, c.Store, c.Processor, account)
	return customer, refused(err)
}

// Portal is the processor's page where an account's people manage their cards and
// see their invoices.
func (c *Cashier) Portal(ctx context.Context, account, returnURL string) (string, error) {
	customer, err := c.customer(ctx, account)
	if err != nil {
		return "", err
	}
	url, err := c.Processor.Portal(ctx, customer, returnURL)
	return url, refused(err)
}

// settled reports what could not be settled at once. The request itself has been
// carried out.
func (c *Cashier) settled(ctx context.Context, account string, err error) {
	if err != nil && c.OnDelay != nil {
		c.OnDelay(ctx, account, err)
	}
}
