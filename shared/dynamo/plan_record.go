package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/money"
)

// What payments add to wallets and entries. All of it is left out where it is
// not there, so that an account without plan and refill pays nothing for it.

type planRecord struct {
	Subscription string         `dynamodbav:"s"`
	Plan         string         `dynamodbav:"p"`
	Start        int64          `dynamodbav:"b"`
	End          int64          `dynamodbav:"e"`
	LapseAt      int64          `dynamodbav:"x,omitempty"`
	Included     int64          `dynamodbav:"i,omitempty"`
	Overage      *overageRecord `dynamodbav:"ov,omitempty"`
	Rate         int64          `dynamodbav:"r,omitempty"`
	Currency     string         `dynamodbav:"c,omitempty"`
	Rollover     int64          `dynamodbav:"ro,omitempty"`
}

type moneyRecord struct {
	Minor    int64  `dynamodbav:"m,omitempty"`
	Currency string `dynamodbav:"c,omitempty"`
}

type refillRecord struct {
	Phase        string       `dynamodbav:"p"`
	Off          bool         `dynamodbav:"o,omitempty"`
	Threshold    int64        `dynamodbav:"t,omitempty"`
	Pack         string       `dynamodbav:"k,omitempty"`
	Cap          *moneyRecord `dynamodbav:"cp,omitempty"`
	Month        string       `dynamodbav:"mo,omitempty"`
	Spent        int64        `dynamodbav:"sp,omitempty"`
	ID           string       `dynamodbav:"i,omitempty"`
	Buys         string       `dynamodbav:"b,omitempty"`
	Price        *moneyRecord `dynamodbav:"pr,omitempty"`
	Credits      int64        `dynamodbav:"c,omitempty"`
	ValidityDays int          `dynamodbav:"v,omitempty"`
	Since        int64        `dynamodbav:"s,omitempty"`
	Until        int64        `dynamodbav:"u,omitempty"`
	Failures     int          `dynamodbav:"f,omitempty"`
	Reason       string       `dynamodbav:"re,omitempty"`
}

type billedRecord struct {
	Subscription string       `dynamodbav:"s,omitempty"`
	Plan         string       `dynamodbav:"p,omitempty"`
	Credits      int64        `dynamodbav:"c,omitempty"`
	Price        *moneyRecord `dynamodbav:"pr,omitempty"`
}

func moneyRecordOf(m money.Money) *moneyRecord {
	if m == (money.Money{}) {
		return nil
	}
	return &moneyRecord{m.Minor, m.Currency}
}

func (r *moneyRecord) money() money.Money {
	if r == nil {
		return money.Money{}
	}
	return money.Money{Minor: r.Minor, Currency: r.Currency}
}

func planRecordOf(p ledger.PlanState) planRecord {
	record := planRecord{
		Subscription: p.Subscription, Plan: p.Plan, Start: millis(p.Start), End: millis(p.End), LapseAt: millis(p.LapseAt),
		Included: int64(p.Included), Rate: int64(p.OverageRate.PerCredit), Currency: p.OverageRate.Currency, Rollover: int64(p.Rollover),
	}
	if p.Overage != (ledger.Overage{}) {
		record.Overage = overageRecordOf(&p.Overage)
	}
	return record
}

func (r planRecord) plan() ledger.PlanState {
	plan := ledger.PlanState{
		Subscription: r.Subscription, Plan: r.Plan, Start: instant(r.Start), End: instant(r.End), LapseAt: instant(r.LapseAt),
		Included: credit.Amount(r.Included), OverageRate: money.Rate{PerCredit: credit.Amount(r.Rate), Currency: r.Currency},
		Rollover: credit.Amount(r.Rollover),
	}
	if overage := r.Overage.overage(); overage != nil {
		plan.Overage = *overage
	}
	return plan
}

func refillRecordOf(r *ledger.RefillState) *refillRecord {
	if r == nil {
		return nil
	}
	return &refillRecord{
		Phase: string(r.Phase), Off: r.Off, Threshold: int64(r.Threshold), Pack: r.Pack, Cap: moneyRecordOf(r.Cap), Month: r.Month, Spent: r.Spent,
		ID: r.ID, Buys: r.Buys, Price: moneyRecordOf(r.Price), Credits: int64(r.Credits), ValidityDays: r.ValidityDays, Since: millis(r.Since),
		Until: millis(r.Until), Failures: r.Failures, Reason: r.Reason,
	}
}

func (r *refillRecord) refill() *ledger.RefillState {
	if r == nil {
		return nil
	}
	return &ledger.RefillState{
		Phase: ledger.RefillPhase(r.Phase), Off: r.Off, Threshold: credit.Amount(r.Threshold), Pack: r.Pack, Cap: r.Cap.money(), Month: r.Month, Spent: r.Spent,
		ID: r.ID, Buys: r.Buys, Price: r.Price.money(), Credits: credit.Amount(r.Credits), ValidityDays: r.ValidityDays, Since: instant(r.Since),
		Until: instant(r.Until), Failures: r.Failures, Reason: r.Reason,
	}
}

func billedRecordOf(b ledger.OverageBill) *billedRecord {
	if b == (ledger.OverageBill{}) {
		return nil
	}
	return &billedRecord{b.Subscription, b.Plan, int64(b.Billed), moneyRecordOf(b.Price)}
}

func (r *billedRecord) bill() ledger.OverageBill {
	if r == nil {
		return ledger.OverageBill{}
	}
	return ledger.OverageBill{Subscription: r.Subscription, Plan: r.Plan, Billed: credit.Amount(r.Credits), Price: r.Price.money()}
}
