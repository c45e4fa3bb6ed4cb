package dynamotest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/dynamo"
)

// Client is all that is kept in a set of tables, each method by its name alone. What
// is shipped names the part that it means.
type Client struct {
	*dynamo.Ledger
	*dynamo.Usage
	*dynamo.Accounts
	*dynamo.Catalog
	*dynamo.Billing
	*dynamo.Webhooks
}

// ClientOf is a client of tables.
func ClientOf(t dynamo.Tables) *Client {
	return &Client{t.Ledger, t.Usage, t.Accounts, t.Catalog, t.Billing, t.Webhooks}
}

// Tables is a set of the design's tables, and a client of them.
type Tables struct {
	*Client
	DB       *dynamodb.Client // the SDK's own, which is neither recorded nor disturbed
	Names    dynamo.Names
	Requests *Requests
}

// Option sets something of NewTables.
type Option func(*settings)

type settings struct {
	stream  bool
	faults  *Faults
	observe func(context.Context, dynamo.Spent)
}

// WithStream gives Wallets its stream, without which writes are faster.
func WithStream() Option { return func(s *settings) { s.stream = true } }

// WithFaults disturbs what the client sends.
func WithFaults(f *Faults) Option { return func(s *settings) { s.faults = f } }

// WithObserver is told what each request consumed.
func WithObserver(observe func(context.Context, dynamo.Spent)) Option {
	return func(s *settings) { s.observe = observe }
}

// NewClient is a client of a fresh set of tables.
func NewClient(t testing.TB) *Client {
	t.Helper()
	return NewTables(t).Client
}

var sets atomic.Int64

// NewTables makes a fresh set of tables, from dynamo.Schema.
func NewTables(t testing.TB, options ...Option) *Tables {
	t.Helper()
	var s settings
	for _, option := range options {
		option(&s)
	}
	prefix := fmt.Sprintf("t%d-", sets.Add(1))
	tables := &Tables{
		DB: client(Start(t)),
		Names: dynamo.Names{
			Wallets: prefix + dynamo.WalletsTable.Name, Ledger: prefix + dynamo.LedgerTable.Name,
			Usage: prefix + dynamo.UsageTable.Name, Accounts: prefix + dynamo.AccountsTable.Name,
		},
	}
	for _, table := range dynamo.Schema() {
		table.Stream = table.Stream && s.stream
		if _, err := tables.DB.CreateTable(t.Context(), creation(prefix, table)); err != nil {
			t.Fatalf("creating table %s: %v", table.Name, err)
		}
	}
	tables.connect(t, s)
	return tables
}

// Connect is another client of the same tables, with faults of its own.
func (ts *Tables) Connect(t testing.TB, options ...Option) *Tables {
	t.Helper()
	var s settings
	for _, option := range options {
		option(&s)
	}
	again := &Tables{DB: ts.DB, Names: ts.Names}
	again.connect(t, s)
	return again
}

func (ts *Tables) connect(t testing.TB, s settings) {
	rules := newRules(t, ts.Names)
	ts.Requests = &Requests{tables: rules.tables}
	options := []func(*dynamodb.Options){ts.Requests.install, rules.install} // before any fault
	if s.faults != nil {
		options = append(options, s.faults.install)
	}
	ts.Client = ClientOf(dynamo.New(client(Start(t), options...), ts.Names, s.observe))
}

// client never retries by itself, so that what a test counts and disturbs is
// what the code under test does.
func client(url string, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "local",
		BaseEndpoint: &url,
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, options...)
}

func creation(prefix string, table dynamo.Table) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{
		TableName:   aws.String(prefix + table.Name),
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(table.Partition, table.Sort),
	}
	if table.Stream {
		input.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages}
	}
	attributes := []dynamo.Attribute{table.Partition, table.Sort}
	for _, index := range table.Indexes {
		projection := types.ProjectionTypeAll
		if index.KeysOnly {
			projection = types.ProjectionTypeKeysOnly
		}
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName:  aws.String(index.Name),
			KeySchema:  keySchema(index.Partition, index.Sort),
			Projection: &types.Projection{ProjectionType: projection},
		})
		attributes = append(attributes, index.Partition, index.Sort)
	}
	for i, attribute := range attributes {
		if attribute.Name != "" && !slices.Contains(attributes[:i], attribute) {
			input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{
				AttributeName: aws.String(attribute.Name), AttributeType: types.ScalarAttributeType(attribute.Type),
			})
		}
	}
	return input
}

func keySchema(partition, sort dynamo.Attribute) []types.KeySchemaElement {
	schema := []types.KeySchemaElement{{AttributeName: aws.String(partition.Name), KeyType: types.KeyTypeHash}}
	if sort.Name != "" {
		schema = append(schema, types.KeySchemaElement{AttributeName: aws.String(sort.Name), KeyType: types.KeyTypeRange})
	}
	return schema
}
