package dynamo

import (
	"context"

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

// Tables are the tables by what is kept in them. Each part is handed to whoever
// needs that part; all of them are safe for concurrent use.
type Tables struct {
	Ledger   *Ledger
	Usage    *Usage
	Accounts *Accounts
	Catalog  *Catalog
	Billing  *Billing
	Webhooks *Webhooks
}

// core is what the parts have in common: the service, and who is told what it takes.
type core struct {
	db      *dynamodb.Client
	names   Names
	observe func(context.Context, Spent)
}

// New are the tables of a service, with an observer that is told of every request's
// consumption; observe may be nil.
func New(db *dynamodb.Client, names Names, observe func(context.Context, Spent)) Tables {
	if observe == nil {
		observe = func(context.Context, Spent) {}
	}
	c := &core{db: db, names: names, observe: observe}
	return Tables{
		Ledger: &Ledger{c}, Usage: &Usage{core: c}, Accounts: &Accounts{c},
		Catalog: &Catalog{c}, Billing: &Billing{c}, Webhooks: &Webhooks{c},
	}
}

// Open are the tables of the service at an endpoint; an empty one means AWS's own.
func Open(config aws.Config, endpoint string, names Names, observe func(context.Context, Spent)) Tables {
	return New(dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	}), names, observe)
}

// reportRead tells what a request that reads has consumed.
func (c *core) reportRead(ctx context.Context, request string, consumed ...types.ConsumedCapacity) {
	c.observe(ctx, Spent{Request: request, ReadUnits: units(consumed)})
}

// reportWrite tells what a request that writes has consumed.
func (c *core) reportWrite(ctx context.Context, request string, consumed ...types.ConsumedCapacity) {
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
