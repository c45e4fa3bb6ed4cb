package dynamo

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

type entryRecord struct {
	PK          string          `dynamodbav:"pk"`
	SK          string          `dynamodbav:"sk"`
	Wallet      string          `dynamodbav:"w"`
	Other       string          `dynamodbav:"x,omitempty"` // as Wallet, but of no debit
	Seq         int64           `dynamodbav:"n"`
	Type        string          `dynamodbav:"t"`
	Hash        []byte          `dynamodbav:"h,omitempty"`
	CreatedAt   int64           `dynamodbav:"ca"`
	Credits     int64           `dynamodbav:"c,omitempty"`
	Change      int64           `dynamodbav:"ch,omitempty"`
	Available   int64           `dynamodbav:"av,omitempty"`
	OverageUsed int64           `dynamodbav:"ou,omitempty"`
	Lapsed      []partRecord    `dynamodbav:"lp,omitempty"`
	Alerts      []string        `dynamodbav:"al,omitempty"`
	Debit       *chargeRecord   `dynamodbav:"db,omitempty"`
	Grant       *issueRecord    `dynamodbav:"gr,omitempty"`
	Reversal    *reversalRecord `dynamodbav:"rv,omitempty"`
	Settings    *settingsRecord `dynamodbav:"se,omitempty"`

	Renewal    *renewalRecord    `dynamodbav:"rn,omitempty"`
	PlanChange *planChangeRecord `dynamodbav:"pc,omitempty"`
	PlanEnd    *planEndRecord    `dynamodbav:"pe,omitempty"`
	Recovery   *recoveryRecord   `dynamodbav:"rc,omitempty"`
	Refill     *refillStepRecord `dynamodbav:"rf,omitempty"`
}

type partRecord struct {
	Grant   string `dynamodbav:"g"`
	Credits int64  `dynamodbav:"c"`
}

type drawRecord struct {
	partRecord
	termsRecord
}

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

type issueRecord struct {
	grantRecord
	Owed    int64  `dynamodbav:"ow,omitempty"`
	Reason  string `dynamodbav:"re,omitempty"`
	Payment string `dynamodbav:"py,omitempty"`
}

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

// tallyRecord is what has been undone of a debit, or of a grant, up to one
// reversal or recovery.
type tallyRecord struct {
	Count   int     `dynamodbav:"k"`
	Credits int64   `dynamodbav:"c,omitempty"`
	Overage int64   `dynamodbav:"o,omitempty"`
	Draws   []int64 `dynamodbav:"dr,omitempty"`
	Lines   []int64 `dynamodbav:"l,omitempty"`

	Owed  int64        `dynamodbav:"ow,omitempty"`
	Taken []drawRecord `dynamodbav:"tk,omitempty"`
	Since int64        `dynamodbav:"s,omitempty"`
}

type settingsRecord struct {
	Name       string         `dynamodbav:"nm,omitempty"`
	Zone       string         `dynamodbav:"z"`
	Status     string         `dynamodbav:"st"`
	Overage    *overageRecord `dynamodbav:"ov,omitempty"`
	LowBalance int64          `dynamodbav:"lb,omitempty"`
}

func encodeEntry(e *ledger.Entry) (map[string]types.AttributeValue, error) {
	key := entryKey(e.Account, e.Operation)
	record := entryRecord{
		PK:          key.PK,
		SK:          key.SK,
		Wallet:      walletKey(e.Account).PK,
		Seq:         e.Seq,
		Type:        string(e.Type),
		CreatedAt:   millis(e.CreatedAt),
		Credits:     int64(e.Credits),
		Change:      int64(e.Change),
		Available:   int64(e.After.Available),
		OverageUsed: int64(e.After.OverageUsed),
		Lapsed:      mapped(e.Lapsed, partRecordOf),
		Alerts:      mapped(e.Alerts, func(k ledger.AlertKind) string { return string(k) }),
		Debit:       chargeRecordOf(e.Debit),
		Grant:       issueRecordOf(e.Grant),
		Reversal:    reversalRecordOf(e.Reversal),
		Renewal:     renewalRecordOf(e.Renewal),
		PlanChange:  planChangeRecordOf(e.PlanChange),
		PlanEnd:     planEndRecordOf(e.PlanEnd),
		Recovery:    recoveryRecordOf(e.Recovery),
		Refill:      refillStepRecordOf(e.Refill),
	}
	if e.Type != ledger.DebitEntry {
		record.Other = record.Wallet
	}
	if e.Hash != (ledger.Hash{}) {
		record.Hash = e.Hash[:]
	}
	if s := e.Settings; s != nil {
		record.Settings = &settingsRecord{s.Name, s.Zone, string(s.Status), overageRecordOf(s.Overage), int64(s.LowBalance)}
	}
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding entry %d of %s: %w", e.Seq, e.Account, err)
	}
	return item, nil
}

