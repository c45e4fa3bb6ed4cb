package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// recoveryRecord is what both kinds of recovery have in common.
type recoveryRecord struct {
	Of     string      `dynamodbav:"of"`
	OfSeq  int64       `dynamodbav:"on"`
	Reason string      `dynamodbav:"re,omitempty"`
	Owed   int64       `dynamodbav:"ow,omitempty"`
	Total  tallyRecord `dynamodbav:"tt"`
}

type takenBackRecord struct {
	recoveryRecord
	Taken []partRecord `dynamodbav:"tk,omitempty"`
}

func recoveryRecordOf(v ledger.Recovery) recoveryRecord {
	return recoveryRecord{string(v.Of), v.OfSeq, v.Reason, int64(v.Owed), tallyRecordOf(v.Total)}
}

func (r recoveryRecord) recovery() ledger.Recovery {
	return ledger.Recovery{Of: ledger.OperationID(r.Of), OfSeq: r.OfSeq, Reason: r.Reason, Owed: credit.Amount(r.Owed), Total: r.Total.tally()}
}

func takenBackRecordOf(v *ledger.TakenBack) *takenBackRecord {
	return &takenBackRecord{recoveryRecordOf(v.Recovery), mapped(v.Taken, partRecordOf)}
}

func (r *takenBackRecord) takenBack() *ledger.TakenBack {
	return &ledger.TakenBack{Recovery: r.recovery(), Taken: mapped(r.Taken, partRecord.part)}
}
