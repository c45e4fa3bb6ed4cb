package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/access"
)

type apiKeyRecord struct {
	PK        string   `dynamodbav:"pk"`
	SK        string   `dynamodbav:"sk"`
	ListKind  string   `dynamodbav:"lk"`
	ID        string   `dynamodbav:"li"`
	Name      string   `dynamodbav:"nm,omitempty"`
	Scopes    []string `dynamodbav:"sc"`
	Account   string   `dynamodbav:"ac,omitempty"`
	Hash      []byte   `dynamodbav:"h"`
	CreatedAt int64    `dynamodbav:"ca"`
	RevokedAt int64    `dynamodbav:"rv,omitempty"`
}

// Key implements access.Keys, strongly consistently.
func (a *Accounts) Key(ctx context.Context, id string) (*access.Key, error) {
	item, err := a.get(ctx, a.names.Accounts, apiKeyKey(id))
	if err != nil || item == nil {
		return nil, err
	}
	key, err := decodeAPIKey(item)
	return &key, err
}

// AddKey stores a new key.
func (a *Accounts) AddKey(ctx context.Context, key access.Key) error {
	primary := apiKeyKey(key.ID)
	item, err := attributevalue.MarshalMap(apiKeyRecord{
		PK: primary.PK, SK: primary.SK, ListKind: kindKey, ID: key.ID,
		Name:      key.Name,
		Scopes:    mapped(key.Scopes, func(s access.Scope) string { return string(s) }),
		Account:   key.Account,
		Hash:      key.Hash[:],
		CreatedAt: millis(key.CreatedAt),
	})
	if err != nil {
		return fmt.Errorf("dynamo: encoding key %s: %w", key.ID, err)
	}
	out, err := a.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:              &a.names.Accounts,
		Item:                   item,
		ConditionExpression:    aws.String("attribute_not_exists(pk)"),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failure("adding key "+key.ID, err)
	}
	a.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return nil
}

// Keys lists keys by id, those after the given id, at most limit.
func (a *Accounts) Keys(ctx context.Context, after string, limit int) ([]access.Key, error) {
	items, err := a.list(ctx, kindKey, after, limit)
	if err != nil {
		return nil, err
	}
	keys := make([]access.Key, len(items))
	for i, item := range items {
		if keys[i], err = decodeAPIKey(item); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// RevokeKey revokes a key for ever; its first revocation stands. It reports
// false where there is no such key.
func (a *Accounts) RevokeKey(ctx context.Context, id string, at time.Time) (bool, error) {
	out, err := a.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &a.names.Accounts,
		Key:                       apiKeyKey(id).attributes(),
		ConditionExpression:       aws.String("attribute_exists(pk)"),
		UpdateExpression:          aws.String("SET rv = if_not_exists(rv, :at)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": number(millis(at))},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	})
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return false, nil
	}
	if err != nil {
		return false, failure("revoking key "+id, err)
	}
	a.reportWrite(ctx, "UpdateItem", one(out.ConsumedCapacity)...)
	return true, nil
}

func decodeAPIKey(item map[string]types.AttributeValue) (access.Key, error) {
	var r apiKeyRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return access.Key{}, fmt.Errorf("dynamo: decoding a key: %w", err)
	}
	key := access.Key{
		ID:        r.ID,
		Name:      r.Name,
		Scopes:    mapped(r.Scopes, func(s string) access.Scope { return access.Scope(s) }),
		Account:   r.Account,
		CreatedAt: instant(r.CreatedAt),
		RevokedAt: instant(r.RevokedAt),
	}
	copy(key.Hash[:], r.Hash)
	return key, nil
}
