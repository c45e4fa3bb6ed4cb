package capacity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"drawdown/shared/dynamo"
)

// Meter is installed in a client and counts what its requests cost.
type Meter struct {
	plain  *dynamodb.Client        // not metered, to look at items before and after a write
	schema map[string]dynamo.Table // by the tables' real names

	mu       sync.Mutex
	requests []interval
	queries  int
	counted  Units
	reported Units
	written  map[string]int // the size of the item last written, by the table's logical name
	updated  map[string]int // the size of every item updated in place, by its table and key
	err      error
}

// Cost is what an operation has cost.
type Cost struct {
	Requests int
	Depth    int // round trips: concurrent requests count as one
	Queries  int // the requests that are a Query
	Counted  Units
	Reported Units
	Written  map[string]int // the size of the item last written, by the table's logical name
	Updated  map[string]int // the size of every item updated in place, by its table and key
}

// NewMeter returns a meter for these tables; plain is a client without one.
func NewMeter(plain *dynamodb.Client, schema map[string]dynamo.Table) *Meter {
	return &Meter{plain: plain, schema: schema, written: map[string]int{}, updated: map[string]int{}}
}

// Take returns the cost since the last Take.
func (m *Meter) Take() (Cost, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cost, err := Cost{len(m.requests), depth(m.requests), m.queries, m.counted, m.reported, m.written, m.updated}, m.err
	m.requests, m.queries, m.counted, m.reported = nil, 0, Units{}, Units{}
	m.written, m.updated, m.err = map[string]int{}, map[string]int{}, nil
	return cost, err
}

// Install adds the meter to a client.
func (m *Meter) Install(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("capacity.Meter", m.handle), middleware.After)
	})
}

func (m *Meter) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	writes := writesOf(in.Parameters, m.schema)
	before, errBefore := m.images(ctx, writes)
	start := time.Now()
	out, metadata, err := next.HandleInitialize(ctx, in)
	took := interval{start, time.Now()}
	after, errAfter := m.images(ctx, writes)
	units, errRead := Units{}, error(nil)
	if err == nil {
		units.Read, errRead = readsOf(in.Parameters, out.Result)
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, errBefore, errAfter, errRead)
	m.requests = append(m.requests, took)
	if _, query := in.Parameters.(*dynamodb.QueryInput); query {
		m.queries++
	}
	m.reported = m.reported.Plus(reportedOf(out.Result))
	m.counted = m.counted.Plus(units)
	for i, write := range writes {
		m.countWrite(write, before[i], after[i])
	}
	return out, metadata, err
}

func (m *Meter) countWrite(w write, before, after Item) {
	table := m.schema[w.table]
	m.counted.Write += writeUnits(before, after, w.transactional)
	for _, index := range table.Indexes {
		m.counted.Index += indexUnits(before, after, projection{table, index})
	}
	m.written[table.Name] = Size(after)
	if w.inPlace {
		m.updated[w.name()] = Size(after)
	}
}

// images reads the current items that a request will write; nil where there is
// none.
func (m *Meter) images(ctx context.Context, writes []write) ([]Item, error) {
	items := make([]Item, len(writes))
	if len(writes) == 0 {
		return items, nil
	}
	asked := map[string]types.KeysAndAttributes{}
	for _, w := range writes {
		if _, known := m.schema[w.table]; !known {
			return items, fmt.Errorf("capacity: a write to %q, which is not a table of the schema", w.table)
		}
		asked[w.table] = types.KeysAndAttributes{Keys: append(asked[w.table].Keys, w.key), ConsistentRead: aws.Bool(true)}
	}
	// A request writes no more items than one batch can read, and none of them
	// twice.
	out, err := m.plain.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: asked})
	if err == nil && len(out.UnprocessedKeys) > 0 {
		err = errors.New("some items were not read")
	}
	if err != nil {
		return items, fmt.Errorf("capacity: reading the items to be written: %w", err)
	}
	found := map[string]Item{}
	for table, images := range out.Responses {
		for _, image := range images {
			t := m.schema[table]
			found[write{table: table, key: pick(image, t.Partition, t.Sort)}.name()] = image
		}
	}
	for i, w := range writes {
		items[i] = found[w.name()]
	}
	return items, nil
}
