// Package events defines the messages that Drawdown publishes on the event bus: one
// Go type per message, with its JSON schema in schemas/ and a sample in samples/
// that must decode forever.
//
// Messages are a public contract. Within a version members are only ever added;
// a change of meaning requires a new version. Single debits are not published:
// there are as many as there are actions. Delivery is at least once and in no
// particular order; the id is the same for all deliveries of a message, and seq
// orders the messages of one account.
//
// The package must not depend on publishers or listeners.
package events
