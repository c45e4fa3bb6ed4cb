package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/commit"
	"drawdown/shared/ledger"
)

// Read implements commit.Store: one batch request for the wallet and the
// entries, and then one Query where a debit or a grant is asked for.
func (c *Client) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	snapshot, err := c.readWalletAndEntries(ctx, account, operations)
	if err != nil || of == "" {
		return snapshot, err
	}
	snapshot.Charged, err = c.undoable(ctx, account, of)
	return snapshot, err
}

func (c *Client) readWalletAndEntries(ctx context.Context, account string, operations []ledger.OperationID) (commit.Snapshot, error) {
	snapshot := commit.Snapshot{Entries: make(map[ledger.OperationID]ledger.Entry, len(operations))}
	if len(operations) == 0 {
		wallet, err := c.Wallet(ctx, account)
		snapshot.Wallet = wallet
		return snapshot, err
	}
	wanted := map[string][]Key{c.names.Wallets: {walletKey(account)}}
	for _, operation := range operations {
		wanted[c.names.Ledger] = append(wanted[c.names.Ledger], entryKey(account, operation))
	}
	found, err := c.batchGet(ctx, wanted)
	if err != nil {
		return snapshot, err
	}
	for _, item := range found[c.names.Wallets] {
		if snapshot.Wallet, err = decodeWallet(item); err != nil {
			return snapshot, err
		}
	}
	for _, item := range found[c.names.Ledger] {
		entry, err := decodeEntry(item)
		if err != nil {
			return snapshot, err
		}
		snapshot.Entries[entry.Operation] = entry
	}
	return snapshot, nil
}

// Wallet reads an account's wallet strongly consistently; nil where there is none.
func (c *Client) Wallet(ctx context.Context, account string) (*ledger.Wallet, error) {
	item, err := c.get(ctx, c.names.Wallets, walletKey(account))
	if err != nil || item == nil {
		return nil, err
	}
	return decodeWallet(item)
}

// Charged reads a debit and what has been given back of it, strongly
// consistently; nil where the account has no such debit.
func (c *Client) Charged(ctx context.Context, account string, debit ledger.OperationID) (*ledger.Charged, error) {
	charged, err := c.undoable(ctx, account, debit)
	if err != nil || charged == nil || ledger.DetailOf[*ledger.Charge](&charged.Entry) == nil {
		return nil, err
	}
	return charged, nil
}

// undoable reads an entry that can be undone and what has been undone of it.
func (c *Client) undoable(ctx context.Context, account string, of ledger.OperationID) (*ledger.Charged, error) {
	items, err := c.query(ctx, &dynamodb.QueryInput{
		TableName:                 &c.names.Ledger,
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(entryKey(account, of).PK)},
	})
	if err != nil {
		return nil, err
	}
	var charged *ledger.Charged
	for _, item := range items { // the entry's sort key is before the tallies', and those ascend
		sk, _ := item[attrSK].(*types.AttributeValueMemberS)
		switch {
		case sk != nil && sk.Value == entrySK:
			entry, err := decodeEntry(item)
			if err != nil || !entry.Undoable() {
				return nil, err
			}
			charged = &ledger.Charged{Entry: entry}
		case charged != nil && sk != nil && strings.HasPrefix(sk.Value, reversalSK):
			var tally tallyRecord
			if err := attributevalue.UnmarshalMap(item, &tally); err != nil {
				return nil, fmt.Errorf("dynamo: decoding a tally: %w", err)
			}
			charged.Reversed = tally.tally()
		}
	}
	return charged, nil
}

// Page is a part of a listing, in the order of seq.
type Page struct {
	After      int64 // entries past this seq, exclusive; going down, below it; 0: from the end that comes first
	Limit      int
	Descending bool
	NoDebits   bool // debits are passed over, at no cost
}

// Entries lists an account's entries by seq with one Query of the index, which
// may lag behind the ledger by moments.
func (c *Client) Entries(ctx context.Context, account string, page Page) ([]ledger.Entry, error) {
	index, key := BySeq, attrWallet
	if page.NoDebits {
		index, key = Others, attrOther
	}
	condition := key + " = :w"
	values := map[string]types.AttributeValue{":w": text(walletKey(account).PK)}
	if page.After > 0 {
		values[":n"] = number(page.After)
		past := " AND n > :n"
		if page.Descending {
			past = " AND n < :n"
		}
		condition += past
	}
	items, err := c.queryIndex(ctx, index, &dynamodb.QueryInput{
		TableName:                 &c.names.Ledger,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: values,
		ScanIndexForward:          aws.Bool(!page.Descending),
	}, page.Limit)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(items))
	for i, item := range items {
		if entries[i], err = decodeEntry(item); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
