package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const attrAfter = "af"

// AuditCursor is the account after which the audit of all accounts goes on;
// empty at its start.
func (a *Accounts) AuditCursor(ctx context.Context) (string, error) {
	item, err := a.get(ctx, a.names.Accounts, auditCursorKey())
	return stringOf(item[attrAfter]), err
}

// MoveAuditCursor says where the audit of all accounts goes on.
func (a *Accounts) MoveAuditCursor(ctx context.Context, after string) error {
	item := auditCursorKey().attributes()
	if after != "" {
		item[attrAfter] = text(after)
	}
	out, err := a.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &a.names.Accounts, Item: item, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failure("moving the audit's cursor", err)
	}
	a.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return nil
}
