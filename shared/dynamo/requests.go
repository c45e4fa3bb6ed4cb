package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/pause"
)

// Every read goes by one of the functions of this file. A read of a table is
// strongly consistent, unless the function is one of those for reads that may
// lag; only a method whose own name begins with Lagging calls these. A read of
// an index always may lag: there is no other. DynamoDB Local answers all of them
// alike, so dynamotest looks at the requests themselves.

// get reads one item strongly consistently; nil where there is none.
func (c *core) get(ctx context.Context, table string, key Key) (map[string]types.AttributeValue, error) {
	return c.getItem(ctx, key, &dynamodb.GetItemInput{TableName: &table, ConsistentRead: aws.Bool(true)})
}

// getLagging is get at half the price; what was written moments ago may be missing.
func (c *core) getLagging(ctx context.Context, table string, key Key) (map[string]types.AttributeValue, error) {
	return c.getItem(ctx, key, &dynamodb.GetItemInput{TableName: &table})
}

func (c *core) getItem(ctx context.Context, key Key, input *dynamodb.GetItemInput) (map[string]types.AttributeValue, error) {
	input.Key, input.ReturnConsumedCapacity = key.attributes(), types.ReturnConsumedCapacityTotal
	out, err := c.db.GetItem(ctx, input)
	if err != nil {
		return nil, failure(fmt.Sprintf("reading %v", key), err)
	}
	c.reportRead(ctx, "GetItem", one(out.ConsumedCapacity)...)
	return out.Item, nil
}

// query reads all pages of a query of a table strongly consistently.
func (c *core) query(ctx context.Context, input *dynamodb.QueryInput) ([]map[string]types.AttributeValue, error) {
	input.ConsistentRead = aws.Bool(true)
	return c.allPages(ctx, input)
}

// queryLagging is query at half the price; what was written moments ago may be missing.
func (c *core) queryLagging(ctx context.Context, input *dynamodb.QueryInput) ([]map[string]types.AttributeValue, error) {
	return c.allPages(ctx, input)
}

func (c *core) allPages(ctx context.Context, input *dynamodb.QueryInput) ([]map[string]types.AttributeValue, error) {
	input.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	var items []map[string]types.AttributeValue
	for pages := dynamodb.NewQueryPaginator(c.db, input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failure("query", err)
		}
		c.reportRead(ctx, "Query", one(page.ConsumedCapacity)...)
		items = append(items, page.Items...)
	}
	return items, nil
}

// queryPage reads one page of a query of a table strongly consistently.
func (c *core) queryPage(ctx context.Context, input *dynamodb.QueryInput, limit int) ([]map[string]types.AttributeValue, error) {
	input.ConsistentRead = aws.Bool(true)
	return c.onePage(ctx, input, limit)
}

// queryIndex reads one page of a query of an index, which may lag behind its table.
func (c *core) queryIndex(ctx context.Context, index Index, input *dynamodb.QueryInput, limit int) ([]map[string]types.AttributeValue, error) {
	input.IndexName = &index.Name
	return c.onePage(ctx, input, limit)
}

// onePage reads at most limit items, and fewer only where there are no more. One
// request answers with at most 1 MB, so a page of long items may take several.
func (c *core) onePage(ctx context.Context, input *dynamodb.QueryInput, limit int) ([]map[string]types.AttributeValue, error) {
	input.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	var items []map[string]types.AttributeValue
	for {
		input.Limit = aws.Int32(int32(limit - len(items))) //nolint:gosec // page sizes are at most a few hundred
		out, err := c.db.Query(ctx, input)
		if err != nil {
			return nil, failure("query", err)
		}
		c.reportRead(ctx, "Query", one(out.ConsumedCapacity)...)
		items = append(items, out.Items...)
		if len(out.LastEvaluatedKey) == 0 || len(items) >= limit {
			return items, nil
		}
		input.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// maxBatchTries bounds how often what a batch left unread is asked for again.
const maxBatchTries = 8

// errUnprocessed is throttling by another name.
var errUnprocessed = errors.New("the service keeps leaving keys unprocessed")

// batchGet reads up to 100 items of several tables strongly consistently. What
// the service leaves unprocessed is asked for again after a jittered wait.
func (c *core) batchGet(ctx context.Context, keys map[string][]Key) (map[string][]map[string]types.AttributeValue, error) {
	request := make(map[string]types.KeysAndAttributes, len(keys))
	for table, wanted := range keys {
		asked := make([]map[string]types.AttributeValue, len(wanted))
		for i, key := range wanted {
			asked[i] = key.attributes()
		}
		request[table] = types.KeysAndAttributes{Keys: asked, ConsistentRead: aws.Bool(true)}
	}
	found := make(map[string][]map[string]types.AttributeValue, len(keys))
	for try := range maxBatchTries {
		out, err := c.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems:           request,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return nil, failure("batch read", err)
		}
		c.reportRead(ctx, "BatchGetItem", out.ConsumedCapacity...)
		for table, items := range out.Responses {
			found[table] = append(found[table], items...)
		}
		if len(out.UnprocessedKeys) == 0 {
			return found, nil
		}
		request = out.UnprocessedKeys
		if err := pause.For(ctx, rand.N(10*time.Millisecond<<try)); err != nil { //nolint:gosec // a jitter, no secret
			return nil, failure("batch read", err)
		}
	}
	return nil, failure("batch read", errUnprocessed)
}

// list is a page of the index behind the listings.
func (c *core) list(ctx context.Context, kind, after string, limit int) ([]map[string]types.AttributeValue, error) {
	condition := "lk = :kind"
	values := map[string]types.AttributeValue{":kind": text(kind)}
	if after != "" {
		condition += " AND li > :after"
		values[":after"] = text(after)
	}
	return c.queryIndex(ctx, List, &dynamodb.QueryInput{
		TableName:                 &c.names.Accounts,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: values,
	}, limit)
}

// read decodes one item, read strongly consistently; nil where there is none.
func read[R any](ctx context.Context, c *core, key Key) (*R, error) {
	item, err := c.get(ctx, c.names.Accounts, key)
	if err != nil || item == nil {
		return nil, err
	}
	var record R
	if err := attributevalue.UnmarshalMap(item, &record); err != nil {
		return nil, fmt.Errorf("dynamo: decoding %v: %w", key, err)
	}
	return &record, nil
}
