package dynamo

import (
	"drawdown/shared/ledger"
)

type planChangeRecord struct {
	State planRecord    `dynamodbav:"st"`
	From  string        `dynamodbav:"f,omitempty"`
	Issue *issueRecord  `dynamodbav:"gr,omitempty"`
	Bill  *billedRecord `dynamodbav:"bi,omitempty"`
}

func planChangeRecordOf(v *ledger.PlanChange) *planChangeRecord {
	return &planChangeRecord{planRecordOf(v.State), v.From, issueRecordOf(v.Issue), billedRecordOf(v.Bill)}
}

func (r *planChangeRecord) planChange() *ledger.PlanChange {
	return &ledger.PlanChange{State: r.State.plan(), From: r.From, Issue: r.Issue.issue(), Bill: r.Bill.bill()}
}
