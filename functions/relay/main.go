// Command relay says on the bus what the wallets' stream has news of.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		return &handler{
			store: platform.Store, bus: platform.Bus(), failures: platform.Failures(), indexWait: defaultIndexWait,
		}, nil
	})
}
