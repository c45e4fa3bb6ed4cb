package dynamo

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
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
