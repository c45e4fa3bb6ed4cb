package ledger

import (
	"fmt"
	"slices"

	"drawdown/shared/credit"
)

// Apply folds one entry into a wallet and checks that the two fit: the entry
// is the next one, and its balance is the one that the fold gives. The wallet
// is nil before an account's first entry. It fails with an error that says
// where they part; such a wallet is not the fold of its ledger.
func Apply(before *Wallet, entry Entry) (*Wallet, error) {
	next, err := fold(before, &entry)
	if err != nil {
		return nil, err
	}
	if after := next.BalanceAt(entry.CreatedAt); after != entry.After {
		return nil, fmt.Errorf("ledger: entry %d says balance %+v, the fold gives %+v", entry.Seq, entry.After, after)
	}
	change := entry.After.Available
	if before != nil {
		change -= before.BalanceAt(before.LastAt).Available
	}
	if change != entry.Change {
		return nil, fmt.Errorf("ledger: entry %d says change %s, the fold gives %s", entry.Seq, entry.Change, change)
	}
	return next, nil
}

// fold is the wallet after an entry, without regard to the balance that the entry states.
func fold(before *Wallet, entry *Entry) (*Wallet, error) {
	next := &Wallet{Account: entry.Account}
	if before != nil {
		next = before.Clone()
	}
	switch {
	case entry.Seq != next.Seq+1:
		return nil, fmt.Errorf("ledger: entry %d cannot follow entry %d", entry.Seq, next.Seq)
	case entry.Account != next.Account:
		return nil, fmt.Errorf("ledger: entry %d belongs to account %q, not %q", entry.Seq, entry.Account, next.Account)
	case entry.CreatedAt.Before(next.LastAt):
		return nil, fmt.Errorf("ledger: entry %d was created before entry %d", entry.Seq, next.Seq)
	case before == nil && entry.Type != SettingsEntry:
		return nil, fmt.Errorf("ledger: the first entry is a %s, not an account's opening", entry.Type)
	}
	next.Seq, next.LastAt, next.Alerts = entry.Seq, entry.CreatedAt, nil
	for _, part := range entry.Lapsed {
		if err := next.lapse(part); err != nil {
			return nil, fmt.Errorf("ledger: entry %d: %w", entry.Seq, err)
		}
	}
	if err := next.foldDetail(entry); err != nil {
		return nil, fmt.Errorf("ledger: entry %d: %w", entry.Seq, err)
	}
	return next, nil
}

func (w *Wallet) foldDetail(entry *Entry) error {
	switch {
	case entry.Type == DebitEntry && entry.Debit != nil:
		return w.foldDebit(entry)
	case entry.Type == GrantEntry && entry.Grant != nil:
		return w.foldIssue(entry.Grant)
	case entry.Type == ReversalEntry && entry.Reversal != nil:
		return w.foldReversal(entry.Reversal)
	case entry.Type == SettingsEntry && entry.Settings != nil:
		settings := *entry.Settings
		w.Settings = settings
		return nil
	case entry.Type == ExpiryEntry:
		return nil
	case entry.Type == RenewalEntry && entry.Renewal != nil:
		return w.foldRenewal(entry.Renewal)
	case entry.Type == PlanChangeEntry && entry.PlanChange != nil:
		return w.foldPlanChange(entry.PlanChange)
	case entry.Type == PlanEndEntry && entry.PlanEnd != nil:
		return w.foldPlanEnd(entry.PlanEnd)
	case entry.Type == TakeBackEntry && entry.Recovery != nil:
		return w.foldTakeBack(entry)
	case entry.Type == GiveBackEntry && entry.Recovery != nil:
		return w.foldGiveBack(entry)
	case entry.Type == RefillEntry && entry.Refill != nil:
		return w.foldRefill(entry.Refill)
	}
	return fmt.Errorf("a %q entry without its detail", entry.Type)
}

func (w *Wallet) foldDebit(entry *Entry) error {
	taken := entry.Debit.Overage
	for _, draw := range entry.Debit.Drawn {
		grant := w.grant(draw.GrantID)
		if grant == nil || draw.Credits <= 0 || draw.Credits > grant.Remaining || !grant.Spendable(entry.CreatedAt) {
			return fmt.Errorf("draws %s credits of grant %s, which has not got them", draw.Credits, draw.GrantID)
		}
		grant.Remaining -= draw.Credits
		taken += draw.Credits
	}
	if taken != entry.Credits {
		return fmt.Errorf("charges %s credits and takes %s", entry.Credits, taken)
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.Remaining == 0 })
	if entry.Debit.Overage < 0 || entry.Debit.Overage > w.OverageRoom() {
		return fmt.Errorf("uses %s credits of overage, more than there is room for", entry.Debit.Overage)
	}
	w.OverageUsed += entry.Debit.Overage
	return nil
}

func (w *Wallet) foldReversal(reversal *Reversal) error {
	if err := w.giveBack(reversal.Restored, reversal.Reopened); err != nil {
		return err
	}
	if reversal.Overage < 0 || reversal.Overage > w.OverageUsed {
		return fmt.Errorf("takes %s credits off an overage of %s", reversal.Overage, w.OverageUsed)
	}
	w.OverageUsed -= reversal.Overage
	return nil
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
		return fmt.Errorf("opens grant %s beyond the %d that there can be", grant.ID, MaxGrants)
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
		return fmt.Errorf("lets %s credits of grant %s lapse, which has not got them", part.Credits, part.GrantID)
	}
	w.Grants = slices.DeleteFunc(w.Grants, func(g Grant) bool { return g.ID == part.GrantID })
	return nil
}

// crossings are the alerts between two wallet states. Each is valued at the
// time of its own last entry, so that a grant that lapsed in between counts as
// a fall.
func crossings(before, after *Wallet) []AlertKind {
	was, is := before.BalanceAt(before.LastAt), after.BalanceAt(after.LastAt)
	var alerts []AlertKind
	threshold := after.Settings.LowBalance
	if was.Available >= threshold && is.Available < threshold {
		alerts = append(alerts, LowBalance)
	}
	if was.Available > 0 && is.Available == 0 {
		alerts = append(alerts, Depleted)
	}
	if was.OverageUsed == 0 && is.OverageUsed > 0 {
		alerts = append(alerts, OverageStarted)
	}
	if before.OverageRoom() > 0 && after.OverageRoom() == 0 && after.Overage().Policy == Bill {
		alerts = append(alerts, OverageLimit)
	}
	return alerts
}
