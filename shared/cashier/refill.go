package cashier

import (
	"context"
	"fmt"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// RefillTerms are an account's settings of its automatic refill. When it is off,
// the other terms stay as they were.
type RefillTerms struct {
	Account   string
	Enabled   bool
	Threshold credit.Amount
	Pack      string
	Cap       money.Money // of a calendar month in the account's zone
}

// SetRefill sets up an account's automatic refill, or switches it off, and
// returns the account's wallet after that. It fails with fault.PackNotFound,
// NotOffered, or InvalidRequest if the cap does not cover one pack.
func (c *Cashier) SetRefill(ctx context.Context, terms RefillTerms) (*ledger.Wallet, error) {
	if terms.Enabled {
		pack, err := c.pack(ctx, terms.Pack)
		if err != nil {
			return nil, err
		}
		if pack.Price.Currency != terms.Cap.Currency || pack.Price.Minor > terms.Cap.Minor {
			return nil, fault.Invalid(fault.Param{Name: "monthly_cap", Reason: fmt.Sprintf(
				"must cover at least one pack, which costs %d in the minor unit of %q", pack.Price.Minor, pack.Price.Currency)})
		}
	}
	outcome := c.Committer.Do(ctx, terms.Account, ledger.Command{Action: ledger.SetRefill{
		Enabled: terms.Enabled, Threshold: terms.Threshold, Pack: terms.Pack, Cap: terms.Cap,
	}})
	if outcome.Err != nil {
		return nil, outcome.Err
	}
	return &outcome.Wallet, nil
}
