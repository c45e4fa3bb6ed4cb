// Package events is what Drawdown says on the event bus: one Go type a message,
// with its JSON schema in schemas/ and a sample in samples/ that must decode for
// ever.
//
// Messages are a public contract. Within a version members are only ever added;
// what would change the meaning of one is a new version. Single debits are not
// said: they are as many as there are actions. Delivery is at least once and in
// no order; an id is said once for all deliveries, and seq orders the messages
// of one account.
//
// The package must not know who speaks or listens.
package events
