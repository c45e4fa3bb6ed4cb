// Command audit proves that what is stored of an account is the fold of its
// ledger: on a schedule for all of them, and when it is asked for one.
package main

import (
	"drawdown/shared/auditor"
	"drawdown/shared/boot"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
)

func main() {
	boot.Run(func(platform *boot.Platform) (lambdaio.Handler, error) {
		tables := platform.Tables
		audit := &handler{&auditor.Auditor{
			Store: struct {
				*dynamo.Ledger
				*dynamo.Usage
				*dynamo.Accounts
			}{tables.Ledger, tables.Usage, tables.Accounts},
			Bus: platform.Bus(), CatchUp: platform.Failures().AskCatchUp, Now: platform.Now,
		}}
		return lambdaio.ByOrigin(audit.server(platform.Gate), lambdaio.Func(audit.all)), nil
	})
}
