package queues

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS tells the attributes' MD5
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"drawdown/infra/emulator/awsjson"
)

// SQS's limits.
const (
	batchLimit      = 10
	longestWait     = 20
	longestDelay    = 900
	longestHide     = 43_200
	attributesLimit = 10
	// MaxBytes is the size of the largest message, and of all messages of a batch together.
	MaxBytes = 1 << 20
)

// Store is the queues that the API serves.
type Store struct {
	queues map[string]*Queue // by name
	// stopping ends the receipts that wait.
	stopping chan struct{}
}

// NewStore returns a store without queues.
func NewStore() *Store { return &Store{queues: map[string]*Queue{}, stopping: make(chan struct{})} }

// Add adds a queue, and reports whether its name was free. All queues are added before the API is served.
func (s *Store) Add(q *Queue) bool {
	if s.queues[q.config.Name] != nil {
		return false
	}
	s.queues[q.config.Name] = q
	return true
}

// ByARN finds a queue by its ARN.
func (s *Store) ByARN(arn string) (*Queue, bool) {
	for _, q := range s.queues {
		if q.config.ARN == arn {
			return q, true
		}
	}
	return nil, false
}

// Stop ends all receipts that wait for messages.
func (s *Store) Stop() { close(s.stopping) }

// Service is the API of the store.
func (s *Store) Service() awsjson.Service {
	return awsjson.Service{Target: "AmazonSQS", Version: "1.0", Operations: map[string]awsjson.Operation{
		"ChangeMessageVisibility": awsjson.Operate(s.changeVisibility),
		"DeleteMessage":           awsjson.Operate(s.deleteMessage),
		"DeleteMessageBatch":      awsjson.Operate(s.deleteBatch),
		"GetQueueAttributes":      awsjson.Operate(s.getAttributes),
		"GetQueueUrl":             awsjson.Operate(s.getURL),
		"PurgeQueue":              awsjson.Operate(s.purge),
		"ReceiveMessage":          awsjson.Operate(s.receive),
		"SendMessage":             awsjson.Operate(s.sendMessage),
		"SendMessageBatch":        awsjson.Operate(s.sendBatch),
	}}
}

// fail returns an error as SQS returns it. Its SDK uses the code of the previous protocol, where that differs.
func fail(code, format string, arguments ...any) *awsjson.Failure {
	f := awsjson.Fail("com.amazonaws.sqs#"+code, format, arguments...)
	f.Query = code
	if code == "QueueDoesNotExist" {
		f.Query = "AWS.SimpleQueueService.NonExistentQueue"
	} else if strings.Contains(code, "Batch") {
		f.Query = "AWS.SimpleQueueService." + code
	}
	return f
}

func (s *Store) byName(name string) (*Queue, error) {
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, fail("QueueDoesNotExist", "The specified queue does not exist.")
}

// find finds a queue by its URL, whatever its host.
func (s *Store) find(url string) (*Queue, error) {
	return s.byName(url[strings.LastIndexByte(url, '/')+1:])
}

func within(name string, given *int, lowest, highest int) error {
	if given != nil && (*given < lowest || *given > highest) {
		return fail("InvalidParameterValue", "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.",
			*given, name, lowest, highest)
	}
	return nil
}

type sendRequest struct {
	MessageBody       string
	DelaySeconds      *int
	MessageAttributes map[string]Attribute
}

type sendAnswer struct {
	MessageID     string `json:"MessageId"`
	BodySum       string `json:"MD5OfMessageBody"`
	AttributesSum string `json:"MD5OfMessageAttributes,omitempty"`
}

