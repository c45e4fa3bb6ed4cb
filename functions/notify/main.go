// Command notify tells operators' endpoints of what is said on the bus: at once,
// and again by a schedule where an endpoint did not take it.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/delivery"
	"drawdown/shared/lambdaio"
	"drawdown/shared/outbound"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		sender := outbound.NewSender(platform.LocalWebhooks())
		dispatcher := &delivery.Dispatcher{Store: platform.Tables.Webhooks, Send: sender.Send, Now: platform.Now}
		return &handler{dispatcher: dispatcher}, nil
	})
}
