package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

type chargeRecord struct {
	contextRecord
	Messages   int64          `dynamodbav:"m,omitempty"`
	Run        string         `dynamodbav:"r,omitempty"`
	OccurredAt int64          `dynamodbav:"oa"`
	RateCard   string         `dynamodbav:"v"`
	Lines      []pricedRecord `dynamodbav:"l"`
	Drawn      []drawRecord   `dynamodbav:"dr,omitempty"`
	Overage    int64          `dynamodbav:"o,omitempty"`
}

// contextRecord is where usage is counted: in a debit, and again in its reversals.
type contextRecord struct {
	Agent        string `dynamodbav:"a"`
	AgentName    string `dynamodbav:"an,omitempty"`
	Channel      string `dynamodbav:"cn"`
	Conversation string `dynamodbav:"cv,omitempty"`
	Day          string `dynamodbav:"d"`
}

type lineRecord struct {
	Node    string `dynamodbav:"n"`
	Action  string `dynamodbav:"a"`
	Credits int64  `dynamodbav:"c,omitempty"`
}

type pricedRecord struct {
	lineRecord
	Quantity int64 `dynamodbav:"q"`
	PerUnit  int64 `dynamodbav:"p,omitempty"`
}

type drawRecord struct {
	partRecord
	termsRecord
}

func chargeRecordOf(c *ledger.Charge) *chargeRecord {
	return &chargeRecord{
		contextRecord: contextRecord{c.Agent.ID, c.Agent.Name, c.Channel, c.Conversation, c.Day},
		Messages:      c.Messages,
		Run:           c.Run,
		OccurredAt:    millis(c.OccurredAt),
		RateCard:      c.RateCard,
		Lines: mapped(c.Lines, func(l rating.Priced) pricedRecord {
			return pricedRecord{lineRecord{l.Node, l.Action, int64(l.Credits)}, int64(l.Quantity), int64(l.PerUnit)}
		}),
		Drawn:   mapped(c.Drawn, drawRecordOf),
		Overage: int64(c.Overage),
	}
}

func (r *chargeRecord) charge() *ledger.Charge {
	return &ledger.Charge{
		Agent:        ledger.Agent{ID: r.Agent, Name: r.AgentName},
		Channel:      r.Channel,
		Conversation: r.Conversation,
		Day:          r.Day,
		Messages:     r.Messages,
		Run:          r.Run,
		OccurredAt:   instant(r.OccurredAt),
		RateCard:     r.RateCard,
		Lines: mapped(r.Lines, func(l pricedRecord) rating.Priced {
			return rating.Priced{
				Line:    rating.Line{Item: l.item(), Quantity: credit.Amount(l.Quantity)},
				PerUnit: credit.Amount(l.PerUnit), Credits: credit.Amount(l.Credits),
			}
		}),
		Drawn:   mapped(r.Drawn, drawRecord.draw),
		Overage: credit.Amount(r.Overage),
	}
}

func (r lineRecord) item() rating.Item { return rating.Item{Node: r.Node, Action: r.Action} }

func drawRecordOf(d ledger.Draw) drawRecord {
	return drawRecord{partRecordOf(d.Part), termsRecordOf(d.Terms)}
}

func (r drawRecord) draw() ledger.Draw { return ledger.Draw{Part: r.part(), Terms: r.terms()} }
