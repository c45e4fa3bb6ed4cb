package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

type settingsRecord struct {
	Name       string         `dynamodbav:"nm,omitempty"`
	Zone       string         `dynamodbav:"z"`
	Status     string         `dynamodbav:"st"`
	Overage    *overageRecord `dynamodbav:"ov,omitempty"`
	LowBalance int64          `dynamodbav:"lb,omitempty"`
}

func settingsRecordOf(s *ledger.Settings) *settingsRecord {
	return &settingsRecord{s.Name, s.Zone, string(s.Status), overageRecordOf(s.Overage), int64(s.LowBalance)}
}

func (r *settingsRecord) settings() *ledger.Settings {
	return &ledger.Settings{
		Name: r.Name, Zone: r.Zone, Status: ledger.Status(r.Status),
		Overage: r.Overage.overage(), LowBalance: credit.Amount(r.LowBalance),
	}
}
