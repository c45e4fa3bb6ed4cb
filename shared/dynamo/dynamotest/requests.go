package dynamotest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go/middleware"

	"drawdown/shared/dynamo"
)

// Requests records the requests that a client sends.
type Requests struct {
	tables map[string]string // by their real names

	mu    sync.Mutex
	names []string
	reads []Read
}

// Take is the names since the last Take, sorted: some go at the same time.
func (r *Requests) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := r.names
	r.names = nil
	slices.Sort(names)
	return names
}

// TakeReads is what was read since the last TakeReads.
func (r *Requests) TakeReads() []Read {
	r.mu.Lock()
	defer r.mu.Unlock()
	reads := r.reads
	r.reads = nil
	return reads
}

func (r *Requests) install(o *dynamodb.Options) {
	around(o, "dynamotest.Requests", func(ctx context.Context, in smithy.InitializeInput, next smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error) {
		r.mu.Lock()
		r.names = append(r.names, middleware.GetOperationName(ctx))
		r.reads = append(r.reads, readsOf(in.Parameters, r.tables)...)
		r.mu.Unlock()
		return next.HandleInitialize(ctx, in)
	})
}

// Read is one table or index that a request reads.
type Read struct {
	Request string // its name in DynamoDB's API
	From    string // the design's name of the table, and after a '/' that of the index
	Lags    bool   // it is a read of a table that is not strongly consistent
}

// String is the read in a few words, such as "GetItem Wallets".
func (r Read) String() string {
	if r.Lags {
		return r.Request + " " + r.From + ", lagging"
	}
	return r.Request + " " + r.From
}

func (r Read) ofIndex() bool { return strings.Contains(r.From, "/") }

// readsOf is what a request reads, by the tables' names in the design.
func readsOf(input any, tables map[string]string) []Read {
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		return []Read{{"GetItem", tables[aws.ToString(in.TableName)], !aws.ToBool(in.ConsistentRead)}}
	case *dynamodb.QueryInput:
		from := tables[aws.ToString(in.TableName)]
		if in.IndexName != nil {
			return []Read{{"Query", from + "/" + *in.IndexName, false}}
		}
		return []Read{{"Query", from, !aws.ToBool(in.ConsistentRead)}}
	case *dynamodb.BatchGetItemInput:
		var reads []Read
		for _, table := range slices.Sorted(maps.Keys(in.RequestItems)) {
			reads = append(reads, Read{"BatchGetItem", tables[table], !aws.ToBool(in.RequestItems[table].ConsistentRead)})
		}
		return reads
	}
	return nil
}

// The kinds of writes.
const (
	put      = "put"
	update   = "update"
	deletion = "deletion"
)

// write is one item that a request writes.
type write struct {
	kind      string
	table     string // the design's name of it
	pk        string
	condition string
}

// deletable is what roles may delete.
func (w write) deletable() bool {
	return w.table == dynamo.UsageTable.Name ||
		w.table == dynamo.AccountsTable.Name && (w.pk == dynamo.QuarantinePK || strings.HasPrefix(w.pk, dynamo.EndpointPK))
}

func (w write) isCursor() bool { return w.table == dynamo.AccountsTable.Name && w.pk == dynamo.AuditPK }

func countOf(writes []write, table string) int {
	count := 0
	for _, w := range writes {
		if w.table == table {
			count++
		}
	}
	return count
}

// writesOf is what a request writes.
func writesOf(input any, tables map[string]string) []write {
	of := func(kind string, table *string, key map[string]types.AttributeValue, condition *string) write {
		pk, _ := key["pk"].(*types.AttributeValueMemberS)
		if pk == nil {
			pk = &types.AttributeValueMemberS{}
		}
		return write{kind, tables[aws.ToString(table)], pk.Value, aws.ToString(condition)}
	}
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		return []write{of(put, in.TableName, in.Item, in.ConditionExpression)}
	case *dynamodb.UpdateItemInput:
		return []write{of(update, in.TableName, in.Key, in.ConditionExpression)}
	case *dynamodb.DeleteItemInput:
		return []write{of(deletion, in.TableName, in.Key, in.ConditionExpression)}
	case *dynamodb.TransactWriteItemsInput:
		var writes []write
		for _, item := range in.TransactItems {
			switch {
			case item.Put != nil:
				writes = append(writes, of(put, item.Put.TableName, item.Put.Item, item.Put.ConditionExpression))
			case item.Update != nil:
				writes = append(writes, of(update, item.Update.TableName, item.Update.Key, item.Update.ConditionExpression))
			case item.Delete != nil:
				writes = append(writes, of(deletion, item.Delete.TableName, item.Delete.Key, item.Delete.ConditionExpression))
			}
		}
		return writes
	}
	return nil
}

// capacityOf is whether a request asks for its consumption; false where it is
// none of those in use.
func capacityOf(input any) (types.ReturnConsumedCapacity, bool) {
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.BatchGetItemInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.QueryInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.PutItemInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.UpdateItemInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.DeleteItemInput:
		return in.ReturnConsumedCapacity, true
	case *dynamodb.TransactWriteItemsInput:
		return in.ReturnConsumedCapacity, true
	}
	return "", false
}
