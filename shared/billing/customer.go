package billing

import (
	"context"

	"drawdown/shared/commit"
)

// Customers is where the processor's customers are remembered, each beside its
// account's wallet.
type Customers interface {
	commit.Wallets
	// Customer is empty where none is remembered.
	Customer(ctx context.Context, account string) (string, error)
	// SaveCustomer remembers a customer, and returns the one that is remembered,
	// which may have been another's.
	SaveCustomer(ctx context.Context, account, customer string) (string, error)
}

// CustomerMaker makes an account's customer at the processor, or finds it there.
type CustomerMaker interface {
	EnsureCustomer(ctx context.Context, account, name string) (string, error)
}

// Customer is the account's customer at the processor, made where there is none.
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
