// Command manage is the operator's side: accounts, grants, rate cards, API keys,
// sessions and the endpoints of webhooks.
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
