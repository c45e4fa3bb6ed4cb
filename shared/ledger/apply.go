package ledger

import "fmt"

// Apply folds one entry into a wallet and checks that the two fit: the entry is
// the next one, and its balance is the one that the fold gives. The wallet is
// nil before an account's first entry. It fails with an error that describes
// the mismatch; such a wallet is not the fold of its ledger.
func Apply(before *Wallet, entry Entry) (*Wallet, error) {
	next, err := fold(before, &entry)
	if err != nil {
		return nil, err
	}
	if after := next.BalanceAt(entry.CreatedAt); after != entry.After {
		return nil, fmt.Errorf("ledger: entry %d has balance %+v, the fold gives %+v", entry.Seq, entry.After, after)
	}
	change := entry.After.Available
	if before != nil {
		change -= before.BalanceAt(before.LastAt).Available
	}
	if change != entry.Change {
		return nil, fmt.Errorf("ledger: entry %d has change %s, the fold gives %s", entry.Seq, entry.Change, change)
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
	case before == nil && entry.Type() != SettingsEntry:
		return nil, fmt.Errorf("ledger: the first entry is a %s, not an account's opening", entry.Type())
	}
	next.Seq, next.LastAt, next.Alerts = entry.Seq, entry.CreatedAt, nil
	for _, part := range entry.Lapsed {
		if err := next.lapse(part); err != nil {
			return nil, fmt.Errorf("ledger: entry %d: %w", entry.Seq, err)
		}
	}
	if err := entry.detail().fold(next, entry); err != nil {
		return nil, fmt.Errorf("ledger: entry %d: %w", entry.Seq, err)
	}
	return next, nil
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
