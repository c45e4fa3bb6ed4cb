// Command usage serves the balance, the entries and the usage of an account.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		usage := &handler{
			store: platform.Store, rates: platform.Rates,
			channels: platform.Rules.Channels, now: platform.Now,
		}
		return usage.server(platform.Gate), nil
	})
}
