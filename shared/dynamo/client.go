package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/pause"
)

// Names are the tables' real names.
type Names struct {
	Wallets, Ledger, Usage, Accounts string
}

// Spent is what one request consumed, as DynamoDB reports it.
type Spent struct {
	Request    string // the operation's name in DynamoDB's API
	ReadUnits  float64
	WriteUnits float64
}

// Client reads and writes the tables. It is safe for concurrent use.
type Client struct {
	db      *dynamodb.Client
	names   Names
	observe func(context.Context, Spent)
	known   known
}

// New is a client that tells observe of every request's consumption; observe may be nil.
func New(db *dynamodb.Client, names Names, observe func(context.Context, Spent)) *Client {
	if observe == nil {
		observe = func(context.Context, Spent) {}
	}
	return &Client{db: db, names: names, observe: observe}
}

// Open is a client of the service at an endpoint; an empty one means AWS's own.
func Open(config aws.Config, endpoint string, names Names, observe func(context.Context, Spent)) *Client {
	return New(dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	}), names, observe)
}

// reportRead tells what a request that reads has consumed.
func (c *Client) reportRead(ctx context.Context, request string, consumed ...types.ConsumedCapacity) {
	c.observe(ctx, Spent{Request: request, ReadUnits: units(consumed)})
}

// reportWrite tells what a request that writes has consumed.
func (c *Client) reportWrite(ctx context.Context, request string, consumed ...types.ConsumedCapacity) {
	c.observe(ctx, Spent{Request: request, WriteUnits: units(consumed)})
}

func units(consumed []types.ConsumedCapacity) float64 {
	var sum float64
	for _, c := range consumed {
		sum += aws.ToFloat64(c.CapacityUnits)
	}
	return sum
}

func one(consumed *types.ConsumedCapacity) []types.ConsumedCapacity {
	if consumed == nil {
		return nil
	}
	return []types.ConsumedCapacity{*consumed}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// get reads one item strongly consistently; nil where there is none.
func (c *Client) get(ctx context.Context, table string, key Key) (map[string]types.AttributeValue, error) {
	out, err := c.db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:              &table,
		Key:                    key.attributes(),
		ConsistentRead:         aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, failure(fmt.Sprintf("reading %v", key), err)
	}
	c.reportRead(ctx, "GetItem", one(out.ConsumedCapacity)...)
	return out.Item, nil
}

// query reads all pages of a query.
func (c *Client) query(ctx context.Context, input *dynamodb.QueryInput) ([]map[string]types.AttributeValue, error) {
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

// queryPage reads one page of at most limit items, and fewer only where there
// are no more. One request answers with at most 1 MB, so a page of long items
// may take several.
func (c *Client) queryPage(ctx context.Context, input *dynamodb.QueryInput, limit int) ([]map[string]types.AttributeValue, error) {
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
func (c *Client) batchGet(ctx context.Context, keys map[string][]Key) (map[string][]map[string]types.AttributeValue, error) {
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
		if err := pause.For(ctx, rand.N(10*time.Millisecond<<try)); err != nil {
			return nil, failure("batch read", err)
		}
	}
	return nil, failure("batch read", errUnprocessed)
}
