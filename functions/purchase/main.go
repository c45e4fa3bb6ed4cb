// Command purchase settles changes at the payment processor: payments, refunds,
// disputes, invoices and subscriptions.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		return &handler{settler: platform.Settler()}, nil
	})
}
