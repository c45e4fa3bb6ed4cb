package permission_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	events "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	objects "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	messages "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"drawdown/infra/emulator/iam"
	"drawdown/infra/emulator/permission"
)

// needed sends a request as the SDK does, and gives what is reported of it. The service must get it whole.
func needed(t *testing.T, read permission.Reader, send func(aws.Config)) []iam.Request {
	t.Helper()
	var reported []iam.Request
	sent, served := 0, -1
	service := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent, served = int(r.ContentLength), len(text)
	})
	server := httptest.NewServer(permission.Watch(service, read, func(accessKey string, needed []iam.Request) {
		if accessKey != "CALLER" {
			t.Errorf("the caller is %q", accessKey)
		}
		reported = needed
	}))
	defer server.Close()
	send(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("CALLER", "secret", ""),
	})
	if sent != served {
		t.Errorf("the service has got %d of %d bytes", served, sent)
	}
	return reported
}

func key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: "s"}}
}

func partition(table, index string) (string, error) {
	return map[string]string{"T": "pk", "T/by_kind": "kind", "U": "pk"}[strings.TrimSuffix(table+"/"+index, "/")], nil
}

const (
	tableT = "arn:aws:dynamodb:us-east-1:000000000000:table/T"
	tableU = "arn:aws:dynamodb:us-east-1:000000000000:table/U"
)

func on(action, resource string, keys ...string) iam.Request {
	r := iam.Request{Action: action, Resource: resource}
	if strings.HasPrefix(action, "dynamodb:") {
		r.Context = map[string][]string{}
	}
	if len(keys) > 0 {
		r.Context["dynamodb:LeadingKeys"] = keys
	}
	return r
}

// The SDK's answer is of no interest here: what is asked for is.
func TestDynamoDB(t *testing.T) {
	ctx, table := t.Context(), aws.String("T")
	for name, c := range map[string]struct {
		send func(*dynamodb.Client)
		want []iam.Request
	}{
		"GetItem": {
			func(c *dynamodb.Client) {
				_, _ = c.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key("A#1")})
			},
			[]iam.Request{on("dynamodb:GetItem", tableT, "A#1")},
		},
		"PutItem": {
			func(c *dynamodb.Client) {
				_, _ = c.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: key("A#1")})
			},
			[]iam.Request{on("dynamodb:PutItem", tableT, "A#1")},
		},
		"UpdateItem": {
			func(c *dynamodb.Client) {
				_, _ = c.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: key("A#1")})
			},
			[]iam.Request{on("dynamodb:UpdateItem", tableT, "A#1")},
		},
		"DeleteItem": {
			func(c *dynamodb.Client) {
				_, _ = c.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: key("A#1")})
			},
			[]iam.Request{on("dynamodb:DeleteItem", tableT, "A#1")},
		},
		"Query of a table": {
			func(c *dynamodb.Client) {
				_, _ = c.Query(ctx, &dynamodb.QueryInput{
					TableName: table, KeyConditionExpression: aws.String("sk = :s AND pk = :p"),
					ExpressionAttributeValues: map[string]types.AttributeValue{
						":p": &types.AttributeValueMemberS{Value: "A#1"}, ":s": &types.AttributeValueMemberS{Value: "s"},
					},
				})
			},
			[]iam.Request{on("dynamodb:Query", tableT, "A#1")},
		},
		"Query of an index": {
			func(c *dynamodb.Client) {
				_, _ = c.Query(ctx, &dynamodb.QueryInput{
					TableName: table, IndexName: aws.String("by_kind"), KeyConditionExpression: aws.String("#k=:k and pk > :p"),
					ExpressionAttributeNames: map[string]string{"#k": "kind"},
					ExpressionAttributeValues: map[string]types.AttributeValue{
						":k": &types.AttributeValueMemberN{Value: "7"}, ":p": &types.AttributeValueMemberS{Value: "A#1"},
					},
				})
			},
			[]iam.Request{on("dynamodb:Query", tableT+"/index/by_kind", "7")},
		},
		"BatchGetItem": {
			func(c *dynamodb.Client) {
				_, _ = c.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
					"U": {Keys: []map[string]types.AttributeValue{key("C")}},
					"T": {Keys: []map[string]types.AttributeValue{key("A#1"), key("A#2"), key("A#1")}},
				}})
			},
			[]iam.Request{on("dynamodb:BatchGetItem", tableT, "A#1", "A#2"), on("dynamodb:BatchGetItem", tableU, "C")},
		},
		"TransactWriteItems": {
			func(c *dynamodb.Client) {
				_, _ = c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
					{Put: &types.Put{TableName: table, Item: key("A#1")}},
					{Put: &types.Put{TableName: table, Item: key("A#2")}},
					{Put: &types.Put{TableName: aws.String("U"), Item: key("A#3")}},
					{Update: &types.Update{TableName: table, Key: key("A#4"), UpdateExpression: aws.String("SET a = :a")}},
					{Delete: &types.Delete{TableName: table, Key: key("A#5")}},
					{ConditionCheck: &types.ConditionCheck{TableName: table, Key: key("A#6"), ConditionExpression: aws.String("attribute_exists(pk)")}},
				}})
			},
			[]iam.Request{
				on("dynamodb:PutItem", tableT, "A#1", "A#2"), on("dynamodb:PutItem", tableU, "A#3"),
				on("dynamodb:UpdateItem", tableT, "A#4"), on("dynamodb:DeleteItem", tableT, "A#5"), on("dynamodb:ConditionCheckItem", tableT, "A#6"),
			},
		},
		"Scan": {
			func(c *dynamodb.Client) { _, _ = c.Scan(ctx, &dynamodb.ScanInput{TableName: table}) },
			[]iam.Request{on("dynamodb:Scan", "*")}, // has no rule: no role is enough for it
		},
	} {
		got := needed(t, permission.DynamoDB(partition), func(config aws.Config) { c.send(dynamodb.NewFromConfig(config)) })
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s needs\n%v\nwant\n%v", name, got, c.want)
		}
	}
}

