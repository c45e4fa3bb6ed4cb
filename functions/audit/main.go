// Command audit proves that the stored state of an account is the fold of its
// ledger: for all accounts on a schedule, and for one on request.
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
