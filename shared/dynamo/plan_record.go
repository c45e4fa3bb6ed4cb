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

type renewalRecord struct {
	State   planRecord    `dynamodbav:"st"`
	Ended   []partRecord  `dynamodbav:"en,omitempty"`
	Carried int64         `dynamodbav:"cc,omitempty"`
	Rolled  *grantRecord  `dynamodbav:"rg,omitempty"`
	Issue   *issueRecord  `dynamodbav:"gr,omitempty"`
	Bill    *billedRecord `dynamodbav:"bi,omitempty"`
}

type planChangeRecord struct {
	State planRecord    `dynamodbav:"st"`
	From  string        `dynamodbav:"f,omitempty"`
	Issue *issueRecord  `dynamodbav:"gr,omitempty"`
	Bill  *billedRecord `dynamodbav:"bi,omitempty"`
}

type planEndRecord struct {
	Ended []partRecord  `dynamodbav:"en,omitempty"`
	Bill  *billedRecord `dynamodbav:"bi,omitempty"`
}

type recoveryRecord struct {
	Of       string        `dynamodbav:"of"`
	OfSeq    int64         `dynamodbav:"on"`
	Reason   string        `dynamodbav:"re,omitempty"`
	Owed     int64         `dynamodbav:"ow,omitempty"`
	Taken    []partRecord  `dynamodbav:"tk,omitempty"`
	Restored []partRecord  `dynamodbav:"rs,omitempty"`
	Reopened []grantRecord `dynamodbav:"ro,omitempty"`
	Total    tallyRecord   `dynamodbav:"tt"`
}

type refillStepRecord struct {
	Step    string        `dynamodbav:"sp"`
	State   *refillRecord `dynamodbav:"st"`
	ID      string        `dynamodbav:"i,omitempty"`
	Price   *moneyRecord  `dynamodbav:"pr,omitempty"`
	Outcome string        `dynamodbav:"oc,omitempty"`
	Issue   *issueRecord  `dynamodbav:"gr,omitempty"`
	Payment string        `dynamodbav:"py,omitempty"`
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

func issueRecordOf(i *ledger.Issue) *issueRecord {
	if i == nil {
		return nil
	}
	return &issueRecord{grantRecordOf(i.Grant), int64(i.Owed), i.Reason, i.Payment}
}

func (r *issueRecord) issue() *ledger.Issue {
	if r == nil {
		return nil
	}
	return &ledger.Issue{Grant: r.grant(), Owed: credit.Amount(r.Owed), Reason: r.Reason, Payment: r.Payment}
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

func renewalRecordOf(v *ledger.Renewal) *renewalRecord {
	if v == nil {
		return nil
	}
	record := &renewalRecord{
		State: planRecordOf(v.State), Ended: mapped(v.Ended, partRecordOf), Carried: int64(v.Carried),
		Issue: issueRecordOf(v.Issue), Bill: billedRecordOf(v.Bill),
	}
	if v.Rolled != nil {
		rolled := grantRecordOf(*v.Rolled)
		record.Rolled = &rolled
	}
	return record
}

func (r *renewalRecord) renewal() *ledger.Renewal {
	if r == nil {
		return nil
	}
	renewal := &ledger.Renewal{
		State: r.State.plan(), Ended: mapped(r.Ended, partRecord.part), Carried: credit.Amount(r.Carried),
		Issue: r.Issue.issue(), Bill: r.Bill.bill(),
	}
	if r.Rolled != nil {
		rolled := r.Rolled.grant()
		renewal.Rolled = &rolled
	}
	return renewal
}

func planChangeRecordOf(v *ledger.PlanChange) *planChangeRecord {
	if v == nil {
		return nil
	}
	return &planChangeRecord{planRecordOf(v.State), v.From, issueRecordOf(v.Issue), billedRecordOf(v.Bill)}
}

func (r *planChangeRecord) planChange() *ledger.PlanChange {
	if r == nil {
		return nil
	}
	return &ledger.PlanChange{State: r.State.plan(), From: r.From, Issue: r.Issue.issue(), Bill: r.Bill.bill()}
}

func planEndRecordOf(v *ledger.PlanEnd) *planEndRecord {
	if v == nil {
		return nil
	}
	return &planEndRecord{mapped(v.Ended, partRecordOf), billedRecordOf(v.Bill)}
}

func (r *planEndRecord) planEnd() *ledger.PlanEnd {
	if r == nil {
		return nil
	}
	return &ledger.PlanEnd{Ended: mapped(r.Ended, partRecord.part), Bill: r.Bill.bill()}
}

func recoveryRecordOf(v *ledger.Recovery) *recoveryRecord {
	if v == nil {
		return nil
	}
	return &recoveryRecord{
		string(v.Of), v.OfSeq, v.Reason, int64(v.Owed), mapped(v.Taken, partRecordOf),
		mapped(v.Restored, partRecordOf), mapped(v.Reopened, grantRecordOf), tallyRecordOf(v.Total),
	}
}

func (r *recoveryRecord) recovery() *ledger.Recovery {
	if r == nil {
		return nil
	}
	return &ledger.Recovery{
		Of: ledger.OperationID(r.Of), OfSeq: r.OfSeq, Reason: r.Reason, Owed: credit.Amount(r.Owed), Taken: mapped(r.Taken, partRecord.part),
		Restored: mapped(r.Restored, partRecord.part), Reopened: mapped(r.Reopened, grantRecord.grant), Total: r.Total.tally(),
	}
}

func refillStepRecordOf(v *ledger.RefillStep) *refillStepRecord {
	if v == nil {
		return nil
	}
	return &refillStepRecord{
		string(v.Step), refillRecordOf(&v.State), v.ID, moneyRecordOf(v.Price), string(v.Outcome), issueRecordOf(v.Issue), v.Payment,
	}
}

func (r *refillStepRecord) refillStep() *ledger.RefillStep {
	if r == nil {
		return nil
	}
	step := &ledger.RefillStep{
		Step: ledger.RefillAction(r.Step), ID: r.ID, Price: r.Price.money(), Outcome: ledger.RefillOutcome(r.Outcome),
		Issue: r.Issue.issue(), Payment: r.Payment,
	}
	if state := r.State.refill(); state != nil {
		step.State = *state
	}
	return step
}
