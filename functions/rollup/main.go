// Command rollup folds entries into usage, triggered by the wallets' stream.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/catchup"
	"drawdown/shared/lambdaio"
	"drawdown/shared/rollup"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		failed := platform.Failures()
		folder := &rollup.Folder{
			Store: platform.Store, Now: platform.Now,
			Page: rollup.DefaultPage, IndexWait: rollup.DefaultIndexWait,
		}
		runner := &catchup.Runner{Folder: folder, Store: platform.Store, Later: failed.AskCatchUp}
		return &handler{runner: runner, failed: failed}, nil
	})
}
