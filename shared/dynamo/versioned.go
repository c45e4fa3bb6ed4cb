package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const attrVersion = "v" // Accounts: counts the writes of an item that is written whole

// putVersioned writes a whole item in place of the one of a version, 0 where there
// was none, and answers false where another write came first. The record's own
// version must be one more.
func (c *Client) putVersioned(ctx context.Context, doing string, record any, replaced int64) (bool, error) {
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return false, fmt.Errorf("dynamo: %s: %w", doing, err)
	}
	put := &dynamodb.PutItemInput{
		TableName: &c.names.Accounts, Item: item,
		ConditionExpression:    aws.String("attribute_not_exists(pk)"),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if replaced > 0 {
		put.ConditionExpression = aws.String(attrVersion + " = :v")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":v": number(replaced)}
	}
	out, err := c.db.PutItem(ctx, put)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return false, nil
	}
	if err != nil {
		return false, failure(doing, err)
	}
	c.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return true, nil
}

// read decodes one item, read strongly consistently; nil where there is none.
func read[R any](ctx context.Context, c *Client, key Key) (*R, error) {
	item, err := c.get(ctx, c.names.Accounts, key)
	if err != nil || item == nil {
		return nil, err
	}
	var record R
	if err := attributevalue.UnmarshalMap(item, &record); err != nil {
		return nil, fmt.Errorf("dynamo: decoding %v: %w", key, err)
	}
	return &record, nil
}
