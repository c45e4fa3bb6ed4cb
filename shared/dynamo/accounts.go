package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
)

// Profile is an account as it is listed.
type Profile struct {
	Account   string
	Settings  ledger.Settings
	CreatedAt time.Time
	UpdatedAt time.Time
}

type profileRecord struct {
	settingsRecord
	ID        string `dynamodbav:"li"`
	CreatedAt int64  `dynamodbav:"ca"`
	UpdatedAt int64  `dynamodbav:"ua"`
}

// updateProfile brings the listing up to what a settings entry says, in the
// entry's own transaction.
func (c *Client) updateProfile(entry *ledger.Entry) (*types.TransactWriteItem, error) {
	s := ledger.DetailOf[*ledger.Settings](entry)
	set := "SET lk = :lk, li = :li, nm = :nm, z = :z, st = :st, lb = :lb, ua = :t, ca = if_not_exists(ca, :t)"
	values := map[string]types.AttributeValue{
		":lk": text(kindAccount),
		":li": text(entry.Account),
		":nm": text(s.Name),
		":z":  text(s.Zone),
		":st": text(string(s.Status)),
		":lb": number(int64(s.LowBalance)),
		":t":  number(millis(entry.CreatedAt)),
	}
	if s.Overage == nil {
		set += " REMOVE ov"
	} else {
		set = "SET ov = :ov, " + set[len("SET "):]
		values[":ov"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"p": text(string(s.Overage.Policy)),
			"l": number(int64(s.Overage.Limit)),
		}}
	}
	return &types.TransactWriteItem{Update: &types.Update{
		TableName:                 &c.names.Accounts,
		Key:                       profileKey(entry.Account).attributes(),
		UpdateExpression:          &set,
		ExpressionAttributeValues: values,
	}}, nil
}

// Profile reads one account's profile strongly consistently; nil where there is none.
func (c *Client) Profile(ctx context.Context, account string) (*Profile, error) {
	item, err := c.get(ctx, c.names.Accounts, profileKey(account))
	if err != nil || item == nil {
		return nil, err
	}
	profile, err := decodeProfile(item)
	return &profile, err
}

// Profiles lists accounts by id, those after the given id, at most limit. The
// index may lag behind by moments.
func (c *Client) Profiles(ctx context.Context, after string, limit int) ([]Profile, error) {
	items, err := c.list(ctx, kindAccount, after, limit)
	if err != nil {
		return nil, err
	}
	profiles := make([]Profile, len(items))
	for i, item := range items {
		if profiles[i], err = decodeProfile(item); err != nil {
			return nil, err
		}
	}
	return profiles, nil
}

// list is a page of the index behind the listings.
func (c *Client) list(ctx context.Context, kind, after string, limit int) ([]map[string]types.AttributeValue, error) {
	condition := "lk = :kind"
	values := map[string]types.AttributeValue{":kind": text(kind)}
	if after != "" {
		condition += " AND li > :after"
		values[":after"] = text(after)
	}
	return c.queryIndex(ctx, List, &dynamodb.QueryInput{
		TableName:                 &c.names.Accounts,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: values,
	}, limit)
}

func decodeProfile(item map[string]types.AttributeValue) (Profile, error) {
	var r profileRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return Profile{}, fmt.Errorf("dynamo: decoding a profile: %w", err)
	}
	return Profile{
		Account:   r.ID,
		Settings:  *r.settings(),
		CreatedAt: instant(r.CreatedAt),
		UpdatedAt: instant(r.UpdatedAt),
	}, nil
}
