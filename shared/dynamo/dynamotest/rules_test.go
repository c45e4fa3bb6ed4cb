package dynamotest

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/dynamo"
)

var names = dynamo.Names{Wallets: "t1-Wallets", Ledger: "t1-Ledger", Usage: "t1-Usage", Accounts: "t1-Accounts"}

const total = types.ReturnConsumedCapacityTotal

func keyed(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}}
}

func putOf(table, pk, condition string) types.TransactWriteItem {
	item := &types.Put{TableName: &table, Item: keyed(pk)}
	if condition != "" {
		item.ConditionExpression = &condition
	}
	return types.TransactWriteItem{Put: item}
}

func together(token string, items ...types.TransactWriteItem) *dynamodb.TransactWriteItemsInput {
	return &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: &token, ReturnConsumedCapacity: total}
}

// Each request breaks one rule, and only that one; those without a breach are
// what the code sends.
func TestEveryRuleCanFail(t *testing.T) {
	wallet, entry := putOf(names.Wallets, "A#acme#00", "n = :n"), putOf(names.Ledger, "A#acme#op", newOnly)
	yes := aws.Bool(true)
	for _, c := range []struct {
		name, method string
		input        any
		breach       string
	}{
		{"a read", "Wallet", &dynamodb.GetItemInput{TableName: &names.Wallets, ConsistentRead: yes, ReturnConsumedCapacity: total}, ""},
		{"a lagging read", "Wallet", &dynamodb.GetItemInput{TableName: &names.Wallets, ReturnConsumedCapacity: total}, "it reads Wallets, which may lag"},
		{"one that says so", "LaggingMark", &dynamodb.GetItemInput{TableName: &names.Usage, ReturnConsumedCapacity: total}, ""},
		{"one that says so and does not", "LaggingMark", &dynamodb.GetItemInput{TableName: &names.Usage, ConsistentRead: yes, ReturnConsumedCapacity: total}, "never lags"},
		{"a query", "Days", &dynamodb.QueryInput{TableName: &names.Usage, ConsistentRead: yes, ReturnConsumedCapacity: total}, ""},
		{"a lagging query", "Days", &dynamodb.QueryInput{TableName: &names.Usage, ConsistentRead: aws.Bool(false), ReturnConsumedCapacity: total}, "it reads Usage, which may lag"},
		{"a query of an index", "Entries", &dynamodb.QueryInput{TableName: &names.Ledger, IndexName: aws.String("by_seq"), ReturnConsumedCapacity: total}, ""},
		{"a batch with one lagging table", "Read", &dynamodb.BatchGetItemInput{ReturnConsumedCapacity: total, RequestItems: map[string]types.KeysAndAttributes{
			names.Wallets: {ConsistentRead: yes}, names.Ledger: {},
		}}, "it reads Ledger, which may lag"},
		{"a scan", "Wallets", &dynamodb.ScanInput{TableName: &names.Wallets}, "no rule that allows"},
		{"a read in a transaction", "Wallet", &dynamodb.TransactGetItemsInput{}, "no rule that allows"},
		{"consumption not asked for", "Wallet", &dynamodb.GetItemInput{TableName: &names.Wallets, ConsistentRead: yes}, "does not ask for what it consumes"},
		{"a commit", "Commit", together("1", wallet, entry, entry), ""},
		{"the same token", "Commit", together("1", wallet, entry), "its token"},
		{"no token", "Commit", together("", wallet, entry), "its token"},
		{"an entry under no condition", "Commit", together("2", wallet, putOf(names.Ledger, "A#acme#op", "")), "entry A#acme#op is not a put where there is none"},
		{"an entry under another condition", "Commit", together("3", wallet, putOf(names.Ledger, "A#acme#op", "n = :n")), "entry A#acme#op is not a put where there is none"},
		{"an entry updated", "Commit", together("4", wallet, types.TransactWriteItem{Update: &types.Update{
			TableName: &names.Ledger, Key: keyed("A#acme#op"), ConditionExpression: aws.String(newOnly),
		}}), "entry A#acme#op is not a put where there is none"},
		{"a wallet under no condition", "Commit", together("5", putOf(names.Wallets, "A#acme#00", ""), entry), "wallet A#acme#00 is not a put over the one"},
		{"a wallet without an entry", "Commit", together("6", wallet), "1 wallets and 0 entries"},
		{"an entry without its wallet", "Commit", together("7", entry), "0 wallets and 1 entries"},
		{"two wallets", "Commit", together("8", wallet, wallet, entry), "2 wallets and 1 entries"},
		{"a wallet alone", "Commit", &dynamodb.PutItemInput{
			TableName: &names.Wallets, Item: keyed("A#acme#00"), ConditionExpression: aws.String("n = :n"), ReturnConsumedCapacity: total,
		}, "1 wallets and 0 entries"},
		{"usage under no condition", "MoveMark", together("9", putOf(names.Usage, "A#acme", ""), putOf(names.Accounts, dynamo.QuarantinePK, newOnly)), "put of A#acme is under no condition"},
		{"a put under no condition", "AddKey", &dynamodb.PutItemInput{TableName: &names.Accounts, Item: keyed("KEY#1"), ReturnConsumedCapacity: total}, "under no condition at all"},
		{"the audit's cursor", "MoveAuditCursor", &dynamodb.PutItemInput{TableName: &names.Accounts, Item: keyed(dynamo.AuditPK), ReturnConsumedCapacity: total}, ""},
		{"an endpoint deleted", "RemoveEndpoint", &dynamodb.DeleteItemInput{
			TableName: &names.Accounts, Key: keyed(dynamo.EndpointPK + "1"), ConditionExpression: aws.String("a"), ReturnConsumedCapacity: total,
		}, ""},
		{"a profile deleted", "RemoveEndpoint", &dynamodb.DeleteItemInput{
			TableName: &names.Accounts, Key: keyed("A#acme"), ConditionExpression: aws.String("a"), ReturnConsumedCapacity: total,
		}, "it deletes A#acme of Accounts"},
	} {
		rules := newRules(t, names)
		rules.tokens["1"] = c.name == "the same token"
		found := rules.breaches(c.method, c.input)
		if c.breach == "" && len(found) > 0 || c.breach != "" && (len(found) != 1 || !strings.Contains(found[0], c.breach)) {
			t.Errorf("%s: %q, want %q", c.name, found, c.breach)
		}
	}
}
