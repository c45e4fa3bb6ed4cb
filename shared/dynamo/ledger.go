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
	"drawdown/shared/usage"
)

// Ledger is the wallets and their entries: what the meter decides by. It implements
// commit.Store.
type Ledger struct{ *core }

// Read implements commit.Store: one batch request for the wallet and the
// entries, and then one Query where a debit or a grant is asked for.
func (l *Ledger) Read(ctx context.Context, account string, operations []ledger.OperationID, of ledger.OperationID) (commit.Snapshot, error) {
	snapshot, err := l.readWalletAndEntries(ctx, account, operations)
	if err != nil || of == "" {
		return snapshot, err
	}
	snapshot.Charged, err = l.undoable(ctx, account, of)
	return snapshot, err
}

func (l *Ledger) readWalletAndEntries(ctx context.Context, account string, operations []ledger.OperationID) (commit.Snapshot, error) {
	snapshot := commit.Snapshot{Entries: make(map[ledger.OperationID]ledger.Entry, len(operations))}
	if len(operations) == 0 {
		wallet, err := l.Wallet(ctx, account)
		snapshot.Wallet = wallet
		return snapshot, err
	}
	wanted := map[string][]Key{l.names.Wallets: {walletKey(account)}}
	for _, operation := range operations {
		wanted[l.names.Ledger] = append(wanted[l.names.Ledger], entryKey(account, operation))
	}
	found, err := l.batchGet(ctx, wanted)
	if err != nil {
		return snapshot, err
	}
	for _, item := range found[l.names.Wallets] {
		if snapshot.Wallet, err = decodeWallet(item); err != nil {
			return snapshot, err
		}
	}
	for _, item := range found[l.names.Ledger] {
		entry, err := decodeEntry(item)
		if err != nil {
			return snapshot, err
		}
		snapshot.Entries[entry.Operation] = entry
	}
	return snapshot, nil
}

// Wallet reads an account's wallet strongly consistently; nil where there is none.
func (l *Ledger) Wallet(ctx context.Context, account string) (*ledger.Wallet, error) {
	item, err := l.get(ctx, l.names.Wallets, walletKey(account))
	if err != nil || item == nil {
		return nil, err
	}
	return decodeWallet(item)
}

// Charged reads a debit and what has been given back of it, strongly
// consistently; nil where the account has no such debit.
func (l *Ledger) Charged(ctx context.Context, account string, debit ledger.OperationID) (*ledger.Charged, error) {
	charged, err := l.undoable(ctx, account, debit)
	if err != nil || charged == nil || ledger.DetailOf[*ledger.Charge](&charged.Entry) == nil {
		return nil, err
	}
	return charged, nil
}

// undoable reads an entry that can be undone and what has been undone of it.
func (l *Ledger) undoable(ctx context.Context, account string, of ledger.OperationID) (*ledger.Charged, error) {
	items, err := l.query(ctx, &dynamodb.QueryInput{
		TableName:                 &l.names.Ledger,
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

// Entries lists an account's entries by seq with one Query of the index, which
// may lag behind the ledger by moments.
func (l *Ledger) Entries(ctx context.Context, account string, page ledger.Page) ([]ledger.Entry, error) {
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
	items, err := l.queryIndex(ctx, index, &dynamodb.QueryInput{
		TableName:                 &l.names.Ledger,
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

// EntriesAfter implements rollup.Store.
func (l *Ledger) EntriesAfter(ctx context.Context, account string, seq int64, limit int) ([]ledger.Entry, error) {
	items, err := l.queryIndex(ctx, BySeq, &dynamodb.QueryInput{
		TableName:              &l.names.Ledger,
		KeyConditionExpression: aws.String("w = :w AND n > :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":w": text(walletKey(account).PK),
			":n": number(seq),
		},
	}, limit)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, len(items))
	for i, item := range items {
		if entries[i], err = decodeEntry(item); err == nil {
			continue
		}
		if i == 0 && numberOf(item[attrSeq]) == seq+1 {
			return nil, &usage.Unfoldable{Seq: seq + 1, Reason: err.Error()}
		}
		return entries[:i], nil // it is told of when it is the first
	}
	return entries, nil
}
