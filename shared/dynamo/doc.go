// Package dynamo keeps Drawdown's state in DynamoDB: it is the only importer
// of DynamoDB's SDK.
//
// What is kept has six parts, the fields of Tables: each has a type of its own, whose
// methods, keys (one function an access pattern) and records lie in the files that
// begin with its name; the ledger's records lie in files named after what they hold.
// A part knows nothing of the others, but that one transaction writes an entry and
// what the entry leaves with other parts. Below them are the requests (requests.go,
// writes.go) and the translation of the service's exceptions.
//
// The package makes no decision about credits. Every write of an entry carries the
// condition that there is none under its id.
package dynamo
