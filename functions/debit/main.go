// Command debit debits credits for the work of agents: over HTTP, in batches, and by
// direct invocation, all through one path.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		debit := &handler{
			committer: platform.Committer,
			debits:    platform.Tables.Ledger,
			wallets:   platform.Tables.Ledger,
			rates:     platform.Rates,
			rules:     platform.Rules,
			now:       platform.Now,
		}
		return lambdaio.ByOrigin(debit.server(platform.Gate), lambdaio.Func(debit.direct)), nil
	})
}
