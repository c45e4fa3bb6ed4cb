package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
)

// SaveBill writes a line of the billing history in place of the one of its version,
// 0 where there was none, and answers false where another write came first; what is
// stored has the next version. An overage is due until its invoice is there.
func (c *Client) SaveBill(ctx context.Context, bill billing.Bill) (bool, error) {
	replaced := bill.Version
	bill.Version++
	record := billRecordOf(bill)
	if bill.Kind == billing.OverageBill && bill.Invoice == "" {
		record.DueIn, record.DueAt = string(DueBills), dueAt(bill.At, bill.Account, bill.ID)
	}
	return c.putVersioned(ctx, "saving bill "+bill.ID, record, replaced)
}

// Bills lists the billing history, the newest first: what comes after a place in
// it, zero for its beginning, at most limit.
func (c *Client) Bills(ctx context.Context, account string, after billing.BillPlace, limit int) ([]billing.Bill, error) {
	partition := profileKey(account).PK
	input := &dynamodb.QueryInput{
		TableName: &c.names.Accounts, ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:    aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(partition), ":sk": text(billSK)},
	}
	if after != (billing.BillPlace{}) {
		input.ExclusiveStartKey = billKey(account, after.At, after.ID).attributes()
	}
	items, err := c.queryPage(ctx, input, limit)
	if err != nil {
		return nil, err
	}
	bills := make([]billing.Bill, len(items))
	for i, item := range items {
		var record billRecord
		if err := attributevalue.UnmarshalMap(item, &record); err != nil {
			return nil, fmt.Errorf("dynamo: decoding the billing history of %s: %w", account, err)
		}
		bills[i] = record.bill()
	}
	return bills, nil
}
