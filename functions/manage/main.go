// Command manage serves the operator: accounts, grants, rate cards, API keys,
// sessions and webhook endpoints.
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
