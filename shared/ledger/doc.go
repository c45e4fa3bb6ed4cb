// Package ledger is the rule book of credits: what a command does to a wallet.
//
// Terms. A wallet is the state of one account: its grants, the overage used,
// its settings and a sequence number. An operation is one command under an id
// that is its idempotency key, for ever. An entry is the immutable record that
// one operation leaves.
//
// Decide takes a state, a command and an instant, and returns an entry and the
// next wallet, or refuses with a *fault.Error. Apply folds one entry into a
// wallet; Decide itself uses it, so a wallet is the fold of its entries by
// construction. Both are pure: no clock, no I/O.
//
// Money. Credits that a payment has paid for, the periods of a plan and the
// automatic refill are commands like any other. Their ids follow from what they
// refer to (see PaymentOperation and the functions after it), so that they may be
// repeated. If there is nothing to do they leave no entry, and their id stays free.
//
// Invariants, for every reachable wallet:
//   - no grant is below zero or above its amount, and overage used lies in
//     [0, limit at the time it was used];
//   - entries are numbered 1, 2, 3, ... and their times never go back;
//   - an entry's balance is the one before plus its change;
//   - credits neither appear nor vanish: what was granted, given back and restored
//     is what grants hold, or was drawn, lapsed, ended with its period, was taken
//     back or has paid a debt;
//   - at most one refill is in flight, and what is charged in a month of the
//     account's zone stays within the cap that was in force at its start.
//
// The package must not depend on how wallets are stored, retried or described.
package ledger
