package stack

import (
	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// action is one IAM action of DynamoDB.
type action string

// The actions in use. A transaction has no action of its own: each of its puts
// needs PutItem on its table. Nothing here deletes, and nothing updates an entry.
const (
	getItem      action = "dynamodb:GetItem"
	batchGetItem action = "dynamodb:BatchGetItem"
	query        action = "dynamodb:Query"
	putItem      action = "dynamodb:PutItem"
	updateItem   action = "dynamodb:UpdateItem"
)

// grant is what a function may do to one table: actions on its items, and
// queries of the indexes named.
type grant struct {
	table   dynamo.Table
	actions []action
	indexes []dynamo.Index // queried
}

// functionSpec is one function: what it is given and what it may touch.
type functionSpec struct {
	name     string // the folder under functions/
	summary  string
	memoryMB int
	timeoutS int
	grants   []grant
}

// functionSpecs is the list of functions with their permissions, written out:
// it is meant to be read beside the code of each function.
func functionSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     httpapi.FunctionDebit,
			summary:  "Debits, batches, quotes and reversals, over HTTP and by direct invocation",
			memoryMB: 1024, // CPU goes with memory, and this one is on the hot path
			timeoutS: 10,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem, batchGetItem, putItem}},
				{table: dynamo.Ledger, actions: []action{batchGetItem, query, putItem}},
				{table: dynamo.Accounts, actions: []action{getItem, query}}, // rate cards and API keys
			},
		},
		{
			name:     httpapi.FunctionManage,
			summary:  "Accounts, grants, rate cards and API keys",
			memoryMB: 512,
			timeoutS: 10,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem, batchGetItem, putItem}},
				{table: dynamo.Ledger, actions: []action{batchGetItem, putItem}},
				{
					table:   dynamo.Accounts,
					actions: []action{getItem, query, putItem, updateItem},
					indexes: []dynamo.Index{dynamo.List},
				},
			},
		},
		{
			name:     httpapi.FunctionUsage,
			summary:  "Balance, entries and usage of an account",
			memoryMB: 512,
			timeoutS: 10,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem}},
				{table: dynamo.Ledger, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.Accounts, actions: []action{getItem, query}},
			},
		},
	}
}

// writes reports whether the spec's role puts or updates items anywhere.
func (s functionSpec) writes() bool {
	for _, g := range s.grants {
		for _, a := range g.actions {
			if a == putItem || a == updateItem {
				return true
			}
		}
	}
	return false
}
