package dynamo

import (
	"fmt"
	"strings"

	"drawdown/shared/ledger"
)

const (
	// stripe is the number of an account's wallet item; there is one so far.
	stripe = "#00"

	entrySK    = "E"
	reversalSK = "R#"
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

// operationOf is the account and the operation id within an entry's PK.
func operationOf(pk string) (account string, operation ledger.OperationID) {
	account, id, _ := strings.Cut(strings.TrimPrefix(pk, "A#"), "#")
	return account, ledger.OperationID(id)
}
