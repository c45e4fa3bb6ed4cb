// Command checkout is the buyer's side, and the shelf: plans and packs, checkouts,
// subscriptions, automatic refill, and the way to the billing portal.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		checkout := &handler{cashier: platform.Cashier(), now: platform.Now}
		return checkout.server(platform.Gate), nil
	})
}
