package dynamo

import (
	"drawdown/shared/ledger"
)

type planEndRecord struct {
	Ended []partRecord  `dynamodbav:"en,omitempty"`
	Bill  *billedRecord `dynamodbav:"bi,omitempty"`
}

func planEndRecordOf(v *ledger.PlanEnd) *planEndRecord {
	return &planEndRecord{mapped(v.Ended, partRecordOf), billedRecordOf(v.Bill)}
}

func (r *planEndRecord) planEnd() *ledger.PlanEnd {
	return &ledger.PlanEnd{Ended: mapped(r.Ended, partRecord.part), Bill: r.Bill.bill()}
}
