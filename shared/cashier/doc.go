// Package cashier is what a buyer may do: see what is sold, buy a pack, take a
// plan, change it, end it, set up automatic refills, and manage cards; and what an
// operator puts on sale.
//
// Terms. A wish is a request to buy under a key of its caller's choice. It is
// claimed before anything is asked of the payment processor, so that a key stands
// for one wish: the same again is answered as it was, another one is refused. A
// wish that is refused frees its key.
//
// Nothing here grants credits for money. A person pays at the processor, and what
// the processor then says is settled elsewhere; where a call has changed something
// there, it is settled at once, so that its buyer need not wait for the news. Should
// that fail, the news comes all the same.
//
// The package knows no SDK and no table. It decides no rule about credits, which are
// the ledger's, and none about periods and prices, which are billing's.
package cashier

import (
	"context"
	"errors"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/commit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// Processor is the payment processor. Its calls fail with the failures of billing.
type Processor interface {
	// EnsureProduct makes the product of a "plan" or a "pack", or gives it its new
	// name and description, and is the product's id.
	EnsureProduct(ctx context.Context, kind, id, name, description string) (string, error)
	// EnsurePrice finds or makes the price of a product; an empty interval is a
	// one-time price.
	EnsurePrice(ctx context.Context, product string, price money.Money, interval billing.Interval) (string, error)
	EnsureCustomer(ctx context.Context, account, name string) (string, error)
	PackCheckout(ctx context.Context, checkout billing.PackCheckout) (string, error)
	PlanCheckout(ctx context.Context, checkout billing.PlanCheckout) (string, error)
	// ChangeSubscription gives a subscription another price. An upgrade is in force
	// and paid at once, and the invoice's id is returned; else it is the price of the
	// periods that follow.
	ChangeSubscription(ctx context.Context, subscription, price, plan string, upgrade bool, key string) (billing.Subscription, string, error)
	CancelAtPeriodEnd(ctx context.Context, subscription string, cancel bool, key string) (billing.Subscription, error)
	Portal(ctx context.Context, customer, returnURL string) (string, error)
}

// Settler makes true what the processor's objects, and the calendar, say now.
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

// Store is what is kept of the catalog and of accounts beside their ledgers. What
// is saved replaces the version that it bears; the answer is false where that is no
// longer the stored one.
type Store interface {
	Reader
	Pack(ctx context.Context, id string) (*billing.Pack, error)
	SavePlan(ctx context.Context, plan billing.Plan, replaced time.Time) (bool, error)
	SavePack(ctx context.Context, pack billing.Pack, replaced time.Time) (bool, error)
	SaveStanding(ctx context.Context, standing billing.Standing, due time.Time) (bool, error)
	Customer(ctx context.Context, account string) (string, error)
	SaveCustomer(ctx context.Context, account, customer string) (string, error)
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
	// OnDelay is told of what has been changed at the processor and could not be
	// settled at once; nil: nobody is.
	OnDelay func(ctx context.Context, account string, err error)
}

// maxTries bounds how often something is done again because others have moved what
// it rests on.
const maxTries = 5

// errMoved is the refusal of what others kept from being done.
func errMoved() error {
	return fault.New(fault.Contended, "Another request changes the same at this moment; nothing was changed. Send the request again.")
}

// refused is what a failure of the processor is to whoever has called.
func refused(err error) error {
	var refusal *billing.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.ActionRequired:
		return fault.New(fault.PaymentDeclined,
			"%s The bank wants this payment to be confirmed. Nothing was changed: save a card that needs no confirmation in the billing portal, and try again.", sentence(refusal.Message))
	case errors.As(err, &refusal):
		return fault.New(fault.PaymentDeclined,
			"%s Nothing was changed: save another card in the billing portal, and try again.", sentence(refusal.Message))
	case errors.Is(err, billing.ErrNotConfigured):
		return fault.New(fault.PaymentsUnavailable,
			"Payments are not set up here: the operator must give the platform the keys of its payment processor.")
	case errors.Is(err, billing.ErrUnknown):
		return fault.New(fault.PaymentsUnavailable,
			"The payment processor did not answer. Send the same request again, a keyed one under the same key; it takes effect once.")
	}
	return err
}

// sentence ends a text as a sentence ends.
func sentence(text string) string {
	if text == "" {
		return "The card was declined."
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		return text + "."
	}
	return text
}

// NoPlan is the fault of a plan that is not there.
func NoPlan(id string) error {
	return fault.New(fault.PlanNotFound, "There is no plan %q; GET /v1/plans lists those that are.", id)
}

// NoPack is the fault of a pack that is not there.
func NoPack(id string) error {
	return fault.New(fault.PackNotFound, "There is no pack %q; GET /v1/packs lists those that are.", id)
}

// wallet is the account's, which must be there.
func wallet(ctx context.Context, store Reader, account string) (*ledger.Wallet, error) {
	found, err := store.Wallet(ctx, account)
	if err == nil && found == nil {
		err = ledger.NoAccount(account)
	}
	return found, err
}

// customer is the account's customer at the processor, made where there is none.
func (c *Cashier) customer(ctx context.Context, account string) (string, error) {
	customer, err := c.Store.Customer(ctx, account)
	if err != nil || customer != "" {
		return customer, err
	}
	of, err := wallet(ctx, c.Store, account)
	if err != nil {
		return "", err
	}
	if customer, err = c.Processor.EnsureCustomer(ctx, account, of.Settings.Name); err != nil {
		return "", refused(err)
	}
	return c.Store.SaveCustomer(ctx, account, customer)
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

// settled notes what could not be settled at once. What was asked for is done.
func (c *Cashier) settled(ctx context.Context, account string, err error) {
	if err != nil && c.OnDelay != nil {
		c.OnDelay(ctx, account, err)
	}
}
