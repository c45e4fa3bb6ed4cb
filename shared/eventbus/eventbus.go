// Package eventbus puts messages on the platform's event bus, and is the only
// importer of EventBridge's SDK.
//
// The bus accepts messages one by one, even if several are sent together: some
// may succeed and others fail. A publisher must be able to retry those that
// failed, under the same ids, and a consumer must tolerate duplicates.
package eventbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"drawdown/events"
	"drawdown/shared/pause"
)

// The limits of one request, as EventBridge documents them. The bytes are of
// all its entries; newer limits are wider, this one holds in every region.
const (
	maxEntries = 10
	maxBytes   = 256 << 10
)

const (
	// maxTries bounds how often failed messages are retried at once.
	maxTries  = 3
	firstWait = 50 * time.Millisecond
)

// ErrTooLarge is returned for a message that does not fit into a request.
var ErrTooLarge = errors.New("eventbus: the message is too large")

// Bus is an event bus. It is safe for concurrent use.
type Bus struct {
	client *eventbridge.Client
	name   string
}

// Open is the bus of that name; an empty endpoint means AWS's own.
func Open(config aws.Config, endpoint, name string) *Bus {
	return &Bus{name: name, client: eventbridge.NewFromConfig(config, func(o *eventbridge.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})}
}

// Put publishes messages, in as few requests as their sizes allow. It returns
// the positions of those that failed, ascending, and the first cause; both are
// nil if all succeeded.
func (b *Bus) Put(ctx context.Context, messages ...events.Message) ([]int, error) {
	if b.name == "" {
		return positions(len(messages)), errors.New("eventbus: no bus is configured")
	}
	var failed []int
	var first error
	note := func(err error, places ...int) {
		failed = append(failed, places...)
		if first == nil {
			first = err
		}
	}
	var pending batch
	flush := func() {
		if len(pending.entries) > 0 {
			if left, err := b.send(ctx, pending); err != nil {
				note(err, left...)
			}
		}
		pending = batch{}
	}
	for place, message := range messages {
		entry, size, err := b.entry(message)
		if err != nil {
			flush() // so that positions ascend
			note(err, place)
			continue
		}
		if len(pending.entries) == maxEntries || pending.bytes+size > maxBytes {
			flush()
		}
		pending.add(entry, size, place)
	}
	flush()
	return failed, first
}

func positions(count int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

// batch is what goes into one request, and the positions of its entries among all.
type batch struct {
	entries []types.PutEventsRequestEntry
	places  []int
	bytes   int
}

func (b *batch) add(entry types.PutEventsRequestEntry, size, place int) {
	b.entries, b.places, b.bytes = append(b.entries, entry), append(b.places, place), b.bytes+size
}

// entry is a message in the form of a request's entry, and its size as the bus
// counts it.
func (b *Bus) entry(message events.Message) (types.PutEventsRequestEntry, int, error) {
	detail, err := events.Encode(message)
	if err != nil {
		return types.PutEventsRequestEntry{}, 0, err
	}
	size := len(events.Source) + len(message.Type) + len(detail)
	if size > maxBytes {
		return types.PutEventsRequestEntry{}, 0, fmt.Errorf("%w: %s has %d bytes", ErrTooLarge, message.ID, size)
	}
	return types.PutEventsRequestEntry{
		EventBusName: &b.name,
		Source:       aws.String(events.Source),
		DetailType:   aws.String(string(message.Type)),
		Detail:       aws.String(string(detail)),
	}, size, nil
}

// send puts one batch, and retries what failed. It returns the positions of
// what is still left.
func (b *Bus) send(ctx context.Context, pending batch) ([]int, error) {
	for try := 1; ; try++ {
		out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: pending.entries})
		if err != nil { // tried again by the SDK
			return pending.places, fmt.Errorf("eventbus: putting %d messages: %w", len(pending.entries), err)
		}
		if len(out.Entries) != len(pending.entries) {
			return pending.places, fmt.Errorf("eventbus: put %d messages and got %d results", len(pending.entries), len(out.Entries))
		}
		var left batch
		var cause types.PutEventsResultEntry
		for i, result := range out.Entries {
			if result.ErrorCode != nil {
				left.add(pending.entries[i], 0, pending.places[i])
				cause = result
			}
		}
		if len(left.entries) == 0 {
			return nil, nil
		}
		if try == maxTries || pause.For(ctx, rand.N(firstWait<<(try-1))) != nil { //nolint:gosec // a jitter, not a secret
			return left.places, fmt.Errorf("eventbus: %d messages failed, the last: %s %s",
				len(left.entries), aws.ToString(cause.ErrorCode), aws.ToString(cause.ErrorMessage))
		}
		pending = left
	}
}
