package stream

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"drawdown/infra/emulator/faults"
	"drawdown/infra/emulator/pattern"
)

const (
	// describeInterval is how often to look for new shards while none has ended.
	describeInterval = 5 * time.Second
	// idleInterval is the wait after a read that found nothing, and busyInterval the one after a read that found
	// records.
	idleInterval = 100 * time.Millisecond
	busyInterval = 20 * time.Millisecond
	// troubleInterval is the wait after a read that failed.
	troubleInterval = time.Second
	// pageSize is the most records in one read, as in the service.
	pageSize = 1000
)

// followShards finds the shards of the stream, and reads each when its parent has been read and delivered.
func (m *Mapping) followShards(ctx context.Context) {
	var readers sync.WaitGroup
	defer readers.Wait()
	known, done := map[string]bool{}, map[string]bool{}
	ended := make(chan string)
	start := types.ShardIteratorTypeLatest
	if m.config.FromStart {
		start = types.ShardIteratorTypeTrimHorizon
	}
	for {
		shards, err := m.shards(ctx)
		if err != nil && ctx.Err() == nil {
			m.config.Log(fmt.Sprintf("the shards of %s cannot be listed: %v", m.config.StreamARN, err))
		}
		for _, id := range m.startable(shards, known, done, start) {
			r := &reader{mapping: m, shard: id, position: start}
			readers.Go(func() {
				r.run(ctx)
				select {
				case ended <- id:
				case <-ctx.Done():
				}
			})
		}
		if err == nil {
			start = types.ShardIteratorTypeTrimHorizon // a shard that appears later is read as a whole
		}
		select {
		case id := <-ended:
			done[id] = true
		case <-time.After(describeInterval):
		case <-ctx.Done():
			return
		}
	}
}

// startable picks the shards that are due, and notes them as known. One that is already closed has nothing for a
// mapping that starts with what is written from now on.
func (m *Mapping) startable(shards []types.Shard, known, done map[string]bool, start types.ShardIteratorType) []string {
	listed := map[string]bool{}
	for _, s := range shards {
		id := aws.ToString(s.ShardId)
		listed[id] = true
		if closed := s.SequenceNumberRange != nil && s.SequenceNumberRange.EndingSequenceNumber != nil; closed && start == types.ShardIteratorTypeLatest {
			known[id], done[id] = true, true
		}
	}
	var ids []string
	for _, s := range shards {
		id, parent := aws.ToString(s.ShardId), aws.ToString(s.ParentShardId)
		if known[id] || listed[parent] && !done[parent] {
			continue
		}
		known[id] = true
		ids = append(ids, id)
	}
	return ids
}

func (m *Mapping) shards(ctx context.Context) ([]types.Shard, error) {
	var shards []types.Shard
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(m.config.StreamARN)}
	for {
		out, err := m.config.Client.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, out.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			return shards, nil
		}
	}
}

// reader reads one shard.
type reader struct {
	mapping  *Mapping
	shard    string
	position types.ShardIteratorType // where it begins while nothing has been read
	last     string                  // sequence number of the last record read
	iterator *string
	lanes    []*lane
}

// run reads the shard to its end, and waits until all of it is delivered.
func (r *reader) run(ctx context.Context) {
	var running sync.WaitGroup
	for range r.mapping.config.Lanes {
		l := newLane(r.mapping, r.shard)
		r.lanes = append(r.lanes, l)
		running.Go(func() { l.run(ctx) })
	}
	for r.turn(ctx) {
	}
	for _, l := range r.lanes {
		close(l.in)
	}
	running.Wait()
}

// turn reads and distributes one page, and reports whether there is more to
// come.
func (r *reader) turn(ctx context.Context) bool {
	records, more, err := r.read(ctx)
	var expired *types.ExpiredIteratorException
	var trimmed *types.TrimmedDataAccessException
	switch {
	case ctx.Err() != nil:
		return false
	case errors.As(err, &expired):
		r.iterator = nil
		return true
	case errors.As(err, &trimmed): // what it has missed is gone
		r.iterator, r.last, r.position = nil, "", types.ShardIteratorTypeTrimHorizon
		return true
	case err != nil:
		r.mapping.config.Log(fmt.Sprintf("%s of %s cannot be read: %v", r.shard, r.mapping.config.StreamARN, err))
		return faults.Pause(ctx.Done(), troubleInterval)
	case !r.deal(ctx, records) || !more:
		return false
	case len(records) == 0:
		return faults.Pause(ctx.Done(), idleInterval)
	}
	return faults.Pause(ctx.Done(), busyInterval)
}

// read reads the next page. There is no more when the shard is closed.
func (r *reader) read(ctx context.Context) (records []record, more bool, err error) {
	if r.iterator == nil {
		if err := r.begin(ctx); err != nil {
			return nil, false, err
		}
	}
	out, err := r.mapping.config.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{
		ShardIterator: r.iterator, Limit: aws.Int32(pageSize),
	})
	if err != nil {
		return nil, false, err
	}
	now := time.Now()
	for i := range out.Records {
		one, err := newRecord(&out.Records[i], r.mapping.config.StreamARN, now)
		if err != nil {
			return nil, false, err
		}
		r.last = one.sequence
		if r.mapping.isWanted(one) {
			records = append(records, one)
		}
	}
	r.iterator = out.NextShardIterator
	return records, r.iterator != nil, nil
}

// isWanted reports whether a record matches a filter.
func (m *Mapping) isWanted(one record) bool {
	return len(m.config.Filters) == 0 || slices.ContainsFunc(m.config.Filters, func(p *pattern.Pattern) bool { return p.MatchJSON(one.json) })
}

func (r *reader) begin(ctx context.Context) error {
	in := &dynamodbstreams.GetShardIteratorInput{
		StreamArn: aws.String(r.mapping.config.StreamARN), ShardId: aws.String(r.shard), ShardIteratorType: r.position,
	}
	if r.last != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, aws.String(r.last)
	}
	out, err := r.mapping.config.Client.GetShardIterator(ctx, in)
	if err == nil {
		r.iterator = out.ShardIterator
	}
	return err
}

// deal passes each record to the lane of its key. It waits if a lane has fallen
// behind.
func (r *reader) deal(ctx context.Context, records []record) bool {
	hands := make([][]record, len(r.lanes))
	for _, one := range records {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(one.key))       // never fails
		n := hash.Sum32() % uint32(len(r.lanes)) //nolint:gosec // a few lanes
		hands[n] = append(hands[n], one)
	}
	for n, hand := range hands {
		if len(hand) == 0 {
			continue
		}
		select {
		case r.lanes[n].in <- hand:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
