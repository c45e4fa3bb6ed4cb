package dynamo

import (
	"drawdown/shared/ledger"
)

type givenBackRecord struct {
	recoveryRecord
	Restored []partRecord  `dynamodbav:"rs,omitempty"`
	Reopened []grantRecord `dynamodbav:"ro,omitempty"`
}

func givenBackRecordOf(v *ledger.GivenBack) *givenBackRecord {
	return &givenBackRecord{recoveryRecordOf(v.Recovery), mapped(v.Restored, partRecordOf), mapped(v.Reopened, grantRecordOf)}
}

func (r *givenBackRecord) givenBack() *ledger.GivenBack {
	return &ledger.GivenBack{Recovery: r.recovery(), Restored: mapped(r.Restored, partRecord.part), Reopened: mapped(r.Reopened, grantRecord.grant)}
}
