// Package settlement brings what happens at the payment processor, and with
// time, into the ledger: payments, refunds and disputes, invoices and
// subscriptions, automatic refills, and the periods of plans.
//
// Nothing here trusts a message. A message names an object; the object is read
// again, and its current state is applied by commands whose ids follow from the
// object's. So messages may be lost, duplicated and reordered, and the next
// message or sweep repairs a crash at any point.
//
// Writes that an old reading must not make after a newer one (a refund, a line of
// the billing history) are guarded by the stored version from before the object
// was read: if that has changed, the object is read again. And since a newer
// reading that finds nothing to change leaves the version as it is, every write is
// followed by one more reading.
//
// The package uses no SDK and no table. The rules about credits are the
// ledger's.
package settlement
