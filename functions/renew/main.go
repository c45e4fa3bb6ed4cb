// Command renew does the work that is due by the calendar: it opens the periods of
// free plans, follows up on paid ones whose invoice is late, bills overage, and
// records grants that have expired.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/calendar"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		tables := platform.Tables
		sweeper := &calendar.Sweeper{
			Settler: platform.Settler(), Now: platform.Now,
			Store: struct {
				*dynamo.Accounts
				*dynamo.Billing
			}{tables.Accounts, tables.Billing},
		}
		return &handler{sweeper: sweeper}, nil
	})
}
