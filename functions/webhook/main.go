// Command webhook receives the payment processor's webhooks, verifies the sender,
// and passes them on.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		webhook := &handler{keys: platform.StripeKeys(), bus: platform.Bus(), now: platform.Now}
		return webhook.server(), nil
	})
}
