package commit

import (
	"context"

	"drawdown/shared/ledger"
)

// Wallets reads wallets.
type Wallets interface {
	Wallet(ctx context.Context, account string) (*ledger.Wallet, error)
}

// WalletOf is the wallet of an account that must exist: it fails with
// fault.AccountNotFound if it does not.
func WalletOf(ctx context.Context, wallets Wallets, account string) (*ledger.Wallet, error) {
	wallet, err := wallets.Wallet(ctx, account)
	if err == nil && wallet == nil {
		err = ledger.NoAccount(account)
	}
	return wallet, err
}
