package dynamo

import "time"

const (
	refillSK   = "REFILL"
	billSK     = "BILL#"
	standingSK = "SUBSCRIPTION"
	customerSK = "CUSTOMER"
	checkoutSK = "CHECKOUT#"

	// billTime is a time of fixed width, so that texts sort as the times do.
	billTime = "2006-01-02T15:04:05.000Z"
)

// refillKey notes an account's automatic refill, in Accounts.
func refillKey(account string) Key { return Key{"A#" + account, refillSK} }

// billKey is a line of an account's billing history, in Accounts, in the order of time.
func billKey(account string, at time.Time, id string) Key {
	return Key{"A#" + account, billSK + at.UTC().Format(billTime) + "#" + id}
}

// dueAt is the place of something in a bucket of the index due that goes by time.
func dueAt(at time.Time, account, id string) string {
	return at.UTC().Format(billTime) + "#" + account + "#" + id
}

// standingKey is what is kept of an account's subscription, in Accounts.
func standingKey(account string) Key { return Key{"A#" + account, standingSK} }

// customerKey is the account's customer at the processor, in Accounts.
func customerKey(account string) Key { return Key{"A#" + account, customerSK} }

// checkoutKey is what became of a wish to buy under a caller's key, in Accounts.
func checkoutKey(account, key string) Key { return Key{"A#" + account, checkoutSK + key} }
