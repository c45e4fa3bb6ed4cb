package queues_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/queues"
)

const name = "things"

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newQueue(name string) *queues.Queue {
	return queues.New(queues.Config{
		Name: name, ARN: "arn:aws:sqs:us-east-1:000000000000:" + name, URL: "http://localhost/000000000000/" + name,
		Visibility: 30 * time.Second, Retention: time.Hour, MaxBytes: queues.MaxBytes,
	})
}

// open serves a store with one queue to the SDK's client.
func open(t *testing.T) (*sqs.Client, *queues.Queue) {
	t.Helper()
	store, q := queues.NewStore(), newQueue(name)
	if !store.Add(q) || store.Add(newQueue(name)) {
		t.Fatal("a name can be taken once")
	}
	server := httptest.NewServer(awsjson.Server{store.Service()})
	t.Cleanup(server.Close)
	t.Cleanup(store.Stop)
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	}), q
}

func receive(t *testing.T, client *sqs.Client, in sqs.ReceiveMessageInput) []types.Message {
	t.Helper()
	in.QueueUrl = aws.String("http://localhost/000000000000/" + name)
	out, err := client.ReceiveMessage(t.Context(), &in)
	check(t, err)
	return out.Messages
}

func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestAMessagesLife(t *testing.T) {
	client, q := open(t)
	located, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	check(t, err)
	url := located.QueueUrl
	if aws.ToString(url) != q.URL() {
		t.Errorf("the URL is %s", aws.ToString(url))
	}
	sent, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: url, MessageBody: aws.String("äö<>"), MessageAttributes: map[string]types.MessageAttributeValue{
			"kind":       {DataType: aws.String("String"), StringValue: aws.String("test")},
			"count":      {DataType: aws.String("Number"), StringValue: aws.String("2")},
			"kind.bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}},
		},
	}) // the SDK compares the body's checksum
	check(t, err)
	// As SQS documents it: of each attribute the name, the type, the kind of value and the value, each with its length.
	if want := "5fceb214839cef2b69666cbe86598d69"; aws.ToString(sent.MD5OfMessageAttributes) != want {
		t.Errorf("the checksum of the attributes is %q", aws.ToString(sent.MD5OfMessageAttributes))
	}
	got := receive(t, client, sqs.ReceiveMessageInput{
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"kind", "kind.*"}, VisibilityTimeout: 1,
	})
	if len(got) != 1 || aws.ToString(got[0].Body) != "äö<>" || aws.ToString(got[0].MessageId) != aws.ToString(sent.MessageId) {
		t.Fatalf("received is %+v", got)
	}
	if a := got[0].MessageAttributes; len(a) != 2 || aws.ToString(a["kind"].StringValue) != "test" || !slices.Equal(a["kind.bytes"].BinaryValue, []byte{0, 1}) {
		t.Errorf("the attributes are %+v", a)
	}
	ms, err := strconv.ParseInt(got[0].Attributes["SentTimestamp"], 10, 64)
	if err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Minute || got[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("the attributes of the system are %v", got[0].Attributes)
	}
	// A receipt that waits gets it again as soon as it is visible, and then its old receipt has no effect.
	began := time.Now()
	again := receive(t, client, sqs.ReceiveMessageInput{WaitTimeSeconds: 10})
	if len(again) != 1 || time.Since(began) > 5*time.Second || time.Since(began) < 500*time.Millisecond {
		t.Fatalf("after %s received is %+v", time.Since(began), again)
	}
	_, err = client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: got[0].ReceiptHandle})
	check(t, err)
	counts := func() (visible, hidden string) {
		out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"}})
		check(t, err)
		return out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"]
	}
	if visible, hidden := counts(); visible != "0" || hidden != "1" {
		t.Errorf("%s are visible and %s hidden", visible, hidden)
	}
	_, err = client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: again[0].ReceiptHandle, VisibilityTimeout: 0})
	check(t, err)
	if visible, hidden := counts(); visible != "1" || hidden != "0" {
		t.Errorf("%s are visible and %s hidden", visible, hidden)
	}
	_, err = client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: again[0].ReceiptHandle, VisibilityTimeout: 5})
	if notInFlight := (*types.MessageNotInflight)(nil); !errors.As(err, &notInFlight) {
		t.Errorf("to hide what nobody holds: %v", err)
	}
	last := receive(t, client, sqs.ReceiveMessageInput{})
	_, err = client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: last[0].ReceiptHandle})
	check(t, err)
	if left := q.Messages(); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestBatches(t *testing.T) {
	client, q := open(t)
	url := aws.String(q.URL())
	var entries []types.SendMessageBatchRequestEntry
	for n := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(n)), MessageBody: aws.String("m" + strconv.Itoa(n))})
	}
	entries[3].MessageBody = aws.String("")
	sent, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
	check(t, err)
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 || aws.ToString(sent.Failed[0].Id) != "3" || aws.ToString(sent.Failed[0].Code) != "MissingParameter" {
		t.Errorf("the answer is %+v %+v", sent.Successful, sent.Failed)
	}
	got := receive(t, client, sqs.ReceiveMessageInput{MaxNumberOfMessages: 10})
	if len(got) != 9 {
		t.Fatalf("%d are received", len(got))
	}
	var deletes []types.DeleteMessageBatchRequestEntry
	for n, m := range got {
		deletes = append(deletes, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(n)), ReceiptHandle: m.ReceiptHandle})
	}
	deletes[0].ReceiptHandle = aws.String("none")
	deleted, err := client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: deletes})
	check(t, err)
	if len(deleted.Successful) != 8 || len(deleted.Failed) != 1 || aws.ToString(deleted.Failed[0].Code) != "ReceiptHandleIsInvalid" || len(q.Messages()) != 1 {
		t.Errorf("the answer is %+v %+v, left are %v", deleted.Successful, deleted.Failed, q.Messages())
	}
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: url})
	check(t, err)
	if len(q.Messages()) != 0 {
		t.Errorf("%v are left", q.Messages())
	}
	same := []types.SendMessageBatchRequestEntry{entries[0], entries[0]}
	large := aws.String(strings.Repeat("x", queues.MaxBytes/2+1))
	for want, in := range map[string][]types.SendMessageBatchRequestEntry{
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest": append(slices.Clone(entries), types.SendMessageBatchRequestEntry{Id: aws.String("x"), MessageBody: aws.String("x")}),
		"AWS.SimpleQueueService.BatchEntryIdsNotDistinct":     same,
		"AWS.SimpleQueueService.EmptyBatchRequest":            {},
		"AWS.SimpleQueueService.BatchRequestTooLong":          {{Id: aws.String("a"), MessageBody: large}, {Id: aws.String("b"), MessageBody: large}},
	} {
		if _, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: url, Entries: in}); code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	client, q := open(t)
	url := aws.String(q.URL())
	send := func(in sqs.SendMessageInput) error {
		if in.QueueUrl == nil {
			in.QueueUrl = url
		}
		_, err := client.SendMessage(t.Context(), &in)
		return err
	}
	if err := send(sqs.SendMessageInput{QueueUrl: aws.String("http://localhost/000000000000/other"), MessageBody: aws.String("x")}); !errors.As(err, new(*types.QueueDoesNotExist)) {
		t.Errorf("a queue that is not there: %v", err)
	}
	_, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("none")})
	if !errors.As(err, new(*types.ReceiptHandleIsInvalid)) {
		t.Errorf("a receipt that is none: %v", err)
	}
	for _, err := range []error{
		send(sqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("x", queues.MaxBytes+1))}),
		send(sqs.SendMessageInput{MessageBody: aws.String("x"), DelaySeconds: 901}),
	} {
		if code(err) != "InvalidParameterValue" {
			t.Errorf("got %v, want an InvalidParameterValue", err)
		}
	}
	if err := send(sqs.SendMessageInput{MessageBody: aws.String("x"), MessageGroupId: aws.String("g")}); err == nil || !strings.Contains(err.Error(), `"MessageGroupId" is not served`) {
		t.Errorf("a group: %v", err)
	}
	if _, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err == nil || !strings.Contains(err.Error(), "ListQueues is not served") {
		t.Errorf("an operation that is not served: %v", err)
	}
}

func TestDelaysRetentionAndDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := newQueue("dead")
		q := queues.New(queues.Config{Name: name, ARN: "arn:" + name, Visibility: 10 * time.Second, Retention: time.Minute, Delay: 5 * time.Second, MaxBytes: queues.MaxBytes})
		q.Redrive(dead, 2)
		began := time.Now()
		id := q.Send("one", map[string]queues.Attribute{"kind": {DataType: "String", StringValue: "test"}})
		for n, want := range []time.Duration{5 * time.Second, 15 * time.Second} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			got := q.Receive(ctx, 10, q.Visibility())
			cancel()
			if len(got) != 1 || got[0].ID != id || got[0].Receives != n+1 || time.Since(began) != want {
				t.Fatalf("after %s received is %+v", time.Since(began), got)
			}
			if len(dead.Messages()) != 0 {
				t.Error("it is dead already")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got := q.Receive(ctx, 10, q.Visibility()); len(got) != 0 {
			t.Errorf("received for the third time is %+v", got)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := dead.Receive(soon, 10, time.Second)
		if len(got) != 1 || got[0].ID != id || got[0].Body != "one" || got[0].SourceARN != q.ARN() || got[0].Receives != 1 || !got[0].Sent.Equal(began) || got[0].Attributes["kind"].StringValue != "test" {
			t.Errorf("the dead letter is %+v", got)
		}
		q.Send("two", nil)
		time.Sleep(61 * time.Second)
		gone, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if got := q.Receive(gone, 10, q.Visibility()); len(got) != 0 || len(q.Messages()) != 0 {
			t.Errorf("what is too old is received: %+v", got)
		}
	})
}
