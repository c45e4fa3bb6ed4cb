// Command manage is the operator's side: accounts, grants, rate cards, API keys,
// sessions and the endpoints of webhooks.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		tables := platform.Tables
		manage := &handler{
			committer: platform.Committer,
			store: struct {
				*dynamo.Accounts
				*dynamo.Catalog
				*dynamo.Webhooks
			}{tables.Accounts, tables.Catalog, tables.Webhooks},
			sessions: platform.Sessions, now: platform.Now, local: platform.LocalWebhooks(),
		}
		return manage.server(platform.Gate), nil
	})
}
