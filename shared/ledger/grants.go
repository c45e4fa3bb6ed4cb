package ledger

import (
	"fmt"
	"slices"
	"strconv"

	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// How grants come into a wallet and leave it: first in a decision, then in the
// fold, which trusts no entry.

// Part is a number of credits of one grant.
type Part struct {
	GrantID string
	Credits credit.Amount
}

func sumOf(parts []Part) credit.Amount {
	var sum credit.Amount
	for _, part := range parts {
		sum += part.Credits
	}
	return sum
}

// issue makes a grant of credits that the account did not have before, if the
// wallet may hold so many grants. What the account owes is paid first; the grant
// opens with the rest, and is not opened if nothing is left.
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

// issuePaid makes a grant of credits that were paid for, or belong to a plan.
func (d *draft) issuePaid(terms Terms, amount credit.Amount, payment string) (*Issue, error) {
	issue, err := d.issue(terms, amount, MaxGrants)
	issue.Payment = payment
	return &issue, err
}

// nextGrantID names one more grant of this entry. The seq makes it unique.
func (d *draft) nextGrantID() string {
	id := "g" + strconv.FormatInt(d.entry.Seq, 10)
	if d.made > 0 {
		id += "." + strconv.Itoa(d.made)
	}
	d.made++
	return id
}

// admit checks that the wallet has room for one more grant, given its maximum,
// and makes it.
func (d *draft) admit(grant Grant, places int) error {
	if len(d.on.Grants) >= places {
		return fault.New(fault.TooManyGrants, "The account has %d open grants, the maximum; wait until one is spent or expires.", len(d.on.Grants))
	}
	if err := d.fits(grant.Remaining); err != nil {
		return err
	}
	d.on.Grants = append(d.on.Grants, grant)
	return nil
}

// fits checks that the wallet's grants can hold so many more credits.
func (d *draft) fits(more credit.Amount) error {
	total := more
	for i := range d.on.Grants {
		var err error
		if total, err = credit.Add(total, d.on.Grants[i].Remaining); err != nil {
			return fault.New(fault.BalanceTooLarge, "The balance would exceed %s credits, the maximum.", credit.Max)
		}
	}
	return nil
}

// putBack returns credits to a grant that is still in the wallet, and returns how
// many it took: a grant holds no more than its original amount.
func (d *draft) putBack(id string, part credit.Amount) (credit.Amount, error) {
	grant := d.on.grant(id)
	if grant == nil {
		return 0, nil
	}
	back := min(part, grant.Amount-grant.Remaining)
	if back <= 0 {
		return 0, nil
	}
	if err := d.fits(back); err != nil {
		return 0, err
	}
	grant.Remaining += back
	return back, nil
}

// foldIssue opens a grant less what it paid of the debt.
func (w *Wallet) foldIssue(issue *Issue) error {
	if issue == nil {
		return nil
	}
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

// giveBack puts credits back into grants that lost them, and opens new ones.
func (w *Wallet) giveBack(restored []Part, reopened []Grant) error {
	for _, part := range restored {
		grant := w.grant(part.GrantID)
		if grant == nil || part.Credits <= 0 || part.Credits > grant.Amount-grant.Remaining {
			return fmt.Errorf("gives %s credits back to grant %s, which never lost them", part.Credits, part.GrantID)
		}
		grant.Remaining += part.Credits
	}
	for _, grant := range reopened {
		if err := w.open(grant); err != nil {
			return err
		}
	}
	return nil
}

func (w *Wallet) open(grant Grant) error {
	switch {
	case grant.Remaining <= 0 || grant.Remaining > grant.Amount:
		return fmt.Errorf("opens grant %s with %s of %s credits", grant.ID, grant.Remaining, grant.Amount)
	case w.grant(grant.ID) != nil:
		return fmt.Errorf("opens grant %s again", grant.ID)
	case len(w.Grants) >= MaxGrants:
		return fmt.Errorf("opens grant %s beyond the maximum of %d", grant.ID, MaxGrants)
	}
	total := grant.Remaining
	for i := range w.Grants {
		var err error
		if total, err = credit.Add(total, w.Grants[i].Remaining); err != nil {
			return err
		}
	}
	w.Grants = append(w.Grants, grant)
	return nil
}

func (w *Wallet) lapse(part Part) error {
	grant := w.grant(part.GrantID)
	if grant == nil || grant.Remaining != part.Credits {
		return fmt.Errorf("lets %s credits of grant %s lapse, which does not hold them", part.Credits, part.GrantID)
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.ID == part.GrantID })
	return nil
}
