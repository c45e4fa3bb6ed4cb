package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// auditCursorKey is where the audit of all accounts goes on, in Accounts.
func auditCursorKey() Key { return Key{AuditPK, "CURSOR"} }

// AuditPK is the one partition of Accounts that the audit writes.
const AuditPK = "AUDIT"

const attrAfter = "af"

// AuditCursor is the account after which the audit of all accounts goes on;
// empty at its start.
func (c *Client) AuditCursor(ctx context.Context) (string, error) {
	item, err := c.get(ctx, c.names.Accounts, auditCursorKey())
	return stringOf(item[attrAfter]), err
}

// MoveAuditCursor says where the audit of all accounts goes on.
func (c *Client) MoveAuditCursor(ctx context.Context, after string) error {
	item := auditCursorKey().attributes()
	if after != "" {
		item[attrAfter] = text(after)
	}
	out, err := c.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.names.Accounts, Item: item, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failure("moving the audit's cursor", err)
	}
	c.reportWrite(ctx, "PutItem", one(out.ConsumedCapacity)...)
	return nil
}
