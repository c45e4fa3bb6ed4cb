package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
	"drawdown/shared/dynamo/dynamotest"
)

// What cannot be read keeps its place in the list, and says what is wrong with it.
func TestDueItemsThatCannotBeRead(t *testing.T) {
	tables := dynamotest.NewTables(t)
	for place, keys := range map[string]struct{ bucket, sk string }{
		"2026-11-24T11:00:00.000Z#a#1": {"BILL", "BILL#2026-11-24T11:00:00.000Z#1"},
		"2026-11-24T11:00:00.000Z#a#2": {"BILL", "SUBSCRIPTION"},
		"2026-11-24T11:00:00.000Z#a#3": {"BILL", "BILL#garbage#3"},
		"2026-11-24T11:00:00.000Z#a#4": {"BILL", "BILL#2026-11-24T11:00:00.000Z"},
		"2026-11-24T11:00:00.000Z#a#5": {"RENEW", "SUBSCRIPTION#5"},
		"garbage":                      {"RENEW", "SUBSCRIPTION#6"},
	} {
		_, err := tables.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &tables.Names.Accounts, Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "A#a"}, "sk": &types.AttributeValueMemberS{Value: keys.sk},
			"db": &types.AttributeValueMemberS{Value: keys.bucket}, "dt": &types.AttributeValueMemberS{Value: place},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	bills, err := tables.DueBills(t.Context(), "", 10)
	readable(t, bills, err, true, false, false, false)
	renewals, err := tables.DueRenewals(t.Context(), "", 10)
	readable(t, renewals, err, true, false)
}

func readable(t *testing.T, items []billing.DueItem, err error, want ...bool) {
	t.Helper()
	if err != nil || len(items) != len(want) {
		t.Fatalf("due are %+v, %v", items, err)
	}
	for i, item := range items {
		if item.Account != "a" || item.Place == "" || (item.Err == nil) != want[i] {
			t.Errorf("item %d is %+v", i, item)
		}
	}
}