func TestServices(t *testing.T) {
	ctx, queue, text := t.Context(), aws.String("http://127.0.0.1:1/000000000000/q"), aws.String("x")
	const queueARN = "arn:aws:sqs:us-east-1:000000000000:q"
	for name, c := range map[string]struct {
		read permission.Reader
		send func(aws.Config)
		want []iam.Request
	}{
		"PutEvents": {permission.Services, func(c aws.Config) {
			_, _ = eventbridge.NewFromConfig(c).PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []events.PutEventsRequestEntry{
				{EventBusName: aws.String("mine")}, {},
			}})
		}, []iam.Request{
			on("events:PutEvents", "arn:aws:events:us-east-1:000000000000:event-bus/mine"),
			on("events:PutEvents", "arn:aws:events:us-east-1:000000000000:event-bus/default"),
		}},
		"PutRule": {permission.Services, func(c aws.Config) {
			_, _ = eventbridge.NewFromConfig(c).PutRule(ctx, &eventbridge.PutRuleInput{Name: text})
		}, []iam.Request{on("events:PutRule", "*")}},
		"SendMessage": {permission.Services, func(c aws.Config) {
			_, _ = sqs.NewFromConfig(c).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: text})
		}, []iam.Request{on("sqs:SendMessage", queueARN)}},
		"DeleteMessageBatch": {permission.Services, func(c aws.Config) {
			_, _ = sqs.NewFromConfig(c).DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{
				QueueUrl: queue, Entries: []messages.DeleteMessageBatchRequestEntry{{Id: text, ReceiptHandle: text}},
			})
		}, []iam.Request{on("sqs:DeleteMessage", queueARN)}},
		"GetSecretValue": {permission.Services, func(c aws.Config) {
			_, _ = secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
				SecretId: aws.String("arn:aws:secretsmanager:us-east-1:000000000000:secret:k-abcdef"),
			})
		}, []iam.Request{on("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:000000000000:secret:k-abcdef")}},
		"PutObject": {permission.S3, func(c aws.Config) {
			_, _ = bucketClient(c).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("a/b"), Body: strings.NewReader("text")})
		}, []iam.Request{on("s3:PutObject", "arn:aws:s3:::b/a/b")}},
		"GetObject": {permission.S3, func(c aws.Config) {
			_, _ = bucketClient(c).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a/b")})
		}, []iam.Request{on("s3:GetObject", "arn:aws:s3:::b/a/b")}},
		"ListObjectsV2": {permission.S3, func(c aws.Config) {
			_, _ = bucketClient(c).ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("b")})
		}, []iam.Request{on("s3:ListBucket", "arn:aws:s3:::b")}},
		"DeleteObjects": {permission.S3, func(c aws.Config) {
			_, _ = bucketClient(c).DeleteObjects(ctx, &s3.DeleteObjectsInput{
				Bucket: aws.String("b"), Delete: &objects.Delete{Objects: []objects.ObjectIdentifier{{Key: aws.String("a")}}},
			})
		}, []iam.Request{on("s3:DeleteObject", "arn:aws:s3:::b/*")}},
		"Invoke": {permission.Lambda, func(c aws.Config) {
			_, _ = lambda.NewFromConfig(c).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
		}, []iam.Request{on("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:f")}},
	} {
		if got := needed(t, c.read, c.send); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s needs\n%v\nwant\n%v", name, got, c.want)
		}
	}
}

func bucketClient(c aws.Config) *s3.Client {
	return s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
}

// What cannot be read is not passed on: it would be served without anybody having looked.
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	served := false
	service := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true })
	for _, body := range []string{"no JSON", `{"TableName":"T"}`, `{"TableName":"T","Key":{"pk":{"M":{}}}}`} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810.GetItem")
		w := httptest.NewRecorder()
		permission.Watch(service, permission.DynamoDB(partition), func(string, []iam.Request) {
			t.Errorf("%s is reported", body)
		}).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || served {
			t.Errorf("%s is answered %d", body, w.Code)
		}
	}
}
