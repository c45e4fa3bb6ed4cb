// Package cashier is what a buyer may do: see what is sold, buy a pack, take a
// plan, change it, end it, set up automatic refills, and manage cards; and what an
// operator puts on sale.
//
// Terms. A wish is a request to buy under a key of its caller's choice. It is
// claimed before anything is asked of the payment processor, so that a key stands
// for one wish: the same again is answered as it was, another one is refused. A
// wish that is refused frees its key.
//
// Nothing here grants credits for money. A person pays at the processor, and what
// the processor then says is settled elsewhere; where a call has changed something
// there, it is settled at once, so that its buyer need not wait for the news. Should
// that fail, the news comes all the same.
//
// The package knows no SDK and no table. It decides no rule about credits, which are
// the ledger's, and none about periods and prices, which are billing's.
package cashier