func (in sendRequest) size() int {
	size := len(in.MessageBody)
	for name, a := range in.MessageAttributes {
		size += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return size
}

func (in sendRequest) send(q *Queue) (sendAnswer, error) {
	if err := within("DelaySeconds", in.DelaySeconds, 0, longestDelay); err != nil {
		return sendAnswer{}, err
	}
	switch {
	case in.MessageBody == "":
		return sendAnswer{}, fail("MissingParameter", "The request must contain the parameter MessageBody.")
	case in.size() > q.config.MaxBytes:
		return sendAnswer{}, fail("InvalidParameterValue",
			"One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.config.MaxBytes)
	case !utf8.ValidString(in.MessageBody):
		return sendAnswer{}, fail("InvalidMessageContents", "The message contains characters outside the allowed set.")
	case len(in.MessageAttributes) > attributesLimit:
		return sendAnswer{}, fail("InvalidParameterValue", "Number of message attributes [%d] exceeds the allowed maximum [%d].",
			len(in.MessageAttributes), attributesLimit)
	}
	delay := q.config.Delay
	if in.DelaySeconds != nil {
		delay = time.Duration(*in.DelaySeconds) * time.Second
	}
	id := q.send(in.MessageBody, in.MessageAttributes, delay)
	return sendAnswer{id, bodySum(in.MessageBody), attributesSum(in.MessageAttributes)}, nil
}

// attributesSum is the MD5 by which senders check that their attributes came through; empty if there are none.
func attributesSum(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var data []byte
	add := func(part string) {
		data = binary.BigEndian.AppendUint32(data, uint32(len(part))) //nolint:gosec // a message is far shorter
		data = append(data, part...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		add(name)
		add(a.DataType)
		if strings.HasPrefix(a.DataType, "Binary") {
			data = append(data, 2)
			add(string(a.BinaryValue))
		} else {
			data = append(data, 1)
			add(a.StringValue)
		}
	}
	sum := md5.Sum(data) //nolint:gosec // SQS tells the attributes' MD5
	return hex.EncodeToString(sum[:])
}

func (s *Store) sendMessage(_ context.Context, in struct {
	QueueURL string `json:"QueueUrl"`
	sendRequest
}) (sendAnswer, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return sendAnswer{}, err
	}
	return in.send(q)
}

// failedEntry is an entry of a batch that has failed.
type failedEntry struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

func failedBy(id string, err error) failedEntry {
	entry := failedEntry{ID: id, SenderFault: true, Code: "InternalError", Message: err.Error()}
	if f := (*awsjson.Failure)(nil); errors.As(err, &f) {
		entry.Code, entry.Message = f.Query, f.Message
	}
	return entry
}

func checkBatch(ids []string) error {
	switch distinct := slices.Compact(slices.Sorted(slices.Values(ids))); {
	case len(ids) == 0:
		return fail("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	case len(ids) > batchLimit:
		return fail("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", batchLimit, len(ids))
	case len(distinct) < len(ids):
		return fail("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
	}
	return nil
}

type sentEntry struct {
	ID string `json:"Id"`
	sendAnswer
}

type batchAnswer[Done any] struct {
	Successful []Done
	Failed     []failedEntry `json:",omitempty"`
}

func (s *Store) sendBatch(_ context.Context, in struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID string `json:"Id"`
		sendRequest
	}
}) (out batchAnswer[sentEntry], err error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return out, err
	}
	ids, size := []string{}, 0
	for _, e := range in.Entries {
		ids, size = append(ids, e.ID), size+e.size()
	}
	if err := checkBatch(ids); err != nil {
		return out, err
	}
	if size > MaxBytes {
		return out, fail("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", MaxBytes, size)
	}
	for _, e := range in.Entries {
		if sent, err := e.send(q); err != nil {
			out.Failed = append(out.Failed, failedBy(e.ID, err))
		} else {
			out.Successful = append(out.Successful, sentEntry{e.ID, sent})
		}
	}
	return out, nil
}

type receiveRequest struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type receivedMessage struct {
	MessageID         string `json:"MessageId"`
	ReceiptHandle     string
	Body              string
	BodySum           string               `json:"MD5OfBody"`
	Attributes        map[string]string    `json:",omitempty"`
	MessageAttributes map[string]Attribute `json:",omitempty"`
	AttributesSum     string               `json:"MD5OfMessageAttributes,omitempty"`
}

type receiveAnswer struct {
	Messages []receivedMessage `json:",omitempty"`
}

func (s *Store) receive(ctx context.Context, in receiveRequest) (out receiveAnswer, err error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return out, err
	}
	most, wait, visibility := 1, q.config.Wait, q.config.Visibility
	for _, c := range []struct {
		name            string
		given           *int
		lowest, highest int
		take            func(n int)
	}{
		{"MaxNumberOfMessages", in.MaxNumberOfMessages, 1, batchLimit, func(n int) { most = n }},
		{"WaitTimeSeconds", in.WaitTimeSeconds, 0, longestWait, func(n int) { wait = time.Duration(n) * time.Second }},
		{"VisibilityTimeout", in.VisibilityTimeout, 0, longestHide, func(n int) { visibility = time.Duration(n) * time.Second }},
	} {
		if err := within(c.name, c.given, c.lowest, c.highest); err != nil {
			return out, err
		}
		if c.given != nil {
			c.take(*c.given)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	go func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for _, m := range q.Receive(ctx, most, visibility) {
		one := receivedMessage{MessageID: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, BodySum: bodySum(m.Body)}
		one.Attributes = chosen(m.attributes(), system)
		one.MessageAttributes = chosen(m.Attributes, in.MessageAttributeNames)
		one.AttributesSum = attributesSum(one.MessageAttributes)
		out.Messages = append(out.Messages, one)
	}
	return out, nil
}

// chosen returns the requested attributes: by name, by prefix, or all.
func chosen[V any](all map[string]V, names []string) map[string]V {
	some := map[string]V{}
	for name, value := range all {
		if slices.ContainsFunc(names, func(asked string) bool {
			prefix, isPrefix := strings.CutSuffix(asked, ".*")
			return asked == "All" || asked == name || isPrefix && strings.HasPrefix(name, prefix)
		}) {
			some[name] = value
		}
	}
	return some
}

type none struct{}

func handled(err error, receipt string) error {
	switch {
	case errors.Is(err, errNoHandle):
		return fail("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", receipt)
	case errors.Is(err, errNotInFlight):
		return fail("MessageNotInflight", "The message is not in flight.")
	}
	return err
}

func (s *Store) deleteMessage(_ context.Context, in struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}) (none, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return none{}, err
	}
	return none{}, handled(q.Delete(in.ReceiptHandle), in.ReceiptHandle)
}

