// Command rollup folds entries into usage, rung by the wallets' stream.
package main

import (
	"drawdown/shared/boot"
	"drawdown/shared/lambdaio"
	"drawdown/shared/rollup"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		folder := &rollup.Folder{
			Store: platform.Store, Now: platform.Now,
			Page: rollup.DefaultPage, IndexWait: rollup.DefaultIndexWait,
		}
		return &handler{folder: folder, store: platform.Store, failures: platform.Failures()}, nil
	})
}
