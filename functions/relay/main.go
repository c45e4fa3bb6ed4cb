// Command relay says on the bus what the wallets' stream has news of.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
	"drawdown/shared/relay"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		news := &relay.Relay{Store: platform.Tables.Ledger, Bus: platform.Bus(), IndexWait: relay.DefaultIndexWait}
		return &handler{relay: news, failed: platform.Failures()}, nil
	})
}
