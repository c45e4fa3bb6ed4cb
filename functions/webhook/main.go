// Command webhook takes the payment processor's webhooks: it checks who sent
// them, and passes on what they are about.
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
