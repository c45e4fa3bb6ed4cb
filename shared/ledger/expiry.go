package ledger

// ExpiryEntry is the kind of the entry that only removes expired grants.
const ExpiryEntry EntryType = "expiry"

// ExpireGrants removes the grants that have expired.
type ExpireGrants struct{}

// Expiry is the detail of an expiry. It is empty: Entry.Lapsed has everything.
type Expiry struct{}

func (ExpireGrants) needs() Needs { return Needs{} }

func (ExpireGrants) decide(d *draft, _ State) error { //nolint:unparam // other actions may refuse
	if len(d.entry.Lapsed) == 0 {
		return nil
	}
	d.record(sumOf(d.entry.Lapsed), &Expiry{})
	return nil
}

func (*Expiry) fold(*Wallet, *Entry) error { return nil }
func (*Expiry) effects() effects           { return effects{} }
func (*Expiry) kind() EntryType            { return ExpiryEntry }
func (*Expiry) use(*Entry) *Use            { return nil }

func (ExpireGrants) canonical(f *canonicalForm) { f.str("expiry/1") }
