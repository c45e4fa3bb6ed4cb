package usage

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// Difference is one number in which the stored sheets differ from the ledger.
type Difference struct {
	Where  string // the sheet and the field in it
	Ledger string // what the ledger adds up to
	Stored string
}

// Proof folds a ledger once more, beside the stored sheets, and reports where
// they differ. A sheet may be ahead of the mark, when a roll-up is under way,
// and the mark behind the ledger; so each is compared with the fold of the
// entries up to its own last one. It is late, which is not a difference, if all
// that it lacks is beyond the mark.
type Proof struct {
	mark   Mark
	stored map[Key]Sheet
	folded map[Key]*Content
	missed map[Key]int64 // the first entry up to the mark that a sheet lacks
	last   map[Key]int64 // the last entry that a sheet holds
	late   map[Key]bool  // an entry beyond the mark belongs to it
	stale  []Sheet       // of an epoch that is over, though no rebuild is under way
	firsts map[Conversation]int64
}

// NewProof starts a proof of the stored sheets of an account.
func NewProof(mark Mark, sheets []Sheet) *Proof {
	proof := &Proof{
		mark: mark, stored: make(map[Key]Sheet, len(sheets)),
		folded: map[Key]*Content{}, missed: map[Key]int64{}, last: map[Key]int64{}, late: map[Key]bool{},
		firsts: map[Conversation]int64{},
	}
	for _, sheet := range sheets {
		switch {
		case sheet.Epoch == mark.Epoch:
			proof.stored[sheet.Key] = sheet
		case mark.Rebuild == 0: // otherwise the rebuild has not replaced it yet
			proof.stale = append(proof.stale, sheet)
		}
	}
	return proof
}

// Entry takes the next entry of the ledger. It fails with *Unfoldable.
func (p *Proof) Entry(entry ledger.Entry) error {
	if conversation, there := sighted(&entry); there {
		if _, known := p.firsts[conversation]; !known {
			p.firsts[conversation] = entry.Seq
		}
	}
	deltas, err := Fold([]ledger.Entry{entry}, p.firsts)
	if err != nil {
		return err
	}
	for _, delta := range deltas {
		if entry.Seq > p.mark.Seq {
			p.late[delta.Key] = true
		}
		if entry.Seq > p.stored[delta.Key].Upto {
			if _, missed := p.missed[delta.Key]; !missed && entry.Seq <= p.mark.Seq {
				p.missed[delta.Key] = entry.Seq
			}
			continue
		}
		if p.folded[delta.Key] == nil {
			p.folded[delta.Key] = &Content{}
		}
		p.last[delta.Key] = entry.Seq
		if err := p.folded[delta.Key].Add(delta.Content); err != nil {
			return &Unfoldable{entry.Seq, err.Error()}
		}
	}
	return nil
}

// Differences lists where the sheets differ from the ledger, sheet by sheet.
func (p *Proof) Differences() []Difference {
	var found []Difference
	for _, sheet := range p.stale {
		if p.late[sheet.Key] && sheet.Epoch < p.mark.Epoch {
			continue // a run that a rebuild has overtaken wrote it; the next one replaces it
		}
		found = append(found, Difference{sheet.String(), "epoch " + strconv.FormatInt(p.mark.Epoch, 10), "another epoch"})
	}
	for _, key := range slices.SortedFunc(maps.Keys(p.missed), compareKeys) {
		found = append(found, Difference{key.String() + ".upto", strconv.FormatInt(p.missed[key], 10), strconv.FormatInt(p.stored[key].Upto, 10)})
	}
	for _, key := range slices.SortedFunc(maps.Keys(p.stored), compareKeys) {
		want := Content{}
		if folded := p.folded[key]; folded != nil {
			want = *folded
		}
		if p.missed[key] == 0 && p.last[key] != p.stored[key].Upto {
			found = append(found, Difference{key.String() + ".upto", strconv.FormatInt(p.last[key], 10), strconv.FormatInt(p.stored[key].Upto, 10)})
		}
		if why := p.stored[key].Unreadable; why != "" {
			found = append(found, Difference{key.String(), "readable", why})
			continue
		}
		found = append(found, compareContents(key.String(), want, p.stored[key].Content)...)
	}
	return found
}

// Sheets counts the sheets that were compared.
func (p *Proof) Sheets() int { return len(p.stored) }

// String names a sheet, such as "agent_day a1 2026-11-23".
func (k Key) String() string {
	if k.Agent == "" {
		return string(k.Kind) + " " + k.Period
	}
	return string(k.Kind) + " " + k.Agent + " " + k.Period
}

func compareContents(sheet string, want, got Content) []Difference {
	var found []Difference
	differ := func(field, ledger, stored string) {
		if ledger != stored {
			found = append(found, Difference{sheet + " " + field, ledger, stored})
		}
	}
	differ("name", want.Name, got.Name)
	compareCounts("", want.Counts, got.Counts, differ)
	for _, day := range union(want.Days, got.Days) {
		compareCounts(day+" ", want.Days[day], got.Days[day], differ)
	}
	for _, channel := range union(want.Channels, got.Channels) {
		differ("channel "+channel, want.Channels[channel].String(), got.Channels[channel].String())
	}
	items := map[string]rating.Item{}
	for _, item := range append(slices.Collect(maps.Keys(want.Nodes)), slices.Collect(maps.Keys(got.Nodes))...) {
		items[item.String()] = item
	}
	for _, name := range slices.Sorted(maps.Keys(items)) {
		w, g := want.Nodes[items[name]], got.Nodes[items[name]]
		differ(name+" credits", w.Credits.String(), g.Credits.String())
		differ(name+" quantity", w.Quantity.String(), g.Quantity.String())
		differ(name+" lines", strconv.FormatInt(w.Lines, 10), strconv.FormatInt(g.Lines, 10))
	}
	return found
}

func compareCounts(prefix string, want, got Counts, differ func(field, ledger, stored string)) {
	differ(prefix+"credits", want.Credits.String(), got.Credits.String())
	for _, n := range []struct {
		name      string
		want, got int64
	}{
		{"debits", want.Debits, got.Debits},
		{"messages", want.Messages, got.Messages},
		{"conversations", want.Conversations, got.Conversations},
	} {
		differ(prefix+n.name, strconv.FormatInt(n.want, 10), strconv.FormatInt(n.got, 10))
	}
}

// union lists the keys of both maps in order.
func union[K cmp.Ordered, V any](a, b map[K]V) []K {
	keys := map[K]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return slices.Sorted(maps.Keys(keys))
}
