package ledger

import (
	"fmt"

	"drawdown/shared/credit"
)

// issue makes a grant of credits that the account did not have before, where the
// wallet may hold so many grants. What the account owes is paid first; with the
// rest the grant opens, and where there is none it is not opened at all.
func (d *draft) issue(terms Terms, amount credit.Amount, places int) (Issue, error) {
	owed := min(d.on.Owed, amount)
	issue := Issue{
		Grant: Grant{ID: d.nextGrantID(), Terms: terms, Amount: amount, Remaining: amount - owed},
		Owed:  owed,
	}
	if issue.Grant.Remaining == 0 {
		return issue, nil
	}
	return issue, d.admit(issue.Grant, places)
}

// nextGrantID names one more grant of this entry.
func (d *draft) nextGrantID() string {
	d.made++
	return d.grantID(d.made - 1)
}

// foldIssue opens a grant less what it paid of the debt.
func (w *Wallet) foldIssue(issue *Issue) error {
	grant := issue.Grant
	if issue.Owed < 0 || issue.Owed > w.Owed || grant.Remaining != grant.Amount-issue.Owed {
		return fmt.Errorf("grant %s pays %s of %s credits owed, and opens with %s of %s",
			grant.ID, issue.Owed, w.Owed, grant.Remaining, grant.Amount)
	}
	w.Owed -= issue.Owed
	if grant.Remaining == 0 && grant.Amount > 0 {
		return nil
	}
	return w.open(grant)
}

// Granted is how many credits an entry has granted that can be taken back again,
// should their money be given back: of a renewal the included ones, not those
// that were carried over, which another payment has paid for. 0: none.
func Granted(entry Entry) credit.Amount {
	if issue := entry.issue(); issue != nil {
		return issue.Grant.Amount
	}
	return 0
}

// issue is the one grant that an entry made of new credits, nil where it made none.
func (e *Entry) issue() *Issue {
	switch {
	case e.Grant != nil:
		return e.Grant
	case e.Renewal != nil:
		return e.Renewal.Issue
	case e.PlanChange != nil:
		return e.PlanChange.Issue
	case e.Refill != nil:
		return e.Refill.Issue
	}
	return nil
}

// news is what an entry itself is to be told for, whatever it crosses.
func (e *Entry) news() []AlertKind {
	switch {
	case e.Grant != nil && e.Grant.Payment != "":
		return []AlertKind{PurchaseCompleted}
	case e.Renewal != nil:
		return []AlertKind{PeriodRenewed}
	case e.PlanChange != nil, e.PlanEnd != nil:
		return []AlertKind{PlanChanged}
	case e.Refill == nil:
		return nil
	case e.Refill.Step == RefillPostponed, e.Refill.Step == RefillSettled && e.Refill.Outcome != RefillPaid:
		return []AlertKind{RefillFailed}
	case e.Refill.Step == RefillSettled:
		return []AlertKind{RefillSucceeded}
	}
	return nil
}
