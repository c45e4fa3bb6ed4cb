package stack

import (
	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// FunctionRollup is the folder of the function that the stream wakes.
const FunctionRollup = "rollup"

// action is one IAM action of DynamoDB.
type action string

// The actions in use. A transaction has no action of its own: each of its puts
// needs PutItem on its table. Nothing here updates or deletes an entry.
const (
	getItem      action = "dynamodb:GetItem"
	batchGetItem action = "dynamodb:BatchGetItem"
	query        action = "dynamodb:Query"
	putItem      action = "dynamodb:PutItem"
	updateItem   action = "dynamodb:UpdateItem"
	deleteItem   action = "dynamodb:DeleteItem"
)

// grant is what a function may do to one table: actions on its items, and
// queries of the indexes named.
type grant struct {
	table   dynamo.Table
	actions []action
	indexes []dynamo.Index // queried
	key     string         // the one partition that the actions are allowed on; empty: all
}

// functionSpec is one function: what it is given and what it may touch.
type functionSpec struct {
	name     string // the folder under functions/
	summary  string
	memoryMB int
	timeoutS int
	grants   []grant
	streamed bool           // woken by the stream of Wallets
	sessions bool           // reads the key of sessions, as whatever serves HTTP does
	failures []bucketAction // on the bucket of failed batches
	static   bool           // serves what is in its binary: it is told of no table, key or setting
}

// bucketAction is one IAM action of S3.
type bucketAction string

// The bucket actions in use. Lambda puts failed batches in the name of the
// function that they were meant for.
const (
	listBucket   bucketAction = "s3:ListBucket"
	getObject    bucketAction = "s3:GetObject"
	putObject    bucketAction = "s3:PutObject"
	deleteObject bucketAction = "s3:DeleteObject"
)

// functionSpecs is the list of functions with their permissions, written out:
// it is meant to be read beside the code of each function.
func functionSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     httpapi.FunctionDebit,
			summary:  "Debits, batches, quotes and reversals, over HTTP and by direct invocation",
			memoryMB: 1024, // CPU goes with memory, and this one is on the hot path
			timeoutS: 10,
			sessions: true,
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
			sessions: true,
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
			sessions: true,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem}},
				{table: dynamo.Ledger, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.Usage, actions: []action{getItem, query}},
				{table: dynamo.Accounts, actions: []action{getItem, query}},
			},
		},
		{
			name:     FunctionRollup,
			summary:  "Folds entries into usage, rung by the stream of Wallets; sweeps, repairs and rebuilds",
			memoryMB: 512,
			timeoutS: rollupTimeoutS,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem}},
				{table: dynamo.Ledger, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.Usage, actions: []action{getItem, batchGetItem, query, putItem, updateItem, deleteItem}},
				{table: dynamo.Accounts, actions: []action{putItem, deleteItem}, key: dynamo.QuarantinePK, indexes: []dynamo.Index{dynamo.List}},
			},
			streamed: true,
			failures: []bucketAction{listBucket, getObject, putObject, deleteObject},
		},
		{
			name:     httpapi.FunctionAudit,
			summary:  "Proves that wallets and usage are the fold of their ledgers",
			memoryMB: 1024,
			timeoutS: 900,
			sessions: true,
			grants: []grant{
				{table: dynamo.Wallets, actions: []action{getItem}},
				{table: dynamo.Ledger, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.Usage, actions: []action{getItem, query}},
				{table: dynamo.Accounts, actions: []action{getItem}, indexes: []dynamo.Index{dynamo.List}}, // API keys, accounts
				{table: dynamo.Accounts, actions: []action{putItem}, key: dynamo.AuditPK},
			},
			failures: []bucketAction{putObject}, // it rings for accounts that lag
		},
		{name: httpapi.FunctionPage, summary: "The Usage page and its files", memoryMB: 256, timeoutS: 5, static: true},
	}
}

// writes reports whether the spec's role puts, updates or deletes items anywhere.
func (s functionSpec) writes() bool {
	for _, g := range s.grants {
		for _, a := range g.actions {
			if a == putItem || a == updateItem || a == deleteItem {
				return true
			}
		}
	}
	return false
}
