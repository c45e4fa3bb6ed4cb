// Package settlement brings what the payment processor and the calendar say
// into the ledger: payments, refunds and disputes, invoices and subscriptions,
// automatic refills, and the periods of plans.
//
// Nothing here trusts a message. A message names an object; the object is read
// anew, and whatever it says now is made true, by commands whose ids follow from
// the object's. So messages may be lost, doubled and shuffled, and a crash at
// any point is mended by the next message or the next sweep.
//
// What must not be done by an old reading after a newer one (a refund, a line of
// the billing history) is guarded by what was stored before the object was read:
// if that has moved meanwhile, the object is read again. And since a newer reading
// that finds nothing to change moves nothing, whoever has written reads once more.
//
// The package knows no SDK and no table. It decides no rule about credits, which
// are the ledger's.
package settlement
