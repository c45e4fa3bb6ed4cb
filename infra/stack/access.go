package stack

import (
	"slices"

	"drawdown/shared/dynamo"
	"drawdown/shared/httpapi"
)

// The folders of the functions that no route leads to.
const (
	FunctionRollup   = "rollup"
	FunctionRelay    = "relay"
	FunctionNotify   = "notify"
	FunctionPurchase = "purchase"
	FunctionRefill   = "refill"
	FunctionRenew    = "renew"
)

// httpapi.FunctionCheckout serves the routes of buyers.

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

// functionSpec is one function: what it is given and what it may touch.
type functionSpec struct {
	name     string // the folder under functions/
	summary  string
	memoryMB int
	timeoutS int
	grants   []grant
	streamed bool           // woken by the stream of Wallets
	sessions bool           // reads the key of sessions, as whatever serves HTTP does
	stripe   bool           // reads Stripe's keys
	speaks   bool           // puts messages on the bus
	queued   bool           // woken by the queue of purchases
	webhooks bool           // is told where webhooks may lead
	dead     string         // the queue of events whose calls have failed
	bucket   string         // the bucket of failed batches that the actions below are on
	failures []bucketAction // on that bucket
	static   bool           // serves what is in its binary: it is told of no table, key or setting
}

// The buckets of failed batches, by their construct ids: each is swept by the
// function that its batches were meant for.
const (
	failuresOfRollup = "Failures"
	failuresOfRelay  = "RelayFailures"
)

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
	return slices.Concat(meterSpecs(), usageSpecs(), moneySpecs(), newsSpecs())
}

// meterSpecs are the functions of the meter: what holds credits, and shows them.
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
			summary:  "Folds entries into usage, rung by the stream of Wallets; sweeps, repairs and rebuilds",
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
			summary:  "Proves that wallets and usage are the fold of their ledgers",
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
			failures: []bucketAction{putObject}, // it rings for accounts that lag
		},
	}
}

// newsSpecs are the functions that tell others, and are told by Stripe.
func newsSpecs() []functionSpec {
	return []functionSpec{
		{
			name:     FunctionRelay,
			summary:  "Says on the bus what the stream of Wallets has news of",
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
			summary:  "Tells operators' endpoints of what is said on the bus, and tries again",
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
			summary:  "Takes Stripe's webhooks and passes on what they are about",
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
			timeoutS: 29, // Stripe is asked while the caller waits
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
			summary:  "Settles what Stripe has news of: payments, refunds, disputes, invoices, subscriptions",
			memoryMB: 512,
			timeoutS: purchaseTimeoutS,
			grants:   settlingGrants(),
			stripe:   true,
			queued:   true,
		},
		{
			name:     FunctionRefill,
			summary:  "Refills accounts that have asked for it",
			memoryMB: 512,
			timeoutS: 120,
			grants:   settlingGrants(dynamo.Due),
			stripe:   true,
			dead:     deadRefill,
		},
		{
			name:     FunctionRenew,
			summary:  "Renews free plans, looks after those that were not paid, bills overage, and notes what has run out",
			memoryMB: 512,
			timeoutS: 300,
			grants:   settlingGrants(dynamo.Due, dynamo.List),
			stripe:   true,
		},
		{name: httpapi.FunctionPage, summary: "The Usage page and its files", memoryMB: 256, timeoutS: 5, static: true},
	}
}

// settlingGrants are what settling takes, whoever starts it: commands, and what
// is kept of purchases, plans and bills. Whoever sweeps reads an index as well.
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
