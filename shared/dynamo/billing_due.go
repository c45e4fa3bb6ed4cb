package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
)

// The buckets of the index due, beside that of deliveries.
const (
	dueRenewals = "RENEW"  // subscriptions that the calendar must look at, by the time from which on it must
	dueBills    = "BILL"   // overage to be billed, by the time of its intent
	dueRefills  = "REFILL" // accounts with automatic refill, by their ids
)

// dueRecord is the part of any item in a bucket that the index has.
type dueRecord struct {
	PK    string `dynamodbav:"pk"`
	SK    string `dynamodbav:"sk"`
	Place string `dynamodbav:"dt"`
}

func (r dueRecord) account() string { return strings.TrimPrefix(r.PK, "A#") }

// DueRenewals lists the subscriptions that the calendar must look at, the earliest
// first, after a place in that list, at most limit; "" is its start. The index may
// lag behind by moments.
func (b *Billing) DueRenewals(ctx context.Context, after string, limit int) ([]billing.DueItem, error) {
	due, err := b.due(ctx, dueRenewals, after, limit)
	return mapped(due, func(r dueRecord) billing.DueItem {
		at, err := leadingTime(r.Place)
		return billing.DueItem{Account: r.account(), At: at, Place: r.Place, Err: err}
	}), err
}

// DueBills lists the overage that has no invoice yet, as DueRenewals does.
func (b *Billing) DueBills(ctx context.Context, after string, limit int) ([]billing.DueItem, error) {
	due, err := b.due(ctx, dueBills, after, limit)
	return mapped(due, func(r dueRecord) billing.DueItem {
		item := billing.DueItem{Account: r.account(), Place: r.Place}
		key, isBill := strings.CutPrefix(r.SK, billSK)
		if _, item.Bill, _ = strings.Cut(key, "#"); !isBill || item.Bill == "" {
			item.Err = fmt.Errorf("dynamo: %q is no bill", r.SK)
			return item
		}
		item.At, item.Err = leadingTime(key)
		return item
	}), err
}

// Refills lists the accounts that the sweep of refills must look at, by id, those
// after one, at most limit: all whose refill is not off. The index may lag behind
// by moments.
func (b *Billing) Refills(ctx context.Context, after string, limit int) ([]string, error) {
	due, err := b.due(ctx, dueRefills, after, limit)
	return mapped(due, dueRecord.account), err
}

// leadingTime is the time that the keys of what goes by time begin with.
func leadingTime(key string) (time.Time, error) {
	text, _, _ := strings.Cut(key, "#")
	at, err := time.Parse(billTime, text)
	if err != nil {
		return at, fmt.Errorf("dynamo: %q has no time: %w", key, err)
	}
	return at, nil
}

func (b *Billing) due(ctx context.Context, bucket, after string, limit int) ([]dueRecord, error) {
	if after == "" {
		after = " " // before everything: a key's value cannot be empty
	}
	condition := "db = :b AND dt > :after"
	items, err := b.queryIndex(ctx, Due, &dynamodb.QueryInput{
		TableName:                 &b.names.Accounts,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: map[string]types.AttributeValue{":b": text(bucket), ":after": text(after)},
	}, limit)
	if err != nil {
		return nil, err
	}
	due := make([]dueRecord, len(items))
	for i, item := range items {
		if err := attributevalue.UnmarshalMap(item, &due[i]); err != nil {
			return nil, fmt.Errorf("dynamo: decoding what is due: %w", err)
		}
	}
	return due, nil
}
