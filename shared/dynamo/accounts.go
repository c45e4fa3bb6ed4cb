package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
)

// Accounts is how accounts are listed, the keys of the API, and how far the audit of
// all accounts has come.
type Accounts struct{ *core }

// Profile reads one account's profile strongly consistently; nil where there is none.
func (a *Accounts) Profile(ctx context.Context, account string) (*ledger.Profile, error) {
	item, err := a.get(ctx, a.names.Accounts, profileKey(account))
	if err != nil || item == nil {
		return nil, err
	}
	profile, err := decodeProfile(item)
	return &profile, err
}

// Profiles lists accounts by id, those after the given id, at most limit. The
// index may lag behind by moments.
func (a *Accounts) Profiles(ctx context.Context, after string, limit int) ([]ledger.Profile, error) {
	items, err := a.list(ctx, kindAccount, after, limit)
	if err != nil {
		return nil, err
	}
	profiles := make([]ledger.Profile, len(items))
	for i, item := range items {
		if profiles[i], err = decodeProfile(item); err != nil {
			return nil, err
		}
	}
	return profiles, nil
}

type profileRecord struct {
	settingsRecord
	ID        string `dynamodbav:"li"`
	CreatedAt int64  `dynamodbav:"ca"`
	UpdatedAt int64  `dynamodbav:"ua"`
}

// updateProfile brings the listing up to what a settings entry says, in the
// entry's own transaction.
func updateProfile(names Names, entry *ledger.Entry) (*types.TransactWriteItem, error) {
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
		TableName:                 &names.Accounts,
		Key:                       profileKey(entry.Account).attributes(),
		UpdateExpression:          &set,
		ExpressionAttributeValues: values,
	}}, nil
}

func decodeProfile(item map[string]types.AttributeValue) (ledger.Profile, error) {
	var r profileRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return ledger.Profile{}, fmt.Errorf("dynamo: decoding a profile: %w", err)
	}
	return ledger.Profile{
		Account:   r.ID,
		Settings:  *r.settings(),
		CreatedAt: instant(r.CreatedAt),
		UpdatedAt: instant(r.UpdatedAt),
	}, nil
}
