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

	"drawdown/shared/rollup"
	"drawdown/shared/usage"
)

// Add implements rollup.Store: one conditional update. A sheet of an earlier
// epoch is replaced instead.
func (u *Usage) Add(ctx context.Context, account string, epoch int64, delta usage.Delta) (rollup.Standing, error) {
	old, err := u.addToSheet(ctx, account, epoch, delta)
	if err != nil || old == nil {
		return rollup.Standing{Added: err == nil}, err
	}
	if old.Epoch < epoch {
		if old, err = u.replaceSheet(ctx, account, epoch, delta); err != nil || old == nil {
			return rollup.Standing{Added: err == nil}, err
		}
	}
	return rollup.Standing{Upto: old.Upto, Superseded: old.Epoch > epoch}, nil
}

// addToSheet is nil where the delta was added, and otherwise the sheet that stands there.
func (u *Usage) addToSheet(ctx context.Context, account string, epoch int64, delta usage.Delta) (*usage.Sheet, error) {
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
	out, err := u.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                           &u.names.Usage,
		Key:                                 sheetKey(account, delta.Key).attributes(),
		ConditionExpression:                 aws.String("attribute_not_exists(pk) OR (ep = :ep AND u < :first)"),
		UpdateExpression:                    aws.String(expression.String()),
		ExpressionAttributeNames:            names,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return u.standing(delta.Key, err)
	}
	u.reportWrite(ctx, "UpdateItem", one(out.ConsumedCapacity)...)
	return nil, nil
}

// replaceSheet writes the delta in place of a sheet of an earlier epoch. Its
// answer is that of addToSheet.
func (u *Usage) replaceSheet(ctx context.Context, account string, epoch int64, delta usage.Delta) (*usage.Sheet, error) {
	item := sheetKey(account, delta.Key).attributes()
	item[attrUpto], item[attrEpoch] = number(delta.Last), number(epoch)
	if delta.Name != "" {
		item[attrName] = text(delta.Name)
	}
	for name, n := range numbers(delta.Content) {
		item[name] = number(n)
	}
	out, err := u.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &u.names.Usage,
		Item:                                item,
		ConditionExpression:                 aws.String(olderEpoch),
		ExpressionAttributeValues:           map[string]types.AttributeValue{":ep": number(epoch)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return u.standing(delta.Key, err)
	}
	u.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return nil, nil
}

// olderEpoch holds for an item of an earlier epoch, or of none: something is
// wrong with that one, and a rebuild mends it.
const olderEpoch = "attribute_not_exists(ep) OR ep < :ep"

// standing is the sheet that made a condition fail, as far as a roll-up needs
// it: what else is stored there may be unreadable, and a rebuild replaces it.
func (u *Usage) standing(key usage.Key, err error) (*usage.Sheet, error) {
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return nil, failure(fmt.Sprintf("adding to sheet %v", key), err)
	}
	return &usage.Sheet{Key: key, Epoch: numberOf(failed.Item[attrEpoch]), Upto: numberOf(failed.Item[attrUpto])}, nil
}
