package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

type renewalRecord struct {
	State   planRecord    `dynamodbav:"st"`
	Ended   []partRecord  `dynamodbav:"en,omitempty"`
	Carried int64         `dynamodbav:"cc,omitempty"`
	Rolled  *grantRecord  `dynamodbav:"rg,omitempty"`
	Issue   *issueRecord  `dynamodbav:"gr,omitempty"`
	Bill    *billedRecord `dynamodbav:"bi,omitempty"`
}

func renewalRecordOf(v *ledger.Renewal) *renewalRecord {
	record := &renewalRecord{
		State: planRecordOf(v.State), Ended: mapped(v.Ended, partRecordOf), Carried: int64(v.Carried),
		Issue: issueRecordOf(v.Issue), Bill: billedRecordOf(v.Bill),
	}
	if v.Rolled != nil {
		rolled := grantRecordOf(*v.Rolled)
		record.Rolled = &rolled
	}
	return record
}

func (r *renewalRecord) renewal() *ledger.Renewal {
	renewal := &ledger.Renewal{
		State: r.State.plan(), Ended: mapped(r.Ended, partRecord.part), Carried: credit.Amount(r.Carried),
		Issue: r.Issue.issue(), Bill: r.Bill.bill(),
	}
	if r.Rolled != nil {
		rolled := r.Rolled.grant()
		renewal.Rolled = &rolled
	}
	return renewal
}
