package capacity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/dynamo"
)

// write is one item that a request writes, or checks in a transaction.
type write struct {
	table         string
	key           Item
	transactional bool
	inPlace       bool // an update, not a put or delete
}

// name identifies the item.
func (w write) name() string {
	var name strings.Builder
	name.WriteString(w.table)
	for _, attribute := range slices.Sorted(maps.Keys(w.key)) {
		if value, isString := w.key[attribute].(*types.AttributeValueMemberS); isString {
			name.WriteString(" " + value.Value)
		}
	}
	return name.String()
}

// writesOf lists what a request writes. The key of a put item is found by the
// schema of its table.
func writesOf(input any, schema map[string]dynamo.Table) []write {
	key := func(table *string, item Item) Item {
		t := schema[aws.ToString(table)]
		return pick(item, t.Partition, t.Sort)
	}
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		return []write{{aws.ToString(in.TableName), key(in.TableName, in.Item), false, false}}
	case *dynamodb.UpdateItemInput:
		return []write{{aws.ToString(in.TableName), in.Key, false, true}}
	case *dynamodb.DeleteItemInput:
		return []write{{aws.ToString(in.TableName), in.Key, false, false}}
	case *dynamodb.TransactWriteItemsInput:
		writes := make([]write, 0, len(in.TransactItems))
		for _, item := range in.TransactItems {
			switch {
			case item.Put != nil:
				writes = append(writes, write{aws.ToString(item.Put.TableName), key(item.Put.TableName, item.Put.Item), true, false})
			case item.Update != nil:
				writes = append(writes, write{aws.ToString(item.Update.TableName), item.Update.Key, true, true})
			case item.Delete != nil:
				writes = append(writes, write{aws.ToString(item.Delete.TableName), item.Delete.Key, true, false})
			case item.ConditionCheck != nil:
				writes = append(writes, write{aws.ToString(item.ConditionCheck.TableName), item.ConditionCheck.Key, true, false})
			}
		}
		return writes
	}
	return nil
}

// readsOf counts what a request has read. If a read returns less than it is charged
// for, its cost cannot be counted from the answer, and that is an error.
func readsOf(input, output any) (float64, error) {
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		out, ok := output.(*dynamodb.GetItemOutput)
		if !ok || in.ProjectionExpression != nil {
			return 0, uncountable(input)
		}
		return readUnits(Size(out.Item), aws.ToBool(in.ConsistentRead)), nil
	case *dynamodb.QueryInput:
		out, ok := output.(*dynamodb.QueryOutput)
		if !ok || in.ProjectionExpression != nil || in.FilterExpression != nil || in.Select == types.SelectCount {
			return 0, uncountable(input)
		}
		return readUnits(total(out.Items, Size), aws.ToBool(in.ConsistentRead)), nil
	case *dynamodb.BatchGetItemInput:
		out, ok := output.(*dynamodb.BatchGetItemOutput)
		if !ok {
			return 0, uncountable(input)
		}
		return batchUnits(in, out), nil
	case *dynamodb.PutItemInput, *dynamodb.UpdateItemInput, *dynamodb.DeleteItemInput, *dynamodb.TransactWriteItemsInput:
		return 0, nil
	}
	return 0, uncountable(input)
}

// batchUnits counts a batch: each item by itself, including missing ones, but not
// those left unprocessed.
func batchUnits(in *dynamodb.BatchGetItemInput, out *dynamodb.BatchGetItemOutput) float64 {
	var units float64
	for table, asked := range in.RequestItems {
		consistent := aws.ToBool(asked.ConsistentRead)
		for _, item := range out.Responses[table] {
			units += readUnits(Size(item), consistent)
		}
		missing := len(asked.Keys) - len(out.Responses[table]) - len(out.UnprocessedKeys[table].Keys)
		units += float64(missing) * readUnits(0, consistent)
	}
	return units
}

func uncountable(input any) error {
	return fmt.Errorf("capacity: no rule to count a %T like this one", input)
}

// reportedOf returns what DynamoDB reports that a request has consumed; for writes,
// tables and indexes together.
func reportedOf(output any) Units {
	var units Units
	switch out := output.(type) {
	case *dynamodb.GetItemOutput:
		units.Read = consumed(out.ConsumedCapacity)
	case *dynamodb.QueryOutput:
		units.Read = consumed(out.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		units.Read = consumedAll(out.ConsumedCapacity)
	case *dynamodb.PutItemOutput:
		units.Write = consumed(out.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		units.Write = consumed(out.ConsumedCapacity)
	case *dynamodb.DeleteItemOutput:
		units.Write = consumed(out.ConsumedCapacity)
	case *dynamodb.TransactWriteItemsOutput:
		units.Write = consumedAll(out.ConsumedCapacity)
	}
	return units
}

func consumed(c *types.ConsumedCapacity) float64 {
	if c == nil {
		return 0
	}
	return aws.ToFloat64(c.CapacityUnits)
}

func consumedAll(all []types.ConsumedCapacity) float64 {
	var sum float64
	for i := range all {
		sum += consumed(&all[i])
	}
	return sum
}
