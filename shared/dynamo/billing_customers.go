package dynamo

import (
	"context"

	"drawdown/shared/billing"
)

// Customer is the account's customer at the processor, read strongly consistently;
// empty where it has none.
func (b *Billing) Customer(ctx context.Context, account string) (string, error) {
	record, err := read[customerRecord](ctx, b.core, customerKey(account))
	if err != nil || record == nil {
		return "", err
	}
	return record.Customer, nil
}

// SaveCustomer keeps the account's customer, unless it has one, and is the one that
// it has: an account has one customer for ever.
func (b *Billing) SaveCustomer(ctx context.Context, account, customer string) (string, error) {
	key := customerKey(account)
	saved, err := b.putVersioned(ctx, "saving the customer of "+account, customerRecord{key.PK, key.SK, customer, 1}, 0)
	if err != nil || saved {
		return customer, err
	}
	return b.Customer(ctx, account)
}

type customerRecord struct {
	PK       string `dynamodbav:"pk"`
	SK       string `dynamodbav:"sk"`
	Customer string `dynamodbav:"cu"`
	Version  int64  `dynamodbav:"v"`
}

// Claim reads what became of a wish to buy strongly consistently; nil where its key
// is new.
func (b *Billing) Claim(ctx context.Context, account, key string) (*billing.Claim, error) {
	r, err := read[claimRecord](ctx, b.core, checkoutKey(account, key))
	if err != nil || r == nil {
		return nil, err
	}
	return &billing.Claim{Account: r.Account, Key: r.Key, Hash: r.Hash, At: instant(r.At), URL: r.URL, Try: r.Try, Version: r.Version}, nil
}

// SaveClaim writes a claim in place of the one of its version, 0 where there was
// none, and answers false where another write came first; what is stored has the
// next version.
func (b *Billing) SaveClaim(ctx context.Context, claim billing.Claim) (bool, error) {
	key := checkoutKey(claim.Account, claim.Key)
	return b.putVersioned(ctx, "saving checkout "+claim.Key, claimRecord{
		PK: key.PK, SK: key.SK, Account: claim.Account, Key: claim.Key, Hash: claim.Hash, At: millis(claim.At),
		URL: claim.URL, Try: claim.Try, Version: claim.Version + 1,
	}, claim.Version)
}

type claimRecord struct {
	PK      string `dynamodbav:"pk"`
	SK      string `dynamodbav:"sk"`
	Account string `dynamodbav:"ac"`
	Key     string `dynamodbav:"i"`
	Hash    string `dynamodbav:"h,omitempty"`
	At      int64  `dynamodbav:"ca"`
	URL     string `dynamodbav:"u,omitempty"`
	Try     int    `dynamodbav:"t,omitempty"`
	Version int64  `dynamodbav:"v"`
}
