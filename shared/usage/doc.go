// Package usage defines how entries of a ledger add up to usage.
//
// Terms. A sheet is one aggregate: of an account and a day, of an agent and a
// month, or of an agent and a day. A run is a contiguous part of a ledger. Fold
// turns a run into what is to be added to each sheet.
//
// Laws. Folding is adding: the fold of a run is the sum of the folds of its
// parts, however it is cut, so that a sheet that records its last entry can
// take any later part, and none twice. A conversation counts once, on the day
// of its first debit with that agent.
//
// What counts. A debit counts its credits, itself, its messages and its
// conversation, on its day. A reversal takes the credits back on the day of the
// debit, and nothing else: what the agent did has been done. Nothing else in a
// ledger is usage.
//
// The package is pure: it uses neither tables nor clocks.
package usage
