package stack

import (
	"slices"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// The folders of the functions without routes.
const (
	FunctionRollup   = "rollup"
	FunctionRelay    = "relay"
	FunctionNotify   = "notify"
	FunctionPurchase = "purchase"
	FunctionRefill   = "refill"
	FunctionRenew    = "renew"
)

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
	keys    []string       // the partitions that the actions are allowed on, "*" at an end standing for any rest; none: all
}

// functionSpec is one function: its settings and its permissions.
type functionSpec struct {
	name     string // the folder under functions/
	summary  string
	memoryMB int
	timeoutS int
	grants   []grant
	streamed bool           // triggered by the stream of Wallets
	sessions bool           // reads the session key, as every function with authenticated routes does
	stripe   bool           // reads Stripe's keys
	speaks   bool           // publishes events on the bus
	queued   bool           // triggered by the queue of notices
	webhooks bool           // gets the setting of where webhooks may go
	dead     string         // the dead-letter queue of failed asynchronous invocations
	bucket   string         // the bucket of failed batches
	failures []bucketAction // what it may do to that bucket
	static   bool           // serves files from its binary; needs no table, key or setting
}

// The buckets of failed batches, by their construct ids: the function that the
// batches were meant for retries them.
const (
	failuresOfRollup = "Failures"
	failuresOfRelay  = "RelayFailures"
)

// bucketAction is one IAM action of S3.
type bucketAction string

// The bucket actions in use. Lambda stores failed batches with the role of the
// function that they were meant for.
const (
	listBucket   bucketAction = "s3:ListBucket"
	getObject    bucketAction = "s3:GetObject"
	putObject    bucketAction = "s3:PutObject"
	deleteObject bucketAction = "s3:DeleteObject"
)

// functionSpecs lists all functions with their permissions. It is meant to be read
// beside the code of each function.
func functionSpecs() []functionSpec {
	return slices.Concat(meterSpecs(), usageSpecs(), moneySpecs(), eventSpecs())
}

// meterSpecs are the functions that hold credits, and show them.
func meterSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     httpapi.FunctionDebit,
			summary:  "Debits, batches, quotes and reversals, over HTTP and by direct invocation",
			memoryMB: 1024, // CPU goes with memory, and this one is on the hot path
			timeoutS: 10,
			sessions: true,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem, batchGetItem, putItem}},
				{table: dynamo.LedgerTable, actions: []action{batchGetItem, query, putItem}},
				{table: dynamo.AccountsTable, actions: []action{getItem, query}}, // rate cards and API keys
			},
		},
		{
			name:     httpapi.FunctionManage,
			summary:  "Accounts, grants, rate cards and API keys",
			memoryMB: 512,
			timeoutS: 10,
			sessions: true,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem, batchGetItem, putItem}},
				{table: dynamo.LedgerTable, actions: []action{batchGetItem, putItem}},
				{table: dynamo.AccountsTable, actions: []action{getItem, query}, indexes: []dynamo.Index{dynamo.List}},
				{table: dynamo.AccountsTable, actions: []action{putItem}, keys: []string{dynamo.CatalogPK, dynamo.APIKeyPK + "*", dynamo.EndpointPK + "*"}},
				{table: dynamo.AccountsTable, actions: []action{updateItem}, keys: []string{dynamo.AccountPK + "*", dynamo.APIKeyPK + "*", dynamo.DeliveryPK + "*"}},
				{table: dynamo.AccountsTable, actions: []action{deleteItem}, keys: []string{dynamo.EndpointPK + "*"}},
			},
			webhooks: true,
		},
		{
			name:     httpapi.FunctionUsage,
			summary:  "Balance, entries and usage of an account",
			memoryMB: 512,
			timeoutS: 10,
			sessions: true,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem}},
				{table: dynamo.LedgerTable, indexes: []dynamo.Index{dynamo.BySeq, dynamo.Others}},
				{table: dynamo.UsageTable, actions: []action{getItem, query}},
				{table: dynamo.AccountsTable, actions: []action{getItem, query}},
			},
		},
	}
}

// usageSpecs are the functions that add usage up, and that prove all of it.
func usageSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     FunctionRollup,
			summary:  "Folds entries into usage, triggered by the stream of Wallets; retries, repairs and rebuilds",
			memoryMB: 512,
			timeoutS: rollupTimeoutS,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem}},
				{table: dynamo.LedgerTable, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.UsageTable, actions: []action{getItem, batchGetItem, query, putItem, updateItem, deleteItem}},
				{table: dynamo.AccountsTable, actions: []action{putItem, deleteItem}, keys: []string{dynamo.QuarantinePK}, indexes: []dynamo.Index{dynamo.List}},
			},
			streamed: true,
			bucket:   failuresOfRollup,
			failures: []bucketAction{listBucket, getObject, putObject, deleteObject},
		},
		{
			name:     httpapi.FunctionAudit,
			summary:  "Proves wallets and usage from their ledgers",
			memoryMB: 1024,
			timeoutS: 900,
			sessions: true,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem}},
				{table: dynamo.LedgerTable, indexes: []dynamo.Index{dynamo.BySeq}},
				{table: dynamo.UsageTable, actions: []action{getItem, query}},
				{table: dynamo.AccountsTable, actions: []action{getItem}, indexes: []dynamo.Index{dynamo.List}}, // API keys, accounts
				{table: dynamo.AccountsTable, actions: []action{putItem}, keys: []string{dynamo.AuditPK}},
			},
			speaks:   true,
			bucket:   failuresOfRollup,
			failures: []bucketAction{putObject}, // triggers the roll-up for accounts that lag
		},
	}
}

