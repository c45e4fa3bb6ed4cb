// Package webhooks decides how operators are notified of events over HTTP, by
// the rules of Standard Webhooks (https://www.standardwebhooks.com): how a
// message is signed, when its delivery is retried, and where it may be sent.
//
// Terms. An endpoint is an address of the operator that subscribes to some
// types of events. A delivery is one event on its way to one endpoint: pending
// until it is delivered or failed. It is tried at once and then on a schedule;
// delivery is at least once and in no order, and webhook-id is the same at
// every try.
//
// The package must not depend on how endpoints and deliveries are stored or sent.
package webhooks
