package rolluptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"drawdown/shared/ledger"
	"drawdown/shared/usage"
)

// Sums are all numbers of an account's usage by what they count, such as
// "agent_day a1 2026-11-01 channel api"; zeros are left out. They also contain
// each sheet's name and the last entry in it.
type Sums struct {
	Numbers map[string]int64
	Names   map[string]string
	Last    map[string]int64
}

func newSums() Sums {
	return Sums{map[string]int64{}, map[string]string{}, map[string]int64{}}
}

func (s Sums) add(name string, n int64) {
	if s.Numbers[name] += n; s.Numbers[name] == 0 {
		delete(s.Numbers, name)
	}
}

// SumsOf adds up a ledger, entry by entry in the order of seq.
func SumsOf(entries []ledger.Entry) Sums {
	sums := newSums()
	seen := map[string]bool{}
	for _, e := range entries {
		switch d := e.Detail.(type) {
		case *ledger.Charge:
			conversation := d.Agent.ID + " " + d.Conversation
			first := d.Conversation != "" && !seen[conversation]
			seen[conversation] = true
			sums.debit(e, d, first)
		case *ledger.Reversal:
			sums.reversal(e, d)
		default: // is no usage
		}
	}
	return sums
}

func (s Sums) debit(e ledger.Entry, d *ledger.Charge, first bool) {
	day, agentDay, agentMonth := sheetNames(d.Agent.ID, d.Day)
	for _, prefix := range []string{day + " ", agentDay + " ", agentMonth + " " + d.Day + " "} {
		s.add(prefix+"credits", int64(e.Credits))
		s.add(prefix+"debits", 1)
		s.add(prefix+"messages", d.Messages)
		if first {
			s.add(prefix+"conversations", 1)
		}
	}
	for _, sheet := range []string{day, agentDay} {
		s.add(sheet+" channel "+d.Channel, int64(e.Credits))
		for _, line := range d.Lines {
			node := sheet + " node " + line.Node + "/" + line.Action
			s.add(node+" credits", int64(line.Credits))
			s.add(node+" quantity", int64(line.Quantity))
			s.add(node+" lines", 1)
		}
	}
	for _, sheet := range []string{agentDay, agentMonth} {
		if d.Agent.Name != "" {
			s.Names[sheet] = d.Agent.Name
		}
	}
	s.Last[day], s.Last[agentDay], s.Last[agentMonth] = e.Seq, e.Seq, e.Seq
}

func (s Sums) reversal(e ledger.Entry, r *ledger.Reversal) {
	day, agentDay, agentMonth := sheetNames(r.Agent.ID, r.Day)
	for _, name := range []string{
		day + " credits", agentDay + " credits", agentMonth + " " + r.Day + " credits",
		day + " channel " + r.Channel, agentDay + " channel " + r.Channel,
	} {
		s.add(name, -int64(e.Credits))
	}
	for _, line := range r.Lines {
		for _, sheet := range []string{day, agentDay} {
			s.add(sheet+" node "+line.Node+"/"+line.Action+" credits", -int64(line.Credits))
		}
	}
	s.Last[day], s.Last[agentDay], s.Last[agentMonth] = e.Seq, e.Seq, e.Seq
}

func sheetNames(agent, day string) (ofDay, agentDay, agentMonth string) {
	return "account_day " + day, "agent_day " + agent + " " + day, "agent_month " + agent + " " + day[:7]
}

// SumsIn brings stored sheets into the form of Sums.
func SumsIn(sheets []usage.Sheet) Sums {
	sums := newSums()
	for _, sheet := range sheets {
		name := strings.Join(slices.DeleteFunc([]string{string(sheet.Kind), sheet.Agent, sheet.Period}, func(s string) bool { return s == "" }), " ")
		sums.counts(name+" ", sheet.Counts)
		for day, counts := range sheet.Days {
			sums.counts(name+" "+day+" ", counts)
		}
		for channel, credits := range sheet.Channels {
			sums.add(name+" channel "+channel, int64(credits))
		}
		for item, counts := range sheet.Nodes {
			node := name + " node " + item.String()
			sums.add(node+" credits", int64(counts.Credits))
			sums.add(node+" quantity", int64(counts.Quantity))
			sums.add(node+" lines", counts.Lines)
		}
		if sheet.Name != "" {
			sums.Names[name] = sheet.Name
		}
		sums.Last[name] = sheet.Upto
	}
	return sums
}

func (s Sums) counts(prefix string, counts usage.Counts) {
	s.add(prefix+"credits", int64(counts.Credits))
	s.add(prefix+"debits", counts.Debits)
	s.add(prefix+"messages", counts.Messages)
	s.add(prefix+"conversations", counts.Conversations)
}

// Difference lists what two sums do not agree on; it is empty where they agree.
func Difference(got, want Sums) string {
	lines := slices.Concat(
		differences("", got.Numbers, want.Numbers), differences("name of ", got.Names, want.Names), differences("last of ", got.Last, want.Last))
	const most = 12
	return strings.Join(lines[:min(most, len(lines))], "\n")
}

func differences[V comparable](prefix string, got, want map[string]V) []string {
	keys := slices.Sorted(maps.Keys(got))
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, both := got[key]; !both {
			keys = append(keys, key)
		}
	}
	var lines []string
	for _, key := range keys {
		g, there := got[key]
		w, wanted := want[key]
		if g != w || there != wanted {
			lines = append(lines, fmt.Sprintf("%s%s is %v (%t), want %v (%t)", prefix, key, g, there, w, wanted))
		}
	}
	return lines
}
