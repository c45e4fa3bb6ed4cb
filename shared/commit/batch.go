package commit

import (
	"context"
	"fmt"
	"sync"

	"drawdown/shared/ledger"
)

// maxAccountsAtOnce bounds the accounts of one batch that are worked on at the same time.
const maxAccountsAtOnce = 16

// Addressed is a command and the account that it is for; with Err set it is
// one that cannot be run, and only keeps its place.
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
	slots := make(chan struct{}, maxAccountsAtOnce)
	var running sync.WaitGroup
	for _, account := range accounts {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			mine := make([]ledger.Command, len(places[account]))
			for i, place := range places[account] {
				mine[i] = commands[place].Command
			}
			for i, outcome := range c.runGuarded(ctx, account, mine) {
				outcomes[places[account][i]] = outcome // no two accounts share a place
			}
		})
	}
	running.Wait()
	return outcomes
}

// runGuarded is Run; a panic becomes the outcomes' error, since in a goroutine
// of its own it would end the whole program, and with it the other accounts'.
func (c *Committer) runGuarded(ctx context.Context, account string, commands []ledger.Command) (outcomes []Outcome) {
	defer func() {
		if broken := recover(); broken != nil {
			outcomes = make([]Outcome, len(commands))
			for i := range outcomes {
				outcomes[i].Err = fmt.Errorf("commit: panic: %v", broken)
			}
		}
	}()
	return c.Run(ctx, account, commands...)
}
