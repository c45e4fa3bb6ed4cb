package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/usage"
)

// Usage is what the roll-up folds entries into, and how far it has come: with the
// entries of a Ledger it is a rollup.Store.
type Usage struct {
	*core
	known known
}

// Days reads an account's sheets of the days from first to last, inclusive,
// with one Query, strongly consistently: they hold at least what a mark says
// that was read before.
func (u *Usage) Days(ctx context.Context, account, first, last string) ([]usage.Sheet, error) {
	items, err := u.query(ctx, u.between(usagePK(account), daySK+first, daySK+last))
	if err != nil {
		return nil, err
	}
	return decodeSheets(account, items)
}

// AgentDays reads one agent's sheets of the days from first to last, inclusive.
func (u *Usage) AgentDays(ctx context.Context, account, agent, first, last string) ([]usage.Sheet, error) {
	items, err := u.query(ctx, u.between(agentPK(account, agent), daySK+first, daySK+last))
	if err != nil {
		return nil, err
	}
	return decodeSheets(account, items)
}

// LaggingAgentMonths reads the sheets of all agents of the months from first to
// last, inclusive. These are the largest by far, so they are read at half the
// price, and may lack what was folded moments ago.
func (u *Usage) LaggingAgentMonths(ctx context.Context, account, first, last string) ([]usage.Sheet, error) {
	// '$' follows '#', so that this is after the last agent of the month.
	items, err := u.queryLagging(ctx, u.between(usagePK(account), agentSK+first+"#", agentSK+last+"$"))
	if err != nil {
		return nil, err
	}
	return decodeSheets(account, items)
}

// between is a query of a part of a partition of Usage, with both its ends.
func (u *Usage) between(pk, from, to string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName:              &u.names.Usage,
		KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": text(pk), ":from": text(from), ":to": text(to),
		},
	}
}

func decodeSheets(account string, items []map[string]types.AttributeValue) ([]usage.Sheet, error) {
	sheets := make([]usage.Sheet, 0, len(items))
	for _, item := range items {
		sheet, isSheet, err := decodeSheet(account, item)
		if err != nil {
			return nil, err
		}
		if isSheet {
			sheets = append(sheets, sheet)
		}
	}
	return sheets, nil
}

// AllSheets reads every sheet of an account strongly consistently, for its proof.
func (u *Usage) AllSheets(ctx context.Context, account string) ([]usage.Sheet, error) {
	var sheets []usage.Sheet
	err := u.eachUsageItem(ctx, account, func(_ Key, item map[string]types.AttributeValue) error {
		sheet, isSheet, err := decodeSheet(account, item)
		if err != nil {
			sheet.Unreadable = err.Error()
			sheet.Epoch, sheet.Upto = numberOf(item[attrEpoch]), numberOf(item[attrUpto])
		}
		if isSheet {
			sheets = append(sheets, sheet)
		}
		return nil
	})
	return sheets, err
}

// RemoveBefore implements rollup.Store. Agents' partitions go first: they are
// found by the agents' months, which are in the account's.
func (u *Usage) RemoveBefore(ctx context.Context, account string, epoch int64) error {
	var stale []Key
	err := u.eachUsageItem(ctx, account, func(key Key, item map[string]types.AttributeValue) error {
		if key.SK != markSK && numberOf(item[attrEpoch]) < epoch {
			stale = append(stale, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range stale {
		out, err := u.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName:                 &u.names.Usage,
			Key:                       key.attributes(),
			ConditionExpression:       aws.String(olderEpoch),
			ExpressionAttributeValues: map[string]types.AttributeValue{":ep": number(epoch)},
			ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
		})
		var failed *types.ConditionalCheckFailedException
		if errors.As(err, &failed) {
			continue // replaced or removed meanwhile
		}
		if err != nil {
			return failure("removing an old sheet", err)
		}
		u.reportWrite(ctx, "DeleteItem", one(out.ConsumedCapacity)...)
	}
	return nil
}

// eachUsageItem visits every item of an account in Usage, strongly
// consistently: first those of its agents, then its own.
func (u *Usage) eachUsageItem(ctx context.Context, account string, visit func(Key, map[string]types.AttributeValue) error) error {
	own, err := u.partition(ctx, usagePK(account))
	if err != nil {
		return err
	}
	agents := map[string]bool{}
	for _, item := range own {
		if rest, found := strings.CutPrefix(stringOf(item[attrSK]), agentSK); found {
			_, agent, _ := strings.Cut(rest, "#")
			agents[agent] = true
		}
	}
	for agent := range agents {
		items, err := u.partition(ctx, agentPK(account, agent))
		if err != nil {
			return err
		}
		if err := visitAll(items, visit); err != nil {
			return err
		}
	}
	return visitAll(own, visit)
}

func visitAll(items []map[string]types.AttributeValue, visit func(Key, map[string]types.AttributeValue) error) error {
	for _, item := range items {
		if err := visit(Key{stringOf(item[attrPK]), stringOf(item[attrSK])}, item); err != nil {
			return err
		}
	}
	return nil
}

func (u *Usage) partition(ctx context.Context, pk string) ([]map[string]types.AttributeValue, error) {
	return u.query(ctx, &dynamodb.QueryInput{
		TableName:                 &u.names.Usage,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(pk)},
	})
}
