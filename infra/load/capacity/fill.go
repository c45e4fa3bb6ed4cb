package capacity

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"drawdown/shared/dynamo"
	"drawdown/shared/usage"
)

// writesABatch is the most items that one batch may write.
const writesABatch = 25

// filler writes many sheets fast. The store itself writes the first of each shape;
// the others are copies of that item for other agents and periods, because a
// thousand updates of a hundred numbers would take long.
type filler struct {
	db    *dynamodb.Client
	table string
	store *dynamo.Usage
	key   Item // of the last sheet that the store has written

	written map[shape]model
	waiting []types.WriteRequest
}

// shape is what sheets that are copies of each other have in common.
type shape struct {
	kind usage.Kind
	days int
}

type model struct {
	sheet usage.Delta
	item  Item
}

func newFiller(db *dynamodb.Client, names dynamo.Names) *filler {
	f := &filler{db: db, table: names.Usage, written: map[shape]model{}}
	f.store = dynamo.New(dynamodb.New(db.Options(), func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("capacity.filler", f.see), middleware.After)
		})
	}), names, nil).Usage
	return f
}

func (f *filler) see(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if update, ok := in.Parameters.(*dynamodb.UpdateItemInput); ok {
		f.key = update.Key
	}
	return next.HandleInitialize(ctx, in)
}

func (f *filler) fill(ctx context.Context, account string, sheets []usage.Delta) error {
	for _, sheet := range sheets {
		first, known := f.written[shape{sheet.Kind, len(sheet.Days)}]
		if !known {
			if err := f.first(ctx, account, sheet); err != nil {
				return err
			}
			continue
		}
		f.waiting = append(f.waiting, types.WriteRequest{PutRequest: &types.PutRequest{Item: copyOf(first.item, first.sheet, sheet)}})
		if len(f.waiting) == writesABatch {
			if err := f.flush(ctx); err != nil {
				return err
			}
		}
	}
	return f.flush(ctx)
}

func (f *filler) first(ctx context.Context, account string, sheet usage.Delta) error {
	if err := fill(ctx, f.store, account, []usage.Delta{sheet}); err != nil {
		return err
	}
	out, err := f.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &f.table, Key: f.key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return err
	}
	f.written[shape{sheet.Kind, len(sheet.Days)}] = model{sheet, out.Item}
	return nil
}

func (f *filler) flush(ctx context.Context) error {
	if len(f.waiting) == 0 {
		return nil
	}
	out, err := f.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{f.table: f.waiting}})
	if err == nil && len(out.UnprocessedItems) > 0 {
		err = errors.New("sheets were not written")
	}
	f.waiting = nil
	return err
}

// copyOf returns a sheet's item with another agent and period in its keys and its
// name.
func copyOf(item Item, from, to usage.Delta) Item {
	var pairs []string
	for _, pair := range [][2]string{{from.Agent, to.Agent}, {from.Name, to.Name}, {from.Period, to.Period}} {
		if pair[0] != "" {
			pairs = append(pairs, pair[0], pair[1])
		}
	}
	replacer := strings.NewReplacer(pairs...)
	copied := Item{}
	for name, value := range item {
		copied[name] = value
		if text, isString := value.(*types.AttributeValueMemberS); isString {
			copied[name] = &types.AttributeValueMemberS{Value: replacer.Replace(text.Value)}
		}
	}
	return copied
}
