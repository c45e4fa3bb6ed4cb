package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/billing"
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

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

// putOverageBill writes the intent in the transaction that resets the overage, so
// that it is billed once, whatever crashes. It is due until its invoice is there.
func (c *Client) putOverageBill(bill billing.Bill) (types.TransactWriteItem, error) {
	record := billRecordOf(bill)
	record.DueIn, record.DueAt = string(DueBills), dueAt(bill.At, bill.Account, bill.ID)
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("dynamo: encoding bill %s: %w", bill.ID, err)
	}
	return putNew(c.names.Accounts, item), nil
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

// Bill reads a line of the billing history strongly consistently; nil where there
// is none.
func (c *Client) Bill(ctx context.Context, account string, at time.Time, id string) (*billing.Bill, error) {
	item, err := c.get(ctx, c.names.Accounts, billKey(account, at, id))
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

type refillTermsRecord struct {
	PK        string       `dynamodbav:"pk"`
	SK        string       `dynamodbav:"sk"`
	DueIn     string       `dynamodbav:"db,omitempty"`
	DueAt     string       `dynamodbav:"dt,omitempty"`
	Threshold int64        `dynamodbav:"t,omitempty"`
	Pack      string       `dynamodbav:"k,omitempty"`
	Cap       *moneyRecord `dynamodbav:"cp,omitempty"`
	UpdatedAt int64        `dynamodbav:"ua"`
}

// putRefillTerms notes for the sweep that an account has automatic refill, in the
// transaction that sets it up. Switched off, the note stays and is not swept: no
// role may delete it, and the next setting replaces it. A refill that is in flight
// when it is switched off is swept on until it is settled, which writes the note too.
// Other steps write none.
func (c *Client) putRefillTerms(entry *ledger.Entry) (*types.TransactWriteItem, error) {
	step := ledger.DetailOf[*ledger.RefillStep](entry)
	state := step.State
	if step.Step != ledger.RefillSet && state.Phase != ledger.RefillOff {
		return nil, nil
	}
	key := refillKey(entry.Account)
	record := refillTermsRecord{
		PK: key.PK, SK: key.SK, Threshold: int64(state.Threshold), Pack: state.Pack, Cap: moneyRecordOf(state.Cap), UpdatedAt: millis(entry.CreatedAt),
	}
	if state.Phase != ledger.RefillOff {
		record.DueIn, record.DueAt = string(DueRefills), entry.Account
	}
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding the refill of %s: %w", entry.Account, err)
	}
	return &types.TransactWriteItem{Put: &types.Put{TableName: &c.names.Accounts, Item: item}}, nil
}

// DueBucket is one of the sweeps of the index due.
type DueBucket string

// The buckets.
const (
	DueBills   DueBucket = "BILL"   // overage to be billed, by the time of its intent
	DueRefills DueBucket = "REFILL" // accounts with automatic refill, by their ids
)

// DueItem is an item that a sweep must look at.
type DueItem struct {
	Account string
	SK      string
	At      string // its place in the bucket: pass the last one's to go on from there
}

// BillAt is the place of a bill in the billing history, from its due item.
func (d DueItem) BillAt() (at time.Time, id string, ok bool) {
	when, id, found := strings.Cut(strings.TrimPrefix(d.SK, billSK), "#")
	at, err := time.Parse(billTime, when)
	return at, id, found && err == nil
}

// Due lists a bucket of times, the oldest first: what is due at an instant or was
// before, at most limit. The index may lag behind by moments.
func (c *Client) Due(ctx context.Context, bucket DueBucket, until time.Time, limit int) ([]DueItem, error) {
	return c.due(ctx, limit, "db = :b AND dt < :until", map[string]types.AttributeValue{
		":b":     text(string(bucket)),
		":until": text(until.UTC().Add(time.Millisecond).Format(billTime)),
	})
}

// DueAfter lists a bucket from a place in it on, exclusive, at most limit; "" is
// its start.
func (c *Client) DueAfter(ctx context.Context, bucket DueBucket, after string, limit int) ([]DueItem, error) {
	if after == "" {
		after = " " // before everything: a key's value cannot be empty
	}
	return c.due(ctx, limit, "db = :b AND dt > :after", map[string]types.AttributeValue{
		":b": text(string(bucket)), ":after": text(after),
	})
}

func (c *Client) due(ctx context.Context, limit int, condition string, values map[string]types.AttributeValue) ([]DueItem, error) {
	items, err := c.queryIndex(ctx, Due, &dynamodb.QueryInput{
		TableName:                 &c.names.Accounts,
		KeyConditionExpression:    &condition,
		ExpressionAttributeValues: values,
	}, limit)
	if err != nil {
		return nil, err
	}
	due := make([]DueItem, len(items))
	for i, item := range items {
		var keys struct {
			PK string `dynamodbav:"pk"`
			SK string `dynamodbav:"sk"`
			At string `dynamodbav:"dt"`
		}
		if err := attributevalue.UnmarshalMap(item, &keys); err != nil {
			return nil, fmt.Errorf("dynamo: decoding what is due: %w", err)
		}
		due[i] = DueItem{strings.TrimPrefix(keys.PK, "A#"), keys.SK, keys.At}
	}
	return due, nil
}
