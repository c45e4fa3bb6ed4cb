package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// Add implements rollup.Store: one conditional update. A sheet of an earlier
// epoch is replaced instead.
func (c *Client) Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (rollup.Standing, error) {
	old, err := c.addToSheet(ctx, account, epoch, delta)
	if err != nil || old == nil {
		return rollup.Standing{Added: err == nil}, err
	}
	if old.Epoch < epoch {
		if old, err = c.replaceSheet(ctx, account, epoch, delta); err != nil || old == nil {
			return rollup.Standing{Added: err == nil}, err
		}
	}
	return rollup.Standing{Upto: old.Upto, Superseded: old.Epoch > epoch}, nil
}

// addToSheet is nil where the delta was added, and otherwise the sheet that stands there.
func (c *Client) addToSheet(ctx context.Context, account string, epoch int64, delta usage.Delta) (*usage.Sheet, error) {
	values := map[string]types.AttributeValue{
		":ep":    number(epoch),
		":first": number(delta.First),
		":last":  number(delta.Last),
	}
	var expression strings.Builder
	expression.WriteString("SET u = :last, ep = :ep")
	if delta.Name != "" {
		expression.WriteString(", nm = :nm")
		values[":nm"] = text(delta.Name)
	}
	added := numbers(delta.Content)
	var names map[string]string
	for i, name := range slices.Sorted(maps.Keys(added)) {
		separator := ", "
		if i == 0 {
			separator, names = " ADD ", make(map[string]string, len(added))
		}
		id := strconv.Itoa(i)
		expression.WriteString(separator + "#" + id + " :" + id)
		names["#"+id] = name
		values[":"+id] = number(added[name])
	}
	out, err := c.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &c.names.Usage,
		Key:                                 sheetKey(account, delta.Key).attributes(),
		ConditionExpression:                 aws.String("attribute_not_exists(pk) OR (ep = :ep AND u < :first)"),
		UpdateExpression:                    aws.String(expression.String()),
		ExpressionAttributeNames:            names,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return c.standing(delta.Key, err)
	}
	c.reportWrite(ctx, "UpdateItem", one(out.ConsumedCapacity)...)
	return nil, nil
}

// replaceSheet writes the delta in place of a sheet of an earlier epoch. Its
// answer is that of addToSheet.
func (c *Client) replaceSheet(ctx context.Context, account string, epoch int64, delta usage.Delta) (*usage.Sheet, error) {
	item := sheetKey(account, delta.Key).attributes()
	item[attrUpto], item[attrEpoch] = number(delta.Last), number(epoch)
	if delta.Name != "" {
		item[attrName] = text(delta.Name)
	}
	for name, n := range numbers(delta.Content) {
		item[name] = number(n)
	}
	out, err := c.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &c.names.Usage,
		Item:                                item,
		ConditionExpression:                 aws.String(olderEpoch),
		ExpressionAttributeValues:           map[string]types.AttributeValue{":ep": number(epoch)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return c.standing(delta.Key, err)
	}
	c.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return nil, nil
}

// olderEpoch holds for an item of an earlier epoch, or of none: something is
// wrong with that one, and a rebuild mends it.
const olderEpoch = "attribute_not_exists(ep) OR ep < :ep"

// standing is the sheet that made a condition fail, as far as a roll-up needs
// it: what else is stored there may be unreadable, and a rebuild replaces it.
func (c *Client) standing(key usage.Key, err error) (*usage.Sheet, error) {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, failure(fmt.Sprintf("adding to sheet %v", key), err)
	}
	return &usage.Sheet{Key: key, Epoch: numberOf(failed.Item[attrEpoch]), Upto: numberOf(failed.Item[attrUpto])}, nil
}

// EntriesAfter implements rollup.Store.
func (c *Client) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	items, err := c.queryIndex(ctx, BySeq, &dynamodb.QueryInput{
		TableName:              &c.names.Ledger,
		KeyConditionExpression: aws.String("w = :w AND n > :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":w": text(walletKey(account).PK),
			":n": number(seq),
		},
	}, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(items))
	for i, item := range items {
		if entries[i], err = decodeEntry(item); err == nil {
			continue
		}
		if i == 0 && numberOf(item[attrSeq]) == seq+1 {
			return nil, &usage.Unfoldable{Seq: seq + 1, Reason: err.Error()}
		}
		return entries[:i], nil // it is told of when it is the first
	}
	return entries, nil
}

// Mark implements rollup.Store.
func (c *Client) Mark(ctx context.Context, account string) (usage.Mark, error) {
	item, err := c.get(ctx, c.names.Usage, markKey(account))
	if err != nil {
		return usage.Mark{}, err
	}
	return decodeMark(item), nil
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

// numberOf is zero for anything but a whole number.
func numberOf(value types.AttributeValue) int64 {
	if n, ok := value.(*types.AttributeValueMemberN); ok {
		number, _ := strconv.ParseInt(n.Value, 10, 64)
		return number
	}
	return 0
}

// MoveMark implements rollup.Store. An account that enters or leaves
// quarantine enters or leaves the list of those in the same transaction.
func (c *Client) MoveMark(ctx context.Context, account string, from, to usage.Mark) (bool, error) {
	put := c.putMark(account, from, to)
	var err error
	if from.Quarantine == to.Quarantine {
		var out *dynamodb.PutItemOutput
		out, err = c.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &c.names.Usage, Item: put.Item,
			ConditionExpression: put.ConditionExpression, ExpressionAttributeValues: put.ExpressionAttributeValues,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err == nil {
			c.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
			return true, nil
		}
	} else {
		var out *dynamodb.TransactWriteItemsOutput
		out, err = c.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems:          []types.TransactWriteItem{{Put: put}, c.listQuarantine(account, to)},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err == nil {
			c.reportWrite(ctx, "TransactWriteItems", out.ConsumedCapacity...)
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

func (c *Client) putMark(account string, from, to usage.Mark) *types.Put {
	item := markKey(account).attributes()
	item[attrSeq], item[attrEpoch] = number(to.Seq), number(to.Epoch)
	if to.Quarantine != "" {
		item[attrQuarantine] = text(to.Quarantine)
	}
	if to.Rebuild != 0 {
		item[attrRebuild] = number(to.Rebuild)
	}
	put := &types.Put{TableName: &c.names.Usage, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")}
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

func (c *Client) listQuarantine(account string, mark usage.Mark) types.TransactWriteItem {
	key := quarantineKey(account).attributes()
	if mark.Quarantine == "" {
		return types.TransactWriteItem{Delete: &types.Delete{TableName: &c.names.Accounts, Key: key}}
	}
	key[attrListKind], key[attrListID] = text(kindQuarantine), text(account)
	key[attrQuarantine] = text(mark.Quarantine)
	return types.TransactWriteItem{Put: &types.Put{TableName: &c.names.Accounts, Item: key}}
}
