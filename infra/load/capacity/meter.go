package capacity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"drawdown/shared/dynamo"
)

// Meter sits in a client and counts what its requests cost.
type Meter struct {
	plain  *dynamodb.Client        // not metered, to look at items before and after a write
	schema map[string]dynamo.Table // by the tables' real names

	mu       sync.Mutex
	requests []interval
	counted  Units
	reported Units
	written  map[string]int // the size of the item last written, by the table's logical name
	err      error
}

// Cost is what an operation has cost.
type Cost struct {
	Requests int
	Depth    int // of the requests, those at the same time as one
	Counted  Units
	Reported Units
	Written  map[string]int // the size of the item last written, by the table's logical name
}

// NewMeter makes a meter for these tables; plain is a client without one.
func NewMeter(plain *dynamodb.Client, schema map[string]dynamo.Table) *Meter {
	return &Meter{plain: plain, schema: schema, written: map[string]int{}}
}

// Take is the cost since the last Take.
func (m *Meter) Take() (Cost, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cost, err := Cost{len(m.requests), depth(m.requests), m.counted, m.reported, m.written}, m.err
	m.requests, m.counted, m.reported, m.written, m.err = nil, Units{}, Units{}, map[string]int{}, nil
	return cost, err
}

// Install puts the meter into a client.
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
}

// images reads the items of a request's writes as they are now; nil where there is none.
func (m *Meter) images(ctx context.Context, writes []write) ([]Item, error) {
	items := make([]Item, len(writes))
	for i, w := range writes {
		if _, known := m.schema[w.table]; !known {
			return items, fmt.Errorf("capacity: a write to %q, which is no table of the schema", w.table)
		}
		out, err := m.plain.GetItem(ctx, &dynamodb.GetItemInput{TableName: &w.table, Key: w.key, ConsistentRead: aws.Bool(true)})
		if err != nil {
			return items, fmt.Errorf("capacity: reading an item that is written: %w", err)
		}
		items[i] = out.Item
	}
	return items, nil
}
