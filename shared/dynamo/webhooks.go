package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/events"
	"drawdown/shared/webhooks"
)

// Webhooks is the endpoints of webhooks, and the deliveries on their way to them.
type Webhooks struct{ *core }

// Endpoint reads an endpoint strongly consistently; nil where there is none.
func (w *Webhooks) Endpoint(ctx context.Context, id string) (*webhooks.Endpoint, error) {
	item, err := w.get(ctx, w.names.Accounts, endpointKey(id))
	if err != nil || item == nil {
		return nil, err
	}
	endpoint, err := decodeEndpoint(item)
	return &endpoint, err
}

// Endpoints lists endpoints by id, those after the given id, at most limit. A
// change shows there after moments.
func (w *Webhooks) Endpoints(ctx context.Context, after string, limit int) ([]webhooks.Endpoint, error) {
	items, err := w.list(ctx, kindEndpoint, after, limit)
	if err != nil {
		return nil, err
	}
	endpoints := make([]webhooks.Endpoint, len(items))
	for i, item := range items {
		if endpoints[i], err = decodeEndpoint(item); err != nil {
			return nil, err
		}
	}
	return endpoints, nil
}

// SaveEndpoint writes an endpoint, a new one or over the version that was read.
// It reports false where another has written it meanwhile.
func (w *Webhooks) SaveEndpoint(ctx context.Context, endpoint webhooks.Endpoint) (bool, error) {
	key := endpointKey(endpoint.ID)
	item, err := attributevalue.MarshalMap(endpointRecord{
		PK: key.PK, SK: key.SK, ListKind: kindEndpoint, ID: endpoint.ID,
		URL:            endpoint.URL,
		Events:         mapped(endpoint.Events, func(t events.Type) string { return string(t) }),
		Enabled:        endpoint.Enabled,
		DisabledReason: endpoint.DisabledReason,
		Secret:         endpoint.Secret,
		Previous:       endpoint.Previous,
		PreviousUntil:  millis(endpoint.PreviousUntil),
		CreatedAt:      millis(endpoint.CreatedAt),
		UpdatedAt:      millis(endpoint.UpdatedAt),
		Version:        endpoint.Version + 1,
	})
	if err != nil {
		return false, fmt.Errorf("dynamo: encoding endpoint %s: %w", endpoint.ID, err)
	}
	put := &dynamodb.PutItemInput{
		TableName:              &w.names.Accounts,
		Item:                   item,
		ConditionExpression:    aws.String("attribute_not_exists(pk)"),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if endpoint.Version > 0 {
		put.ConditionExpression = aws.String("v = :v")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":v": number(endpoint.Version)}
	}
	out, err := w.db.PutItem(ctx, put)
	if conditionFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("writing endpoint "+endpoint.ID, err)
	}
	w.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return true, nil
}

// RemoveEndpoint removes an endpoint. Its deliveries that are still due fail
// when their time comes. It reports false where there is no such endpoint.
func (w *Webhooks) RemoveEndpoint(ctx context.Context, id string) (bool, error) {
	out, err := w.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:              &w.names.Accounts,
		Key:                    endpointKey(id).attributes(),
		ConditionExpression:    aws.String("attribute_exists(pk)"),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if conditionFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, failure("removing endpoint "+id, err)
	}
	w.reportWrite(ctx, "DeleteItem", one(out.ConsumedCapacity)...)
	return true, nil
}

type endpointRecord struct {
	PK             string   `dynamodbav:"pk"`
	SK             string   `dynamodbav:"sk"`
	ListKind       string   `dynamodbav:"lk"`
	ID             string   `dynamodbav:"li"`
	URL            string   `dynamodbav:"u"`
	Events         []string `dynamodbav:"ev,omitempty"`
	Enabled        bool     `dynamodbav:"en"`
	DisabledReason string   `dynamodbav:"dr,omitempty"`
	Secret         string   `dynamodbav:"se"`
	Previous       string   `dynamodbav:"ps,omitempty"`
	PreviousUntil  int64    `dynamodbav:"pt,omitempty"`
	CreatedAt      int64    `dynamodbav:"ca"`
	UpdatedAt      int64    `dynamodbav:"ua"`
	Version        int64    `dynamodbav:"v"`
}

func decodeEndpoint(item map[string]types.AttributeValue) (webhooks.Endpoint, error) {
	var r endpointRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return webhooks.Endpoint{}, fmt.Errorf("dynamo: decoding an endpoint: %w", err)
	}
	return webhooks.Endpoint{
		ID:             r.ID,
		URL:            r.URL,
		Events:         mapped(r.Events, func(s string) events.Type { return events.Type(s) }),
		Enabled:        r.Enabled,
		DisabledReason: r.DisabledReason,
		Secret:         r.Secret,
		Previous:       r.Previous,
		PreviousUntil:  instant(r.PreviousUntil),
		CreatedAt:      instant(r.CreatedAt),
		UpdatedAt:      instant(r.UpdatedAt),
		Version:        r.Version,
	}, nil
}
