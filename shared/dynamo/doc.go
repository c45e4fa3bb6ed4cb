// Package dynamo keeps Drawdown's state in DynamoDB: it is the only importer
// of DynamoDB's SDK.
//
// It owns the tables' keys (keys.go, one function an access pattern), the
// shape of the items (the record files) and the translation of the service's
// exceptions, and makes no decision about credits. Every write of an entry
// carries the condition that there is none under its id.
package dynamo
