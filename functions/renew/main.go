// Command renew does the work that is due by the calendar: it opens the periods of
// free plans, follows up on paid ones whose invoice is late, bills overage, and
// records grants that have expired.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/calendar"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		sweeper := &calendar.Sweeper{Settler: platform.Settler(), Store: platform.Store, Now: platform.Now}
		return &handler{sweeper: sweeper}, nil
	})
}
