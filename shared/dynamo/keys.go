package dynamo

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
)

// Key is the primary key of an item. SK is empty in a table without a sort key.
type Key struct{ PK, SK string }

func (k Key) attributes() map[string]types.AttributeValue {
	attributes := map[string]types.AttributeValue{attrPK: text(k.PK)}
	if k.SK != "" {
		attributes[attrSK] = text(k.SK)
	}
	return attributes
}

const (
	// stripe is the number of an account's wallet item; there is one so far.
	stripe = "#00"

	entrySK    = "E"
	reversalSK = "R#"
	profileSK  = "PROFILE"
	refillSK   = "REFILL"
	billSK     = "BILL#"
	standingSK = "SUBSCRIPTION"
	customerSK = "CUSTOMER"
	checkoutSK = "CHECKOUT#"
	catalogPK  = "CATALOG"
	planSK     = "PLAN#"
	packSK     = "PACK#"
	cardSK     = "RATECARD#"
	firstCard  = "FIRSTCARD"
	keySK      = "KEY"

	// billTime is a time of fixed width, so that texts sort as the times do.
	billTime = "2006-01-02T15:04:05.000Z"

	kindAccount = "ACCOUNT"
	kindKey     = "KEY"
)

// Ids of accounts have no '#', and an operation id's own '#' only ever follows
// the account's, so that no two pairs of them share a key.

// walletKey is the wallet of an account, in Wallets; its PK is also the
// partition of the account's entries in the index by_seq.
func walletKey(account string) Key { return Key{PK: "A#" + account + stripe} }

// entryKey is the entry of an operation, in Ledger.
func entryKey(account string, operation ledger.OperationID) Key {
	return Key{"A#" + account + "#" + string(operation), entrySK}
}

// reversalKey is the n-th tally of what has been given back of a debit, in
// Ledger, beside the debit's entry: one Query reads both.
func reversalKey(account string, debit ledger.OperationID, n int) Key {
	return Key{entryKey(account, debit).PK, fmt.Sprintf("%s%06d", reversalSK, n)}
}

// profileKey is what is listed of an account, in Accounts.
func profileKey(account string) Key { return Key{"A#" + account, profileSK} }

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

// planKey and packKey are what is sold, in Accounts, each kind read with one Query.
func planKey(id string) Key { return Key{catalogPK, planSK + id} }
func packKey(id string) Key { return Key{catalogPK, packSK + id} }

// rateCardKey is a rate card, in Accounts; the catalog is one partition, read
// with one Query.
func rateCardKey(version string) Key { return Key{catalogPK, cardSK + version} }

// firstCardKey marks that a rate card has been published, in Accounts.
func firstCardKey() Key { return Key{catalogPK, firstCard} }

// apiKeyKey is an API key, in Accounts.
func apiKeyKey(id string) Key { return Key{APIKeyPK + id, keySK} }

// operationOf is the account and the operation id within an entry's PK.
func operationOf(pk string) (account string, operation ledger.OperationID) {
	account, id, _ := strings.Cut(strings.TrimPrefix(pk, "A#"), "#")
	return account, ledger.OperationID(id)
}
