// Command refill buys credits automatically for accounts that have set it up:
// triggered by the bus when a balance has fallen, and by a schedule that sweeps.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/calendar"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		tables, settler := platform.Tables, platform.Settler()
		sweeper := &calendar.Sweeper{
			Settler: settler, Now: platform.Now,
			Store: struct {
				*dynamo.Accounts
				*dynamo.Billing
			}{tables.Accounts, tables.Billing},
		}
		return &handler{refiller: settler, sweeper: sweeper}, nil
	})
}
