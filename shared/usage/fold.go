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
		conversation, there := sighted(&run[i])
		if there && !seen[conversation] {
			seen[conversation] = true
			sightings = append(sightings, Sighting{conversation, run[i].Seq})
		}
	}
	return sightings
}

func sighted(entry *ledger.Entry) (Conversation, bool) {
	use, err := entry.Use()
	if err != nil || use == nil {
		return Conversation{}, false
	}
	return conversationOf(use)
}

func conversationOf(use *ledger.Use) (Conversation, bool) {
	return Conversation{use.Agent.ID, use.Conversation}, use.Conversation != ""
}

// Fold turns a run into what it adds to each sheet it touches, by key. firsts
// maps each conversation of the run to the entry of the whole ledger that had
// it first. Fold fails with *Unfoldable.
func Fold(run []ledger.Entry, firsts map[Conversation]int64) ([]Delta, error) {
	f := folding{firsts: firsts, deltas: map[Key]*Delta{}}
	for i := range run {
		if _, err := f.entry(&run[i]); err != nil {
			return nil, err
		}
	}
	return f.sorted(), nil
}

// Prefix is the longest part of a run, from its first entry on, that one fold
// may cover: no sheet gets more than MaxAttributes. It is at least one entry.
// It fails with *Unfoldable if the first entry is; a later one ends the prefix.
func Prefix(run []ledger.Entry) ([]ledger.Entry, error) {
	f := folding{deltas: map[Key]*Delta{}}
	for i := range run {
		use, err := f.entry(&run[i])
		if err != nil {
			if i == 0 {
				return nil, err
			}
			return run[:i], nil
		}
		if i > 0 && f.widest(use) > MaxAttributes {
			return run[:i], nil
		}
	}
	return run, nil
}

type folding struct {
	firsts map[Conversation]int64
	deltas map[Key]*Delta
}

// entry adds what usage counts of an entry, and returns it; nil: nothing.
func (f *folding) entry(entry *ledger.Entry) (*ledger.Use, error) {
	use, err := entry.Use()
	if err == nil && use != nil {
		err = f.add(entry.Seq, use)
	}
	if err != nil {
		return nil, &Unfoldable{entry.Seq, err.Error()}
	}
	return use, nil
}

func (f *folding) add(seq int64, use *ledger.Use) error {
	if _, err := time.Parse(time.DateOnly, use.Day); err != nil {
		return fmt.Errorf("invalid day %q", use.Day)
	}
	if use.Agent.ID == "" || use.Channel == "" {
		return errors.New("the agent or the channel is missing")
	}
	counts := Counts{Credits: use.Credits, Debits: use.Debits, Messages: use.Messages}
	if conversation, there := conversationOf(use); there && f.firsts[conversation] == seq {
		counts.Conversations = 1
	}
	nodes := map[rating.Item]NodeCounts{}
	for _, line := range use.Lines {
		sum := nodes[line.Item]
		if err := sum.add(NodeCounts{line.Credits, line.Quantity, line.Count}); err != nil {
			return err
		}
		nodes[line.Item] = sum
	}
	ofDay := Content{Counts: counts, Channels: map[string]credit.Amount{use.Channel: counts.Credits}, Nodes: nodes}
	ofAgent := ofDay
	ofAgent.Name = use.Agent.Name
	ofMonth := Content{Days: map[string]Counts{use.Day: counts}, Name: use.Agent.Name}
	keys := sheetsOf(use)
	return errors.Join(
		f.addTo(keys[0], seq, ofDay),
		f.addTo(keys[1], seq, ofAgent),
		f.addTo(keys[2], seq, ofMonth),
	)
}

// sheetsOf are the sheets of the account's day, the agent's day and the agent's month.
func sheetsOf(use *ledger.Use) [3]Key {
	month := use.Day[:len("2006-01")]
	return [3]Key{{AccountDay, "", use.Day}, {AgentDay, use.Agent.ID, use.Day}, {AgentMonth, use.Agent.ID, month}}
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

// widest is the size of the widest sheet that an entry's use touches.
func (f *folding) widest(use *ledger.Use) int {
	if use == nil {
		return 0
	}
	widest := 0
	for _, key := range sheetsOf(use) {
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
