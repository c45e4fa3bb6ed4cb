// Command manage serves the operator: accounts, grants, rate cards, API keys,
// sessions and webhook endpoints.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		manage := &handler{
			committer: platform.Committer, store: platform.Store,
			sessions: platform.Sessions, now: platform.Now, local: platform.LocalWebhooks(),
		}
		return manage.server(platform.Gate), nil
	})
}
