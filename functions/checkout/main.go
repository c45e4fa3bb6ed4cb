// Command checkout serves buyers and the catalog: plans and packs, checkouts,
// subscriptions, automatic refill, and the billing portal.
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
