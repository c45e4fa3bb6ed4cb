// Command manage is the operator's side: accounts, grants, rate cards, API keys
// and sessions.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		manage := &handler{
			committer: platform.Committer, store: platform.Store,
			sessions: platform.Sessions, now: platform.Now,
		}
		return manage.server(platform.Gate), nil
	})
}