func decodeEntry(item map[string]types.AttributeValue) (ledger.Entry, error) {
	var r entryRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return ledger.Entry{}, fmt.Errorf("dynamo: decoding an entry: %w", err)
	}
	e := ledger.Entry{
		Seq:       r.Seq,
		Type:      ledger.EntryType(r.Type),
		CreatedAt: instant(r.CreatedAt),
		Credits:   credit.Amount(r.Credits),
		Change:    credit.Amount(r.Change),
		After:     ledger.Balance{Available: credit.Amount(r.Available), OverageUsed: credit.Amount(r.OverageUsed)},
		Lapsed:    mapped(r.Lapsed, partRecord.part),
		Alerts:    mapped(r.Alerts, func(k string) ledger.AlertKind { return ledger.AlertKind(k) }),
		Debit:     r.Debit.charge(),
		Grant:     r.Grant.issue(),
		Reversal:  r.Reversal.reversal(),

		Renewal:    r.Renewal.renewal(),
		PlanChange: r.PlanChange.planChange(),
		PlanEnd:    r.PlanEnd.planEnd(),
		Recovery:   r.Recovery.recovery(),
		Refill:     r.Refill.refillStep(),
	}
	e.Account, e.Operation = operationOf(r.PK)
	copy(e.Hash[:], r.Hash)
	if r.Settings != nil {
		settings := r.Settings.settings()
		e.Settings = &settings
	}
	return e, nil
}

func partRecordOf(p ledger.Part) partRecord { return partRecord{p.GrantID, int64(p.Credits)} }

func (r partRecord) part() ledger.Part {
	return ledger.Part{GrantID: r.Grant, Credits: credit.Amount(r.Credits)}
}

func drawRecordOf(d ledger.Draw) drawRecord {
	return drawRecord{partRecordOf(d.Part), termsRecordOf(d.Terms)}
}

func (r drawRecord) draw() ledger.Draw { return ledger.Draw{Part: r.part(), Terms: r.terms()} }

func chargeRecordOf(c *ledger.Charge) *chargeRecord {
	if c == nil {
		return nil
	}
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
	if r == nil {
		return nil
	}
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

func reversalRecordOf(v *ledger.Reversal) *reversalRecord {
	if v == nil {
		return nil
	}
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
	if r == nil {
		return nil
	}
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

func tallyRecordOf(t ledger.Reversed) tallyRecord {
	plain := func(a credit.Amount) int64 { return int64(a) }
	return tallyRecord{
		Count: t.Count, Credits: int64(t.Credits), Overage: int64(t.Overage), Draws: mapped(t.Draws, plain), Lines: mapped(t.Lines, plain),
		Owed: int64(t.Owed), Since: millis(t.Since),
		Taken: mapped(t.Taken, func(taken ledger.Taken) drawRecord { return drawRecordOf(ledger.Draw(taken)) }),
	}
}

func (r tallyRecord) tally() ledger.Reversed {
	amount := func(n int64) credit.Amount { return credit.Amount(n) }
	return ledger.Reversed{
		Count: r.Count, Credits: credit.Amount(r.Credits), Overage: credit.Amount(r.Overage),
		Draws: mapped(r.Draws, amount), Lines: mapped(r.Lines, amount),
		Owed: credit.Amount(r.Owed), Since: instant(r.Since),
		Taken: mapped(r.Taken, func(d drawRecord) ledger.Taken { return ledger.Taken(d.draw()) }),
	}
}
