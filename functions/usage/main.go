// Command usage serves the balance, the entries and the usage of an account.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		tables := platform.Tables
		usage := &handler{
			store: struct {
				*dynamo.Ledger
				*dynamo.Usage
				*dynamo.Catalog
				*dynamo.Billing
			}{tables.Ledger, tables.Usage, tables.Catalog, tables.Billing},
			rates: platform.Rates, channels: platform.Rules.Channels, now: platform.Now,
		}
		return usage.server(platform.Gate), nil
	})
}
