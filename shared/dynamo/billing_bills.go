package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// Bill reads a line of the billing history strongly consistently; nil where there
// is none.
func (b *Billing) Bill(ctx context.Context, account string, at time.Time, id string) (*billing.Bill, error) {
	item, err := b.get(ctx, b.names.Accounts, billKey(account, at, id))
	if err != nil || item == nil {
		return nil, err
	}
	var record billRecord
	if err := attributevalue.UnmarshalMap(item, &record); err != nil {
		return nil, fmt.Errorf("dynamo: decoding bill %s: %w", id, err)
	}
	bill := record.bill()
	return &bill, nil
}

// Bills lists the billing history, the newest first: what comes after a place in
// it, zero for its beginning, at most limit.
func (b *Billing) Bills(ctx context.Context, account string, after billing.BillPlace, limit int) ([]billing.Bill, error) {
	partition := profileKey(account).PK
	input := &dynamodb.QueryInput{
		TableName: &b.names.Accounts, ScanIndexForward: aws.Bool(false),
		KeyConditionExpression:    aws.String("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": text(partition), ":sk": text(billSK)},
	}
	if after != (billing.BillPlace{}) {
		input.ExclusiveStartKey = billKey(account, after.At, after.ID).attributes()
	}
	items, err := b.queryPage(ctx, input, limit)
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

// SaveBill writes a line of the billing history in place of the one of its version,
// 0 where there was none, and answers false where another write came first; what is
// stored has the next version. An overage is due until its invoice is there.
func (b *Billing) SaveBill(ctx context.Context, bill billing.Bill) (bool, error) {
	replaced := bill.Version
	bill.Version++
	record := billRecordOf(bill)
	if bill.Kind == billing.OverageBill && bill.Invoice == "" {
		record.DueIn, record.DueAt = dueBills, dueAt(bill.At, bill.Account, bill.ID)
	}
	return b.putVersioned(ctx, "saving bill "+bill.ID, record, replaced)
}

// putOverageBill writes the intent in the transaction that resets the overage, so
// that it is billed once, whatever crashes. It is due until its invoice is there.
func putOverageBill(names Names, bill billing.Bill) (types.TransactWriteItem, error) {
	record := billRecordOf(bill)
	record.DueIn, record.DueAt = dueBills, dueAt(bill.At, bill.Account, bill.ID)
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("dynamo: encoding bill %s: %w", bill.ID, err)
	}
	return putNew(names.Accounts, item), nil
}

// overageBill is the intent to bill the overage that an entry has closed; false
// where there is nothing to pay. Its id follows from the entry's operation, so
// that it can be told to the processor and found again.
func overageBill(entry *ledger.Entry) (billing.Bill, bool) {
	overage, due := entry.Bill()
	return billing.Bill{
		Account: entry.Account, ID: billID(entry.Operation), At: entry.CreatedAt,
		Kind: billing.OverageBill, State: billing.BillPending, Amount: overage.Price, Credits: overage.Billed,
		Description: overage.Plan, Seq: entry.Seq, Version: 1,
	}, due
}

// billID is the operation's id as one word: "overage:period:sub_1:1795000000".
func billID(operation ledger.OperationID) string {
	return "overage:" + strings.ReplaceAll(strings.TrimPrefix(string(operation), "SYS#"), "#", ":")
}

type billRecord struct {
	PK          string       `dynamodbav:"pk"`
	SK          string       `dynamodbav:"sk"`
	DueIn       string       `dynamodbav:"db,omitempty"`
	DueAt       string       `dynamodbav:"dt,omitempty"`
	Account     string       `dynamodbav:"ac"`
	ID          string       `dynamodbav:"i"`
	At          int64        `dynamodbav:"ca"`
	Kind        string       `dynamodbav:"k"`
	State       string       `dynamodbav:"st"`
	Amount      *moneyRecord `dynamodbav:"am,omitempty"`
	Credits     int64        `dynamodbav:"c,omitempty"`
	Description string       `dynamodbav:"de,omitempty"`
	ReceiptURL  string       `dynamodbav:"ru,omitempty"`
	Payment     string       `dynamodbav:"py,omitempty"`
	Invoice     string       `dynamodbav:"iv,omitempty"`
	Seq         int64        `dynamodbav:"n,omitempty"`
	Reason      string       `dynamodbav:"re,omitempty"`
	Version     int64        `dynamodbav:"v"`
}

func billRecordOf(b billing.Bill) billRecord {
	key := billKey(b.Account, b.At, b.ID)
	return billRecord{
		PK: key.PK, SK: key.SK, Account: b.Account, ID: b.ID, At: millis(b.At), Kind: string(b.Kind), State: string(b.State),
		Amount: moneyRecordOf(b.Amount), Credits: int64(b.Credits), Description: b.Description, ReceiptURL: b.ReceiptURL,
		Payment: b.Payment, Invoice: b.Invoice, Seq: b.Seq, Reason: b.Reason, Version: b.Version,
	}
}

func (r billRecord) bill() billing.Bill {
	return billing.Bill{
		Account: r.Account, ID: r.ID, At: instant(r.At), Kind: billing.BillKind(r.Kind), State: billing.BillState(r.State),
		Amount: r.Amount.money(), Credits: credit.Amount(r.Credits), Description: r.Description, ReceiptURL: r.ReceiptURL,
		Payment: r.Payment, Invoice: r.Invoice, Seq: r.Seq, Reason: r.Reason, Version: r.Version,
	}
}
