// Command notify delivers the bus's messages to operators' webhook endpoints: at
// once, and again on a schedule if an endpoint did not accept them.
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
