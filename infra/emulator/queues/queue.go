// Package queues is a small SQS: standard queues in memory, served by the JSON protocol of its API, and the mappings by
// which Lambda takes batches of messages off a queue.
//
// What SQS encrypts or checks by permissions is no matter of it. As with SQS a message may be received again once its
// visibility timeout is over, and after too many receipts it moves to the dead-letter queue; unlike with SQS, counts
// are exact and messages come in the order in which they become visible.
package queues

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // SQS tells a body's MD5
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"drawdown/infra/emulator/function"
)

// Config describes a queue. All fields must be set: the caller applies the defaults.
type Config struct {
	Name, ARN, URL string
	Visibility     time.Duration // how long a message that is received is hidden
	Retention      time.Duration // how long a message is kept
	Delay          time.Duration // how long a message is hidden when it is sent
	Wait           time.Duration // how long a receipt waits for a message
	MaxBytes       int           // of a message
}

// Queue holds messages.
type Queue struct {
	config Config

	mu          sync.Mutex
	messages    []*message
	made        time.Time
	changed     chan struct{} // closed when a message may have become visible
	deadLetters *Queue
	maxReceives int // with deadLetters
}

// Attribute is one that the sender gives a message.
type Attribute struct {
	DataType    string
	StringValue string `json:",omitempty"`
	BinaryValue []byte `json:",omitempty"`
}

// Message is a message as it is received.
type Message struct {
	ID            string
	Receipt       string // the handle by which this receipt is deleted
	Body          string
	Attributes    map[string]Attribute // the sender's
	Sent          time.Time
	FirstReceived time.Time
	Receives      int
	SourceARN     string // of the queue whose dead letter it is
}

type message struct {
	Message
	visible time.Time // from when on it can be received
}

// New returns a queue.
func New(config Config) *Queue {
	return &Queue{config: config, made: time.Now(), changed: make(chan struct{})}
}

// Redrive moves messages to another queue instead of receiving them more often than this.
func (q *Queue) Redrive(to *Queue, maxReceives int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deadLetters, q.maxReceives = to, maxReceives
}

// ARN returns the queue's ARN.
func (q *Queue) ARN() string { return q.config.ARN }

// Name returns the queue's name.
func (q *Queue) Name() string { return q.config.Name }

// URL returns the URL that the API uses for the queue.
func (q *Queue) URL() string { return q.config.URL }

// Visibility returns how long a received message is hidden.
func (q *Queue) Visibility() time.Duration { return q.config.Visibility }

// Send puts a message into the queue, and returns its id. It can be received after the queue's delay.
func (q *Queue) Send(body string, attributes map[string]Attribute) string {
	return q.send(body, attributes, q.config.Delay)
}

func (q *Queue) send(body string, attributes map[string]Attribute, delay time.Duration) string {
	now := time.Now()
	m := &message{Message{ID: function.NewRequestID(), Body: body, Attributes: attributes, Sent: now}, now.Add(delay)}
	q.add(m)
	return m.ID
}

func (q *Queue) add(m *message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, m)
	q.announce()
}

// announce wakes those who wait for a message. The caller holds mu.
func (q *Queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Receive receives up to so many messages. If there are none it waits until one comes or ctx ends.
func (q *Queue) Receive(ctx context.Context, most int, visibility time.Duration) []Message {
	for {
		received, next, changed := q.take(most, visibility)
		if len(received) > 0 {
			return received
		}
		timer := time.NewTimer(next)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// take receives what is visible now. If there is nothing it returns when to look again, and a channel that signals a
// change.
func (q *Queue) take(most int, visibility time.Duration) (received []Message, next time.Duration, changed <-chan struct{}) {
	now := time.Now()
	for _, dead := range q.bury(now) {
		q.deadLetters.add(dead)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	slices.SortStableFunc(q.messages, func(a, b *message) int { return cmp.Compare(a.visible.UnixNano(), b.visible.UnixNano()) })
	next = time.Hour
	for _, m := range q.messages {
		if m.visible.After(now) {
			next = min(next, m.visible.Sub(now))
			continue
		}
		if len(received) == most {
			break
		}
		m.Receives++
		if m.Receives == 1 {
			m.FirstReceived = now
		}
		m.Receipt = base64.StdEncoding.EncodeToString([]byte(m.ID + ":" + strconv.Itoa(m.Receives)))
		m.visible = now.Add(visibility)
		received = append(received, m.Message)
	}
	return received, next, q.changed
}

// bury removes the messages that are too old, and returns those that have been received too often.
func (q *Queue) bury(now time.Time) []*message {
	q.mu.Lock()
	defer q.mu.Unlock()
	var dead []*message
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		if now.Sub(m.Sent) > q.config.Retention {
			return true
		}
		if q.deadLetters == nil || m.Receives < q.maxReceives || m.visible.After(now) {
			return false
		}
		// As with SQS it keeps its id and the time at which it was sent.
		dead = append(dead, &message{Message{
			ID: m.ID, Body: m.Body, Attributes: m.Attributes, Sent: m.Sent, SourceARN: q.config.ARN,
		}, now})
		return true
	})
	return dead
}

var (
	errNoHandle    = errors.New("that is no receipt")
	errNotInFlight = errors.New("the message is not hidden by this receipt")
)

// Delete removes a message that has been received. A receipt that is not the latest has no effect.
func (q *Queue) Delete(receipt string) error {
	if !isReceipt(receipt) {
		return errNoHandle
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.Receipt == receipt })
	return nil
}

// Hide changes how long from now on a received message is hidden.
func (q *Queue) Hide(receipt string, visibility time.Duration) error {
	if !isReceipt(receipt) {
		return errNoHandle
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	i := slices.IndexFunc(q.messages, func(m *message) bool { return m.Receipt == receipt && m.visible.After(now) })
	if i < 0 {
		return errNotInFlight
	}
	q.messages[i].visible = now.Add(visibility)
	q.announce()
	return nil
}

func isReceipt(receipt string) bool {
	data, err := base64.StdEncoding.DecodeString(receipt)
	return err == nil && strings.Contains(string(data), ":")
}

// Messages lists all messages in the queue, including hidden ones, without receiving any.
func (q *Queue) Messages() []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]Message, 0, len(q.messages))
	for _, m := range q.messages {
		list = append(list, m.Message)
	}
	return list
}

// Purge empties the queue.
func (q *Queue) Purge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = nil
}

// counts returns how many messages can be received, have been received, and are delayed.
func (q *Queue) counts() (visible, inFlight, delayed int) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		switch {
		case !m.visible.After(now):
			visible++
		case m.Receives > 0:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

// attributes returns what SQS reports of a message.
func (m Message) attributes() map[string]string {
	told := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"ApproximateFirstReceiveTimestamp": milliseconds(m.FirstReceived),
		"SenderId":                         senderID,
		"SentTimestamp":                    milliseconds(m.Sent),
	}
	if m.SourceARN != "" {
		told["DeadLetterQueueSourceArn"] = m.SourceARN
	}
	return told
}

// senderID is the id of a role's session, as of every sender here.
const senderID = "AROALOCALACCESSKEY000:local"

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func bodySum(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // SQS tells a body's MD5
	return hex.EncodeToString(sum[:])
}
