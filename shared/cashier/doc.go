// Package cashier is what a buyer may do: see what is sold, buy a pack, take a
// plan, change it, end it, set up automatic refills, and manage cards; and what an
// operator puts on sale.
//
// Terms. A wish is a request to buy under a key of its caller's choice. It is
// claimed before the payment processor is called, so that a key identifies one
// wish: repeating it returns the same answer, a different one is refused. A
// refused wish frees its key.
//
// Nothing here grants credits for money. A person pays at the processor, and the
// outcome is settled elsewhere. Where a call has changed something there, it is
// settled at once, so that the buyer need not wait for the processor's notice. If
// that fails, the notice arrives anyway.
//
// The package uses no SDK and no table. The rules about credits are the ledger's,
// and those about periods and prices are billing's.
package cashier
