package dynamo

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/ledger"
)

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
func putRefillTerms(names Names, entry *ledger.Entry) (*types.TransactWriteItem, error) {
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
		record.DueIn, record.DueAt = dueRefills, entry.Account
	}
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding the refill of %s: %w", entry.Account, err)
	}
	return &types.TransactWriteItem{Put: &types.Put{TableName: &names.Accounts, Item: item}}, nil
}
