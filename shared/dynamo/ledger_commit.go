package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/commit"
	"drawdown/shared/ledger"
)

// Commit implements commit.Store: one transaction. Its first item is the
// wallet, then come the entries, then what they write beside themselves.
func (l *Ledger) Commit(ctx context.Context, change commit.Change) (commit.Verdict, error) {
	items, err := l.transaction(change)
	if err != nil {
		return commit.Verdict{}, err
	}
	out, err := l.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems:          items,
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return verdict(err, len(change.Entries))
	}
	l.reportWrite(ctx, "TransactWriteItems", out.ConsumedCapacity...)
	return commit.Verdict{Committed: true}, nil
}

func (l *Ledger) transaction(change commit.Change) ([]types.TransactWriteItem, error) {
	wallet, err := l.putWallet(change)
	if err != nil {
		return nil, err
	}
	items := make([]types.TransactWriteItem, 1, len(change.Entries)+2)
	items[0] = wallet
	for i := range change.Entries {
		entry, err := l.putEntry(&change.Entries[i])
		if err != nil {
			return nil, err
		}
		items = append(items, entry)
	}
	for i := range change.Entries {
		beside, err := l.putBeside(&change.Entries[i])
		if err != nil {
			return nil, err
		}
		items = append(items, beside...)
	}
	return items, nil
}

// putBeside is what an entry writes beside itself: the tally of what it undoes,
// the intent to bill overage, and what entries of its kind do, such as the listing
// of an account or the note for the sweep of refills.
func (l *Ledger) putBeside(entry *ledger.Entry) ([]types.TransactWriteItem, error) {
	var items []types.TransactWriteItem
	if of, total, undoes := entry.Undoes(); undoes {
		item, err := l.putTally(entry.Account, of, total)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if bill, due := overageBill(entry); due {
		item, err := putOverageBill(l.names, bill)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if put := entryKinds[entry.Type()].putsBeside; put != nil {
		item, err := put(l.names, entry)
		if err != nil {
			return nil, err
		}
		if item != nil {
			items = append(items, *item)
		}
	}
	return items, nil
}

// putWallet writes the wallet if it is still the one that was read.
func (l *Ledger) putWallet(change commit.Change) (types.TransactWriteItem, error) {
	item, err := encodeWallet(&change.After)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	put := &types.Put{TableName: &l.names.Wallets, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if change.Before != nil {
		put.ConditionExpression = aws.String("n = :n")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":n": number(change.Before.Seq)}
	}
	return types.TransactWriteItem{Put: put}, nil
}

// putEntry writes an entry if its operation has left none. It is the only
// place that writes entries: the condition is what makes an id take effect once.
func (l *Ledger) putEntry(entry *ledger.Entry) (types.TransactWriteItem, error) {
	item, err := encodeEntry(entry)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return putNew(l.names.Ledger, item), nil
}

// putTally writes what has been undone of a debit or a grant so far. Its number
// makes two that undo the same exclude each other, whatever each of them has read.
func (l *Ledger) putTally(account string, of ledger.OperationID, total ledger.Reversed) (types.TransactWriteItem, error) {
	item, err := attributevalue.MarshalMap(tallyRecordOf(total))
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("dynamo: encoding a tally: %w", err)
	}
	for name, value := range reversalKey(account, of, total.Count).attributes() {
		item[name] = value
	}
	return putNew(l.names.Ledger, item), nil
}

// verdict reads why a transaction was cancelled. An entry that exists comes
// first: it settles the operation, whatever else stood in the way.
func verdict(err error, entries int) (commit.Verdict, error) {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		if throttled(err) {
			return commit.Verdict{Cause: commit.Throttled}, nil
		}
		return commit.Verdict{}, failure("commit", err)
	}
	found := map[string]bool{}
	for at, reason := range cancelled.CancellationReasons {
		code := aws.ToString(reason.Code)
		if code == reasonCondition && at >= 1 && at <= entries {
			return commit.Verdict{Cause: commit.EntryExists}, nil
		}
		found[code] = true
	}
	switch {
	case found[reasonCondition]:
		return commit.Verdict{Cause: commit.WalletMoved}, nil
	case found[reasonConflict]:
		return commit.Verdict{Cause: commit.Conflict}, nil
	case found[reasonThrottled] || found[reasonProvision]:
		return commit.Verdict{Cause: commit.Throttled}, nil
	}
	return commit.Verdict{}, failure("commit", err)
}
