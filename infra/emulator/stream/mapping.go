// Package stream delivers the stream of a table to a function, as an event source mapping of Lambda does.
//
// A shard is read by one reader, after its parents. The reader deals the records out to the shard's lanes by the hash
// of the item's key, so that the records of one item stay in order; each lane has one batch at a time on its way. A
// batch that fails is delivered again, split or given up by the mapping's rules, and holds up its lane alone.
//
// The stream of DynamoDB Local cuts times to the minute. What a record's age counts from is therefore when it was
// read, which in quiet is a tenth of a second after it was written. As functions here wait for a
// process instead of being throttled, throttling does not occur here.
package stream

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
)

const (
	// Retention is how long a stream keeps a record, and so how long a failing one can be retried.
	Retention = 24 * time.Hour
	// Unlimited is a MaxRetries without a limit.
	Unlimited = -1
)

// Config is what is delivered to which function, and how.
type Config struct {
	ID          string // of the mapping, a UUID
	Client      *dynamodbstreams.Client
	StreamARN   string
	FunctionARN string
	Invoke      func(function.Invocation) function.Result

	FromStart       bool               // TRIM_HORIZON; from what is written from now on otherwise
	BatchSize       int                // at most
	Window          time.Duration      // how long a batch that is not full waits for more
	Lanes           int                // batches of one shard under way at most
	MaxRetries      int                // of a batch after its first delivery, or Unlimited
	MaxAge          time.Duration      // of a record that is still delivered; the stream's retention if 0
	Bisect          bool               // a batch that fails is split
	ReportsFailures bool               // the function answers which records have failed
	Filters         []*pattern.Pattern // a record that matches none of them is done with; all are delivered if there are none

	// Discard receives what the mapping has given up on, as an object with its key; nil to discard it.
	Discard func(key string, object []byte)
	Faults  *Faults
	Log     func(line string) // receives messages for the log
}

// Mapping is a running mapping.
type Mapping struct {
	config  Config
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start starts to read and to deliver.
func Start(config Config) *Mapping {
	if config.MaxAge == 0 {
		config.MaxAge = Retention
	}
	if config.Faults == nil {
		config.Faults = &Faults{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Mapping{config: config, cancel: cancel}
	m.running.Go(func() { m.followShards(ctx) })
	return m
}

// Stop starts no further delivery. It does not wait for those under way.
func (m *Mapping) Stop() { m.cancel() }

// Wait returns when, after Stop, the last delivery has ended.
func (m *Mapping) Wait() { m.running.Wait() }
