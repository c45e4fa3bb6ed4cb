// Package webhooks is how operators are told of events over HTTP, by the rules
// of Standard Webhooks (https://www.standardwebhooks.com): how a message is
// signed, when its delivery is tried again, and where it may be sent.
//
// Terms. An endpoint is an address of the operator that wants some types of
// events. A delivery is one event on its way to one endpoint: pending until it
// is delivered or failed. It is tried at once and then by a schedule; delivery
// is at least once and in no order, and webhook-id is the same at every try.
//
// The package must not know how endpoints and deliveries are stored, nor how they
// are sent.
package webhooks
