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

// The reasons that DynamoDB gives for cancelling a transaction, by position.
const (
	reasonCondition = "ConditionalCheckFailed"
	reasonConflict  = "TransactionConflict"
	reasonThrottled = "ThrottlingError"
	reasonProvision = "ProvisionedThroughputExceeded"
)

func putNew(table string, item map[string]types.AttributeValue) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:           &table,
		Item:                item,
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	}}
}

const attrVersion = "v" // Accounts: counts the writes of an item that is written whole

// putVersioned writes a whole item in place of the one of a version, 0 where there
// was none, and answers false where another write came first. The record's own
// version must be one more.
func (c *core) putVersioned(ctx context.Context, doing string, record any, replaced int64) (bool, error) {
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

func conditionFailed(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}
