package dynamo

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// Attribute names are short, since every write pays for an item's size.
// Amounts are micro-credits, instants are Unix milliseconds, 0 meaning none.

type walletRecord struct {
	PK          string         `dynamodbav:"pk"`
	Seq         int64          `dynamodbav:"n"`
	LastAt      int64          `dynamodbav:"la"`
	Name        string         `dynamodbav:"nm,omitempty"`
	Zone        string         `dynamodbav:"z"`
	Status      string         `dynamodbav:"st"`
	Overage     *overageRecord `dynamodbav:"ov,omitempty"`
	LowBalance  int64          `dynamodbav:"lb,omitempty"`
	OverageUsed int64          `dynamodbav:"ou,omitempty"`
	Grants      []grantRecord  `dynamodbav:"g,omitempty"`
	Owed        int64          `dynamodbav:"ow,omitempty"`
	Plan        *planRecord    `dynamodbav:"pl,omitempty"`
	Refill      *refillRecord  `dynamodbav:"rf,omitempty"`
	Alerts      []alertRecord  `dynamodbav:"al,omitempty"`
	// The stream's filters choose by these two, which are there only where they are
	// true: that there are alerts, since a filter cannot look into a list, and that a
	// refill was due at the last entry.
	HasNews   bool `dynamodbav:"na,omitempty"`
	RefillDue bool `dynamodbav:"rd,omitempty"`
}

type overageRecord struct {
	Policy string `dynamodbav:"p"`
	Limit  int64  `dynamodbav:"l,omitempty"`
}

type termsRecord struct {
	Source      string `dynamodbav:"s"`
	Priority    int    `dynamodbav:"p,omitempty"`
	EffectiveAt int64  `dynamodbav:"f,omitempty"`
	ExpiresAt   int64  `dynamodbav:"x,omitempty"`
}

type grantRecord struct {
	ID string `dynamodbav:"i"`
	termsRecord
	Amount    int64 `dynamodbav:"a"`
	Remaining int64 `dynamodbav:"r"`
}

type alertRecord struct {
	Seq  int64  `dynamodbav:"n"`
	Kind string `dynamodbav:"k"`
}

func encodeWallet(w *ledger.Wallet) (map[string]types.AttributeValue, error) {
	record := walletRecord{
		PK:          walletKey(w.Account).PK,
		Seq:         w.Seq,
		LastAt:      millis(w.LastAt),
		Name:        w.Settings.Name,
		Zone:        w.Settings.Zone,
		Status:      string(w.Settings.Status),
		Overage:     overageRecordOf(w.Settings.Overage),
		LowBalance:  int64(w.Settings.LowBalance),
		OverageUsed: int64(w.OverageUsed),
		Grants:      mapped(w.Grants, grantRecordOf),
		Owed:        int64(w.Owed),
		Refill:      refillRecordOf(w.Refill),
		Alerts: mapped(w.Alerts, func(a ledger.Alert) alertRecord {
			return alertRecord{a.Seq, string(a.Kind)}
		}),
		HasNews:   len(w.Alerts) > 0,
		RefillDue: ledger.DueRefill(w, w.LastAt),
	}
	if w.Plan != nil {
		plan := planRecordOf(*w.Plan)
		record.Plan = &plan
	}
	item, err := attributevalue.MarshalMap(record)
	if err != nil {
		return nil, fmt.Errorf("dynamo: encoding wallet of %s: %w", w.Account, err)
	}
	return item, nil
}

func decodeWallet(item map[string]types.AttributeValue) (*ledger.Wallet, error) {
	var r walletRecord
	if err := attributevalue.UnmarshalMap(item, &r); err != nil {
		return nil, fmt.Errorf("dynamo: decoding a wallet: %w", err)
	}
	wallet := &ledger.Wallet{
		Account: strings.TrimSuffix(strings.TrimPrefix(r.PK, "A#"), stripe),
		Seq:     r.Seq,
		LastAt:  instant(r.LastAt),
		Settings: ledger.Settings{
			Name:       r.Name,
			Zone:       r.Zone,
			Status:     ledger.Status(r.Status),
			Overage:    r.Overage.overage(),
			LowBalance: credit.Amount(r.LowBalance),
		},
		OverageUsed: credit.Amount(r.OverageUsed),
		Grants:      mapped(r.Grants, grantRecord.grant),
		Owed:        credit.Amount(r.Owed),
		Refill:      r.Refill.refill(),
		Alerts: mapped(r.Alerts, func(a alertRecord) ledger.Alert {
			return ledger.Alert{Seq: a.Seq, Kind: ledger.AlertKind(a.Kind)}
		}),
	}
	if r.Plan != nil {
		plan := r.Plan.plan()
		wallet.Plan = &plan
	}
	return wallet, nil
}

func overageRecordOf(o *ledger.Overage) *overageRecord {
	if o == nil {
		return nil
	}
	return &overageRecord{string(o.Policy), int64(o.Limit)}
}

func (r *overageRecord) overage() *ledger.Overage {
	if r == nil {
		return nil
	}
	return &ledger.Overage{Policy: ledger.OveragePolicy(r.Policy), Limit: credit.Amount(r.Limit)}
}

func termsRecordOf(t ledger.Terms) termsRecord {
	return termsRecord{string(t.Source), t.Priority, millis(t.EffectiveAt), millis(t.ExpiresAt)}
}

func (r termsRecord) terms() ledger.Terms {
	return ledger.Terms{
		Source:      ledger.Source(r.Source),
		Priority:    r.Priority,
		EffectiveAt: instant(r.EffectiveAt),
		ExpiresAt:   instant(r.ExpiresAt),
	}
}

func grantRecordOf(g ledger.Grant) grantRecord {
	return grantRecord{g.ID, termsRecordOf(g.Terms), int64(g.Amount), int64(g.Remaining)}
}

func (r grantRecord) grant() ledger.Grant {
	return ledger.Grant{ID: r.ID, Terms: r.terms(), Amount: credit.Amount(r.Amount), Remaining: credit.Amount(r.Remaining)}
}