type deletedEntry struct {
	ID string `json:"Id"`
}

func (s *Store) deleteBatch(_ context.Context, in struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
}) (out batchAnswer[deletedEntry], err error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return out, err
	}
	ids := []string{}
	for _, e := range in.Entries {
		ids = append(ids, e.ID)
	}
	if err := checkBatch(ids); err != nil {
		return out, err
	}
	for _, e := range in.Entries {
		if err := handled(q.Delete(e.ReceiptHandle), e.ReceiptHandle); err != nil {
			out.Failed = append(out.Failed, failedBy(e.ID, err))
		} else {
			out.Successful = append(out.Successful, deletedEntry{e.ID})
		}
	}
	return out, nil
}

func (s *Store) changeVisibility(_ context.Context, in struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout int
}) (none, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return none{}, err
	}
	if err := within("VisibilityTimeout", &in.VisibilityTimeout, 0, longestHide); err != nil {
		return none{}, err
	}
	return none{}, handled(q.Hide(in.ReceiptHandle, time.Duration(in.VisibilityTimeout)*time.Second), in.ReceiptHandle)
}

func (s *Store) purge(_ context.Context, in struct {
	QueueURL string `json:"QueueUrl"`
}) (none, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return none{}, err
	}
	q.Purge()
	return none{}, nil
}

type urlAnswer struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Store) getURL(_ context.Context, in struct{ QueueName string }) (urlAnswer, error) {
	q, err := s.byName(in.QueueName)
	if err != nil {
		return urlAnswer{}, err
	}
	return urlAnswer{q.config.URL}, nil
}

type attributesAnswer struct{ Attributes map[string]string }

func (s *Store) getAttributes(_ context.Context, in struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}) (attributesAnswer, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return attributesAnswer{}, err
	}
	all := q.describe()
	for _, name := range in.AttributeNames {
		if _, ok := all[name]; !ok && name != "All" && name != "RedrivePolicy" {
			return attributesAnswer{}, fail("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return attributesAnswer{chosen(all, in.AttributeNames)}, nil
}

// describe returns what GetQueueAttributes reports of the queue.
func (q *Queue) describe() map[string]string {
	visible, inFlight, delayed := q.counts()
	all := map[string]string{
		"QueueArn": q.config.ARN, "CreatedTimestamp": strconv.FormatInt(q.made.Unix(), 10),
	}
	for name, n := range map[string]int{
		"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": inFlight,
		"ApproximateNumberOfMessagesDelayed": delayed, "MaximumMessageSize": q.config.MaxBytes,
		"VisibilityTimeout": seconds(q.config.Visibility), "MessageRetentionPeriod": seconds(q.config.Retention),
		"DelaySeconds": seconds(q.config.Delay), "ReceiveMessageWaitTimeSeconds": seconds(q.config.Wait),
	} {
		all[name] = strconv.Itoa(n)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deadLetters != nil {
		policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": q.deadLetters.config.ARN, "maxReceiveCount": q.maxReceives})
		if err != nil {
			panic(err) // a string and a number always have a JSON form
		}
		all["RedrivePolicy"] = string(policy)
	}
	return all
}

func seconds(d time.Duration) int { return int(d / time.Second) }
