package queues

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/pattern"
	"drawdown/infra/emulator/template"
)

// MappingConfig is what messages are delivered to which function, and how.
type MappingConfig struct {
	Queue       *Queue
	FunctionARN string
	Invoke      func(function.Invocation) function.Result

	BatchSize       int                // at most
	Window          time.Duration      // how long a batch that is not full waits for more
	Concurrency     int                // batches under way at most
	ReportsFailures bool               // the function answers which messages have failed
	Filters         []*pattern.Pattern // a message that matches none of them is deleted; all are delivered if there are none
	// Redelivery is how long a message is hidden after the function failed on it. If it is 0 the queue's own visibility
	// timeout applies.
	Redelivery time.Duration
	Log        func(line string) // receives messages for the log
}

// Mapping is a running mapping.
type Mapping struct {
	config  MappingConfig
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// StartMapping starts to receive and to deliver.
func StartMapping(config MappingConfig) *Mapping {
	ctx, cancel := context.WithCancel(context.Background())
	m := &Mapping{config: config, cancel: cancel}
	// One poller gathers, so that a batch fills up before another one begins. Slots are batches under way.
	slots := make(chan struct{}, config.Concurrency)
	m.running.Go(func() {
		for {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			batch := m.gather(ctx)
			if ctx.Err() != nil {
				m.giveBack(batch)
				return
			}
			m.running.Go(func() {
				m.deliver(ctx, batch)
				<-slots
			})
		}
	})
	return m
}

// Stop starts no further delivery. It does not wait for those under way.
func (m *Mapping) Stop() { m.cancel() }

// Wait returns when, after Stop, the last delivery has ended.
func (m *Mapping) Wait() { m.running.Wait() }

// batchBytes bounds the bodies of a batch, with room for how they are spelled in the event and what is around them.
const batchBytes = 4 << 20

// gather waits for messages until a batch is full or its window over.
func (m *Mapping) gather(ctx context.Context) []Message {
	one, ok := m.next(ctx)
	if !ok {
		return nil
	}
	batch, size := []Message{one}, len(one.Body)
	window, end := context.WithTimeout(ctx, m.config.Window)
	defer end()
	for len(batch) < m.config.BatchSize && size+MaxBytes <= batchBytes {
		if one, ok = m.next(window); !ok {
			break
		}
		batch, size = append(batch, one), size+len(one.Body)
	}
	return batch
}

// next receives the next message that matches a filter. It deletes those that match none.
func (m *Mapping) next(ctx context.Context) (Message, bool) {
	for {
		received := m.config.Queue.Receive(ctx, 1, m.config.Queue.Visibility())
		if len(received) == 0 {
			return Message{}, false
		}
		if m.isWanted(received[0]) {
			return received[0], true
		}
		_ = m.config.Queue.Delete(received[0].Receipt) // the receipt is the queue's own
	}
}

// isWanted reports whether a message matches a filter. For a filter that looks into the body that is an object, and a
// message whose body is none does not match; for any other filter the body is text.
func (m *Mapping) isWanted(one Message) bool {
	if len(m.config.Filters) == 0 {
		return true
	}
	asText := record(one, m.config.Queue)
	text, object := encode(asText), []byte(nil) // which matches nothing
	if body := bytes.TrimSpace([]byte(one.Body)); json.Valid(body) && body[0] == '{' {
		asText.Body = json.RawMessage(body)
		object = encode(asText)
	}
	return slices.ContainsFunc(m.config.Filters, func(filter *pattern.Pattern) bool {
		if filter.LooksInto("body") {
			return filter.MatchJSON(object)
		}
		return filter.MatchJSON(text)
	})
}

func (m *Mapping) giveBack(batch []Message) {
	for _, one := range batch {
		_ = m.config.Queue.Hide(one.Receipt, 0) // it is visible again as it is, if its time is over
	}
}

// deliver delivers a batch. What the function has processed is deleted; the rest is received again after its timeout.
func (m *Mapping) deliver(ctx context.Context, batch []Message) {
	if len(batch) == 0 {
		return
	}
	result := m.config.Invoke(function.Invocation{Payload: payload(batch, m.config.Queue)})
	if ctx.Err() != nil && result.FunctionError != "" {
		m.giveBack(batch)
		return // it failed because the platform is stopping
	}
	failed := m.failed(result, batch)
	for _, one := range batch {
		if !failed[one.ID] {
			_ = m.config.Queue.Delete(one.Receipt) // the receipt is the queue's own
			continue
		}
		m.config.Log(fmt.Sprintf("the message %s has failed in its delivery %d to %s", one.ID, one.Receives, m.config.FunctionARN))
		if m.config.Redelivery > 0 {
			_ = m.config.Queue.Hide(one.Receipt, m.config.Redelivery) // it is visible already if its time is over
		}
	}
}

// failed returns the ids of the messages that the function failed on: all of them if its answer names none or is
// malformed.
func (m *Mapping) failed(result function.Result, batch []Message) map[string]bool {
	all, none := map[string]bool{}, map[string]bool{}
	for _, one := range batch {
		all[one.ID] = true
	}
	if result.FunctionError != "" {
		return all
	}
	if answer := bytes.TrimSpace(result.Payload); !m.config.ReportsFailures || len(answer) == 0 {
		return none
	}
	var answer struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	if json.Unmarshal(result.Payload, &answer) != nil {
		return all
	}
	some := none
	for _, failure := range answer.Failures {
		id, isString := failure["itemIdentifier"].(string)
		if !isString || !all[id] {
			return all
		}
		some[id] = true
	}
	return some
}

// event is a message in the shape of Lambda's event.
type event struct {
	MessageID         string                    `json:"messageId"`
	Receipt           string                    `json:"receiptHandle"`
	Body              any                       `json:"body,omitempty"`
	Attributes        map[string]string         `json:"attributes"`
	MessageAttributes map[string]eventAttribute `json:"messageAttributes"`
	BodySum           string                    `json:"md5OfBody"`
	AttributesSum     string                    `json:"md5OfMessageAttributes,omitempty"`
	Source            string                    `json:"eventSource"`
	SourceARN         string                    `json:"eventSourceARN"`
	Region            string                    `json:"awsRegion"`
}

type eventAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      *string  `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func record(m Message, q *Queue) event {
	e := event{
		MessageID: m.ID, Receipt: m.Receipt, Body: m.Body, Attributes: m.attributes(), MessageAttributes: map[string]eventAttribute{},
		BodySum: bodySum(m.Body), AttributesSum: attributesSum(m.Attributes), Source: "aws:sqs", SourceARN: q.config.ARN, Region: template.Region,
	}
	for name, a := range m.Attributes {
		one := eventAttribute{DataType: a.DataType, StringListValues: []string{}, BinaryListValues: []string{}}
		if strings.HasPrefix(a.DataType, "Binary") {
			data := base64.StdEncoding.EncodeToString(a.BinaryValue)
			one.BinaryValue = &data
		} else {
			one.StringValue = &a.StringValue
		}
		e.MessageAttributes[name] = one
	}
	return e
}

// payload returns the event with these messages.
func payload(batch []Message, q *Queue) []byte {
	records := make([]event, 0, len(batch))
	for _, m := range batch {
		records = append(records, record(m, q))
	}
	return encode(map[string]any{"Records": records})
}

// encode encodes a value as JSON, without the escapes that only web pages need.
func encode(v any) []byte {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // strings and valid JSON always have a JSON form
	}
	return bytes.TrimSpace(data.Bytes())
}
