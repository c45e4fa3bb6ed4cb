package commit

import (
	"context"

	"drawdown/shared/ledger"
	"drawdown/shared/parallel"
)

// maxAccountsAtOnce bounds the accounts of one batch that are worked on at the same time.
const maxAccountsAtOnce = 16

// Addressed is a command and the account that it is for; with Err set it cannot
// be run, and only keeps its place.
type Addressed struct {
	Account string
	Command ledger.Command
	Err     error
}

// RunAll runs commands of many accounts: those of one account one after
// another and committed together, different accounts at the same time.
// Outcomes are in the order of the commands.
func (c *Committer) RunAll(ctx context.Context, commands []Addressed) []Outcome {
	outcomes := make([]Outcome, len(commands))
	places := map[string][]int{}
	var accounts []string
	for i, command := range commands {
		if command.Err != nil {
			outcomes[i] = Outcome{Err: command.Err}
			continue
		}
		if _, known := places[command.Account]; !known {
			accounts = append(accounts, command.Account)
		}
		places[command.Account] = append(places[command.Account], i)
	}
	failures := parallel.Each(ctx, maxAccountsAtOnce, len(accounts), func(ctx context.Context, i int) error {
		mine := make([]ledger.Command, len(places[accounts[i]]))
		for j, place := range places[accounts[i]] {
			mine[j] = commands[place].Command
		}
		for j, outcome := range c.Run(ctx, accounts[i], mine...) {
			outcomes[places[accounts[i]][j]] = outcome // no two accounts share a place
		}
		return nil
	})
	for i, err := range failures {
		if err == nil {
			continue
		}
		for _, place := range places[accounts[i]] { // not begun, or a panic
			outcomes[place] = Outcome{Err: interrupted(err)}
		}
	}
	return outcomes
}
