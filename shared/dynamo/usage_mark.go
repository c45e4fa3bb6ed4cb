package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/usage"
)

// Mark implements rollup.Store.
func (u *Usage) Mark(ctx context.Context, account string) (usage.Mark, error) {
	item, err := u.get(ctx, u.names.Usage, markKey(account))
	if err != nil {
		return usage.Mark{}, err
	}
	return decodeMark(item), nil
}

// LaggingMark is how far the account is folded, at least, at half the price of
// Mark: an older one is true of what is read strongly consistently after it.
func (u *Usage) LaggingMark(ctx context.Context, account string) (usage.Mark, error) {
	item, err := u.getLagging(ctx, u.names.Usage, markKey(account))
	return decodeMark(item), err
}

const (
	attrQuarantine = "q"
	attrRebuild    = "rb"
)

func decodeMark(item map[string]types.AttributeValue) usage.Mark {
	return usage.Mark{
		Epoch:      numberOf(item[attrEpoch]),
		Seq:        numberOf(item[attrSeq]),
		Rebuild:    numberOf(item[attrRebuild]),
		Quarantine: stringOf(item[attrQuarantine]),
	}
}

// MoveMark implements rollup.Store. An account that enters or leaves
// quarantine enters or leaves the list of those in the same transaction.
func (u *Usage) MoveMark(ctx context.Context, account string, from, to usage.Mark) (bool, error) {
	put := u.putMark(account, from, to)
	var err error
	if from.Quarantine == to.Quarantine {
		var out *dynamodb.PutItemOutput
		out, err = u.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &u.names.Usage, Item: put.Item,
			ConditionExpression: put.ConditionExpression, ExpressionAttributeValues: put.ExpressionAttributeValues,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err == nil {
			u.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
			return true, nil
		}
	} else {
		var out *dynamodb.TransactWriteItemsOutput
		out, err = u.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems:          []types.TransactWriteItem{{Put: put}, u.listQuarantine(account, to)},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err == nil {
			u.reportWrite(ctx, "TransactWriteItems", out.ConsumedCapacity...)
			return true, nil
		}
	}
	var failed *types.ConditionalCheckFailedException
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &failed) || errors.As(err, &cancelled) && aws.ToString(cancelled.CancellationReasons[0].Code) == reasonCondition {
		return false, nil
	}
	return false, failure("moving the mark of "+account, err)
}

func (u *Usage) putMark(account string, from, to usage.Mark) *types.Put {
	item := markKey(account).attributes()
	item[attrSeq], item[attrEpoch] = number(to.Seq), number(to.Epoch)
	if to.Quarantine != "" {
		item[attrQuarantine] = text(to.Quarantine)
	}
	if to.Rebuild != 0 {
		item[attrRebuild] = number(to.Rebuild)
	}
	put := &types.Put{TableName: &u.names.Usage, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if from != (usage.Mark{}) {
		condition := "n = :n AND ep = :ep AND attribute_not_exists(q)"
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":n": number(from.Seq), ":ep": number(from.Epoch)}
		if from.Quarantine != "" {
			condition = "n = :n AND ep = :ep AND q = :q"
			put.ExpressionAttributeValues[":q"] = text(from.Quarantine)
		}
		put.ConditionExpression = &condition
	}
	return put
}

func (u *Usage) listQuarantine(account string, mark usage.Mark) types.TransactWriteItem {
	key := quarantineKey(account).attributes()
	if mark.Quarantine == "" {
		return types.TransactWriteItem{Delete: &types.Delete{TableName: &u.names.Accounts, Key: key}}
	}
	key[attrListKind], key[attrListID] = text(kindQuarantine), text(account)
	key[attrQuarantine] = text(mark.Quarantine)
	return types.TransactWriteItem{Put: &types.Put{TableName: &u.names.Accounts, Item: key}}
}

// Quarantined lists the accounts that are not folded, by id, those after the
// given one, at most limit.
func (u *Usage) Quarantined(ctx context.Context, after string, limit int) ([]string, error) {
	items, err := u.list(ctx, kindQuarantine, after, limit)
	accounts := make([]string, len(items))
	for i, item := range items {
		accounts[i] = stringOf(item[attrListID])
	}
	return accounts, err
}
