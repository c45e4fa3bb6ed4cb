// Command usage answers what an account has and what was done with it.
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
