// Command rollup folds entries into usage, triggered by the wallets' stream.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/catchup"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
	"drawdown/shared/rollup"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		failed := platform.Failures()
		store := struct {
			*dynamo.Ledger
			*dynamo.Usage
		}{platform.Tables.Ledger, platform.Tables.Usage}
		folder := &rollup.Folder{
			Store: store, Now: platform.Now,
			Page: rollup.DefaultPage, IndexWait: rollup.DefaultIndexWait,
		}
		runner := &catchup.Runner{Folder: folder, Store: store, Later: failed.AskCatchUp}
		return &handler{runner: runner, failed: failed}, nil
	})
}
