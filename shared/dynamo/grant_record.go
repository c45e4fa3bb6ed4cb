package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

type issueRecord struct {
	grantRecord
	Owed    int64  `dynamodbav:"ow,omitempty"`
	Reason  string `dynamodbav:"re,omitempty"`
	Payment string `dynamodbav:"py,omitempty"`
}

func issueRecordOf(i *ledger.Issue) *issueRecord {
	if i == nil {
		return nil
	}
	return &issueRecord{grantRecordOf(i.Grant), int64(i.Owed), i.Reason, i.Payment}
}

func (r *issueRecord) issue() *ledger.Issue {
	if r == nil {
		return nil
	}
	return &ledger.Issue{Grant: r.grant(), Owed: credit.Amount(r.Owed), Reason: r.Reason, Payment: r.Payment}
}
