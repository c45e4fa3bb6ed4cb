package billing

import (
	"context"

	"drawdown/shared/commit"
)

// Customers stores the processor's customers, each beside its account's wallet.
type Customers interface {
	commit.Wallets
	// Customer is empty if none is stored.
	Customer(ctx context.Context, account string) (string, error)
	// SaveCustomer stores a customer, and returns the stored one, which another
	// call may have saved first.
	SaveCustomer(ctx context.Context, account, customer string) (string, error)
}

// CustomerMaker creates an account's customer at the processor, or finds it there.
type CustomerMaker interface {
	EnsureCustomer(ctx context.Context, account, name string) (string, error)
}

// Customer is the account's customer at the processor, created if there is none.
func Customer(ctx context.Context, customers Customers, processor CustomerMaker, account string) (string, error) {
	customer, err := customers.Customer(ctx, account)
	if err != nil || customer != "" {
		return customer, err
	}
	wallet, err := commit.WalletOf(ctx, customers, account)
	if err != nil {
		return "", err
	}
	if customer, err = processor.EnsureCustomer(ctx, account, wallet.Settings.Name); err != nil {
		return "", err
	}
	return customers.SaveCustomer(ctx, account, customer)
}
