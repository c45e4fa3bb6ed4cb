// Command relay publishes the pending events in the wallets' stream on the bus.
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
