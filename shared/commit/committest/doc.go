// Package committest is what every commit.Store must pass.
//
// Run is the conformance suite: what a Store promises, one promise a test.
// Model runs generated commands through a Committer over the store, and through
// the plain ledger of ledgertest, and compares every answer. Parallel sends
// commands from several goroutines at once and shows that their answers could
// have been given one after another.
package committest
