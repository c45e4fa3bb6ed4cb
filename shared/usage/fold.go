package usage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/ledger"
	"drawdown/shared/rating"
)

// MaxAttributes bounds what a fold adds to one sheet, so that one update of a
// store can carry it; the longest debit alone stays below it.
const MaxAttributes = 240

// Unfoldable is an entry that cannot be folded. Trying again does not help:
// either the entry or this program must change.
type Unfoldable struct {
	Seq    int64
	Reason string
}

// Error implements error.
func (u *Unfoldable) Error() string {
	return fmt.Sprintf("usage: entry %d cannot be folded: %s", u.Seq, u.Reason)
}

// Sightings lists the conversations of a run, each with its first entry there.
func Sightings(run []ledger.Entry) []Sighting {
	var sightings []Sighting
	seen := map[Conversation]bool{}
	for i := range run {
		conversation, there := conversationOf(&run[i])
		if there && !seen[conversation] {
			seen[conversation] = true
			sightings = append(sightings, Sighting{conversation, run[i].Seq})
		}
	}
	return sightings
}

func conversationOf(entry *ledger.Entry) (Conversation, bool) {
	if entry.Type != ledger.DebitEntry || entry.Debit == nil || entry.Debit.Conversation == "" {
		return Conversation{}, false
	}
	return Conversation{entry.Debit.Agent.ID, entry.Debit.Conversation}, true
}

// Fold makes of a run what it adds to each sheet it touches, by key. firsts
// says of each conversation of the run which entry of the whole ledger had it
// first. Fold fails with *Unfoldable.
func Fold(run []ledger.Entry, firsts map[Conversation]int64) ([]Delta, error) {
	f := folding{firsts: firsts, deltas: map[Key]*Delta{}}
	for i := range run {
		if err := f.entry(&run[i]); err != nil {
			return nil, err
		}
	}
	return f.sorted(), nil
}

// Prefix is the longest part of a run, from its first entry on, that one fold
// may carry: no sheet gets more than MaxAttributes. It is at least one entry.
// It fails with *Unfoldable if the first entry is; a later one ends the prefix.
func Prefix(run []ledger.Entry) ([]ledger.Entry, error) {
	f := folding{deltas: map[Key]*Delta{}}
	for i := range run {
		if err := f.entry(&run[i]); err != nil {
			if i == 0 {
				return nil, err
			}
			return run[:i], nil
		}
		if i > 0 && f.widest(&run[i]) > MaxAttributes {
			return run[:i], nil
		}
	}
	return run, nil
}

type folding struct {
	firsts map[Conversation]int64
	deltas map[Key]*Delta
}

func (f *folding) entry(entry *ledger.Entry) error {
	err := f.count(entry)
	var unfoldable *Unfoldable
	if err != nil && !errors.As(err, &unfoldable) {
		return &Unfoldable{entry.Seq, err.Error()}
	}
	return err
}

func (f *folding) count(entry *ledger.Entry) error {
	switch entry.Type {
	case ledger.DebitEntry:
		if entry.Debit == nil {
			return errors.New("a debit without its detail")
		}
		return f.debit(entry)
	case ledger.ReversalEntry:
		if entry.Reversal == nil {
			return errors.New("a reversal without its detail")
		}
		return f.reversal(entry)
	case ledger.GrantEntry, ledger.ExpiryEntry, ledger.SettingsEntry,
		ledger.RenewalEntry, ledger.PlanChangeEntry, ledger.PlanEndEntry,
		ledger.TakeBackEntry, ledger.GiveBackEntry, ledger.RefillEntry:
		return nil // what gives credits and takes them away is no use of them
	}
	return fmt.Errorf("its type %q is not known", entry.Type)
}

func (f *folding) debit(entry *ledger.Entry) error {
	d := entry.Debit
	counts := Counts{Credits: entry.Credits, Debits: 1, Messages: d.Messages}
	if conversation, there := conversationOf(entry); there && f.firsts[conversation] == entry.Seq {
		counts.Conversations = 1
	}
	nodes := map[rating.Item]NodeCounts{}
	for _, line := range d.Lines {
		sum := nodes[line.Item]
		if err := sum.add(NodeCounts{line.Credits, line.Quantity, 1}); err != nil {
			return err
		}
		nodes[line.Item] = sum
	}
	return f.add(entry.Seq, d.Agent, d.Day, d.Channel, counts, nodes)
}

func (f *folding) reversal(entry *ledger.Entry) error {
	r := entry.Reversal
	nodes := map[rating.Item]NodeCounts{}
	for _, line := range r.Lines {
		sum := nodes[line.Item]
		if err := sum.add(NodeCounts{Credits: -line.Credits}); err != nil {
			return err
		}
		nodes[line.Item] = sum
	}
	// The reversal may know an older name of the agent than debits since.
	agent := ledger.Agent{ID: r.Agent.ID}
	return f.add(entry.Seq, agent, r.Day, r.Channel, Counts{Credits: -entry.Credits}, nodes)
}

func (f *folding) add(seq int64, agent ledger.Agent, day, channel string, counts Counts, nodes map[rating.Item]NodeCounts) error {
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return fmt.Errorf("its day is %q", day)
	}
	if agent.ID == "" || channel == "" {
		return errors.New("it names no agent or no channel")
	}
	ofDay := Content{Counts: counts, Channels: map[string]credit.Amount{channel: counts.Credits}, Nodes: nodes}
	ofAgent := ofDay
	ofAgent.Name = agent.Name
	ofMonth := Content{Days: map[string]Counts{day: counts}, Name: agent.Name}
	month := day[:len("2006-01")]
	return errors.Join(
		f.addTo(Key{AccountDay, "", day}, seq, ofDay),
		f.addTo(Key{AgentDay, agent.ID, day}, seq, ofAgent),
		f.addTo(Key{AgentMonth, agent.ID, month}, seq, ofMonth),
	)
}

func (f *folding) addTo(key Key, seq int64, content Content) error {
	delta, found := f.deltas[key]
	if !found {
		delta = &Delta{Key: key, First: seq}
		f.deltas[key] = delta
	}
	delta.Last = seq
	return delta.Add(content)
}

// widest is the size of the widest sheet that an entry touches.
func (f *folding) widest(entry *ledger.Entry) int {
	var agent, day string
	switch entry.Type { // as count does: another type's detail is not read
	case ledger.DebitEntry:
		agent, day = entry.Debit.Agent.ID, entry.Debit.Day
	case ledger.ReversalEntry:
		agent, day = entry.Reversal.Agent.ID, entry.Reversal.Day
	default:
		return 0
	}
	widest := 0
	for _, key := range []Key{{AccountDay, "", day}, {AgentDay, agent, day}, {AgentMonth, agent, day[:len("2006-01")]}} {
		widest = max(widest, f.deltas[key].Attributes())
	}
	return widest
}

func (f *folding) sorted() []Delta {
	deltas := make([]Delta, 0, len(f.deltas))
	for _, delta := range f.deltas {
		deltas = append(deltas, *delta)
	}
	slices.SortFunc(deltas, func(a, b Delta) int { return compareKeys(a.Key, b.Key) })
	return deltas
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Period, b.Period))
}
