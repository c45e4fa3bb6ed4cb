// Command renew does what the calendar asks for: it opens the periods of free
// plans, looks after paid ones whose invoice is late, bills overage, and leaves
// entries of grants that have run out.
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
