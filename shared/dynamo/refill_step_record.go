package dynamo

import (
	"drawdown/shared/ledger"
)

type refillStepRecord struct {
	Step    string        `dynamodbav:"sp"`
	State   *refillRecord `dynamodbav:"st"`
	ID      string        `dynamodbav:"i,omitempty"`
	Price   *moneyRecord  `dynamodbav:"pr,omitempty"`
	Outcome string        `dynamodbav:"oc,omitempty"`
	Issue   *issueRecord  `dynamodbav:"gr,omitempty"`
	Payment string        `dynamodbav:"py,omitempty"`
}

func refillStepRecordOf(v *ledger.RefillStep) *refillStepRecord {
	return &refillStepRecord{
		string(v.Step), refillRecordOf(&v.State), v.ID, moneyRecordOf(v.Price), string(v.Outcome), issueRecordOf(v.Issue), v.Payment,
	}
}

func (r *refillStepRecord) refillStep() *ledger.RefillStep {
	step := &ledger.RefillStep{
		Step: ledger.RefillAction(r.Step), ID: r.ID, Price: r.Price.money(), Outcome: ledger.RefillOutcome(r.Outcome),
		Issue: r.Issue.issue(), Payment: r.Payment,
	}
	if state := r.State.refill(); state != nil {
		step.State = *state
	}
	return step
}
