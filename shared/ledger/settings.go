package ledger

import (
	"drawdown/shared/credit"
	"drawdown/shared/fault"
)

// SettingsEntry is the kind of the entry that settings leave: the first one of
// every account is one.
const SettingsEntry EntryType = "settings"

// Configure replaces an account's settings, and opens the account if there is
// none. Its operation is always the platform's own.
type Configure struct {
	Settings Settings
}

// Settings are what the operator sets for an account, and the detail of the
// entry that records it.
type Settings struct {
	Name       string
	Zone       string // IANA name: the account's usage days are its calendar days
	Status     Status
	Overage    *Overage // nil: not set here
	LowBalance credit.Amount
}

// Equal reports whether two settings are the same.
func (s Settings) Equal(other Settings) bool {
	mine, theirs := s.Overage, other.Overage
	s.Overage, other.Overage = nil, nil
	if s != other || (mine == nil) != (theirs == nil) {
		return false
	}
	return mine == nil || *mine == *theirs
}

func (Configure) needs() Needs { return Needs{Alone: true, opens: true} }

func (a Configure) decide(d *draft, state State) error {
	if state.Wallet != nil && state.Wallet.Settings.Equal(a.Settings) {
		return nil
	}
	if _, err := location(a.Settings.Zone); err != nil {
		return fault.Invalid(fault.Param{Name: "time_zone", Reason: `must be an IANA zone such as "Europe/Berlin" or "UTC"`})
	}
	d.entry.Operation, d.entry.Hash = "", Hash{}
	settings := a.Settings
	d.record(0, &settings)
	return nil
}

func (s *Settings) fold(w *Wallet, _ *Entry) error {
	w.Settings = *s
	return nil
}

func (*Settings) effects() effects { return effects{} }
func (*Settings) kind() EntryType  { return SettingsEntry }
func (*Settings) use(*Entry) *Use  { return nil }

func (Configure) canonical(f *canonicalForm) { f.str("settings/1") }