// eventSpecs are the functions that publish events, deliver them, and receive
// Stripe's.
func eventSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     FunctionRelay,
			summary:  "Publishes events on the bus, triggered by the stream of Wallets",
			memoryMB: 512,
			timeoutS: 60,
			grants:   []grant{{table: dynamo.LedgerTable, indexes: []dynamo.Index{dynamo.BySeq}}},
			streamed: true,
			speaks:   true,
			bucket:   failuresOfRelay,
			failures: []bucketAction{listBucket, getObject, putObject, deleteObject},
		},
		{
			name:     FunctionNotify,
			summary:  "Delivers events to operators' webhook endpoints, and retries",
			memoryMB: 512,
			timeoutS: notifyTimeoutS,
			grants: []grant{
				{table: dynamo.AccountsTable, actions: []action{getItem}, keys: []string{dynamo.EndpointPK + "*"}, indexes: []dynamo.Index{dynamo.List, dynamo.Due}},
				{table: dynamo.AccountsTable, actions: []action{putItem}, keys: []string{dynamo.EndpointPK + "*", dynamo.DeliveryPK + "*"}},
				{table: dynamo.AccountsTable, actions: []action{updateItem}, keys: []string{dynamo.DeliveryPK + "*"}},
			},
			webhooks: true,
			dead:     deadNotify,
		},
		{
			name:     httpapi.FunctionWebhook,
			summary:  "Receives Stripe's webhooks and puts notices on the bus",
			memoryMB: 512,
			timeoutS: 10,
			stripe:   true,
			speaks:   true,
		},
	}
}

// moneySpecs are the functions that settle money.
func moneySpecs() []functionSpec {
	return []functionSpec{
		{
			name:     httpapi.FunctionCheckout,
			summary:  "Plans, packs, checkouts, subscriptions and automatic refill",
			memoryMB: 512,
			timeoutS: 29, // calls Stripe while the caller waits
			sessions: true,
			grants: []grant{
				{table: dynamo.WalletsTable, actions: []action{getItem, batchGetItem, putItem}},
				{table: dynamo.LedgerTable, actions: []action{batchGetItem, query, putItem}},
				{table: dynamo.AccountsTable, actions: []action{getItem}}, // API keys, too
				{table: dynamo.AccountsTable, actions: []action{putItem}, keys: []string{dynamo.AccountPK + "*", dynamo.CatalogPK}},
			},
			stripe: true,
		},
		{
			name:     FunctionPurchase,
			summary:  "Settles payments, refunds, disputes, invoices and subscriptions",
			memoryMB: 512,
			timeoutS: purchaseTimeoutS,
			grants:   settlingGrants(),
			stripe:   true,
			queued:   true,
		},
		{
			name:     FunctionRefill,
			summary:  "Automatic refills",
			memoryMB: 512,
			timeoutS: 120,
			grants:   settlingGrants(dynamo.Due),
			stripe:   true,
			dead:     deadRefill,
		},
		{
			name:     FunctionRenew,
			summary:  "Renews plans, follows up unpaid ones, bills overage, and records grants that have expired",
			memoryMB: 512,
			timeoutS: 300,
			grants:   settlingGrants(dynamo.Due, dynamo.List),
			stripe:   true,
		},
		{name: httpapi.FunctionPage, summary: "The Usage page and its files", memoryMB: 256, timeoutS: 5, static: true},
	}
}

// settlingGrants are the permissions that settling needs: commands, and the records
// of purchases, plans and bills. Functions on a schedule read indexes as well.
func settlingGrants(indexes ...dynamo.Index) []grant {
	return []grant{
		{table: dynamo.WalletsTable, actions: []action{getItem, batchGetItem, putItem}},
		{table: dynamo.LedgerTable, actions: []action{batchGetItem, query, putItem}},
		{table: dynamo.AccountsTable, actions: []action{getItem}, keys: []string{dynamo.AccountPK + "*", dynamo.CatalogPK}, indexes: indexes},
		{table: dynamo.AccountsTable, actions: []action{putItem}, keys: []string{dynamo.AccountPK + "*"}},
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
