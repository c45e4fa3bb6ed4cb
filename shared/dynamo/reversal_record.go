package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

type reversalRecord struct {
	contextRecord
	Of       string        `dynamodbav:"of"`
	OfSeq    int64         `dynamodbav:"on"`
	Reason   string        `dynamodbav:"re,omitempty"`
	Lines    []lineRecord  `dynamodbav:"l"`
	Restored []partRecord  `dynamodbav:"rs,omitempty"`
	Reopened []grantRecord `dynamodbav:"ro,omitempty"`
	Overage  int64         `dynamodbav:"o,omitempty"`
	Total    tallyRecord   `dynamodbav:"tt"`
}

func reversalRecordOf(v *ledger.Reversal) *reversalRecord {
	return &reversalRecord{
		contextRecord: contextRecord{v.Agent.ID, v.Agent.Name, v.Channel, v.Conversation, v.Day},
		Of:            string(v.Of),
		OfSeq:         v.OfSeq,
		Reason:        v.Reason,
		Lines: mapped(v.Lines, func(l ledger.LineCredits) lineRecord {
			return lineRecord{l.Node, l.Action, int64(l.Credits)}
		}),
		Restored: mapped(v.Restored, partRecordOf),
		Reopened: mapped(v.Reopened, grantRecordOf),
		Overage:  int64(v.Overage),
		Total:    tallyRecordOf(v.Total),
	}
}

func (r *reversalRecord) reversal() *ledger.Reversal {
	return &ledger.Reversal{
		Of:           ledger.OperationID(r.Of),
		OfSeq:        r.OfSeq,
		Reason:       r.Reason,
		Agent:        ledger.Agent{ID: r.Agent, Name: r.AgentName},
		Channel:      r.Channel,
		Conversation: r.Conversation,
		Day:          r.Day,
		Lines: mapped(r.Lines, func(l lineRecord) ledger.LineCredits {
			return ledger.LineCredits{Item: l.item(), Credits: credit.Amount(l.Credits)}
		}),
		Restored: mapped(r.Restored, partRecord.part),
		Reopened: mapped(r.Reopened, grantRecord.grant),
		Overage:  credit.Amount(r.Overage),
		Total:    r.Total.tally(),
	}
}
