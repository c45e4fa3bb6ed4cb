package usage

import (
	"cmp"
	"slices"
	"time"

	"drawdown/shared/rating"
)

// MaxMonths bounds the range of one query.
const MaxMonths = 13

// Grouping is what a report of usage is grouped by.
type Grouping string

// The groupings.
const (
	ByDay     Grouping = "day"
	ByChannel Grouping = "channel"
	ByAgent   Grouping = "agent"
	ByNode    Grouping = "node"
)

// Groupings lists them.
func Groupings() []Grouping { return []Grouping{ByDay, ByChannel, ByAgent, ByNode} }

// Range is a number of calendar days, both ends inclusive.
type Range struct {
	First, Last string // 2006-01-02
}

// Days lists the days of the range.
func (r Range) Days() []string {
	first, errFirst := time.Parse(time.DateOnly, r.First)
	last, errLast := time.Parse(time.DateOnly, r.Last)
	if errFirst != nil || errLast != nil {
		return nil
	}
	var days []string
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format(time.DateOnly))
	}
	return days
}

func (r Range) holds(day string) bool { return r.First <= day && day <= r.Last }

// Months are the first and the last month that the range touches, 2006-01.
func (r Range) Months() (first, last string) {
	return r.First[:len("2006-01")], r.Last[:len("2006-01")]
}

// Group is one line of a report. What its grouping does not determine is
// absent: Counted reports whether more than credits is known.
type Group struct {
	Key   string // a day, a channel, an agent's id, or node/action
	Label string
	Counts
	Counted bool
	Node    *NodeCounts // of a node group
	Unit    string      // of a node group; empty: not in any rate card
}

// Report is what a range adds up to. The groups' credits add up to the total's.
type Report struct {
	Epoch  int64 // the latest of its sheets'
	Total  Counts
	Groups []Group
}

// ReportByDay reports the sheets of days by day; days without a sheet are zero.
func ReportByDay(sheets []Sheet, within Range) (Report, error) {
	counts := make(map[string]Counts, len(sheets))
	for _, sheet := range sheets {
		counts[sheet.Period] = sheet.Counts
	}
	report := Report{}
	for _, day := range within.Days() {
		report.Groups = append(report.Groups, Group{Key: day, Label: day, Counts: counts[day], Counted: true})
	}
	return report, report.sum(sheets)
}

// ReportByChannel reports the sheets of days by channel: the known ones in
// their order, then any others that have been used.
func ReportByChannel(sheets []Sheet, known []string, label func(string) string) (Report, error) {
	var sum Content
	for _, sheet := range sheets {
		if err := sum.Add(Content{Channels: sheet.Channels}); err != nil {
			return Report{}, err
		}
	}
	report := Report{}
	channels := slices.Clone(known)
	for channel := range sum.Channels {
		if !slices.Contains(known, channel) {
			channels = append(channels, channel)
		}
	}
	slices.Sort(channels[len(known):])
	for _, channel := range channels {
		report.Groups = append(report.Groups, Group{
			Key: channel, Label: label(channel), Counts: Counts{Credits: sum.Channels[channel]},
		})
	}
	return report, report.sum(sheets)
}

// ReportByNode reports the sheets of days by node/action, the most expensive
// first. Labels and units are those of the latest card up to now that has them.
func ReportByNode(sheets []Sheet, book rating.Book, now time.Time) (Report, error) {
	var sum Content
	for _, sheet := range sheets {
		if err := sum.Add(Content{Nodes: sheet.Nodes}); err != nil {
			return Report{}, err
		}
	}
	report := Report{}
	for item, counts := range sum.Nodes {
		rate, known := book.Rate(item, now)
		group := Group{Key: item.String(), Label: item.String(), Counts: Counts{Credits: counts.Credits}, Node: &counts, Unit: rate.Unit}
		if known {
			group.Label = rate.Label
		}
		report.Groups = append(report.Groups, group)
	}
	report.sortByCredits()
	return report, report.sum(sheets)
}

// ReportByAgent reports the sheets of agents' months by agent, the most
// expensive first, counting only days within the range.
func ReportByAgent(sheets []Sheet, within Range) (Report, error) {
	groups := map[string]*Group{}
	report := Report{}
	// In the order of months, so that the latest name is kept.
	sorted := slices.SortedFunc(slices.Values(sheets), func(a, b Sheet) int { return compareKeys(a.Key, b.Key) })
	for _, sheet := range sorted {
		report.Epoch = max(report.Epoch, sheet.Epoch)
		group := groups[sheet.Agent]
		for day, counts := range sheet.Days {
			if !within.holds(day) {
				continue
			}
			if group == nil {
				group = &Group{Key: sheet.Agent, Label: sheet.Agent, Counted: true}
				groups[sheet.Agent] = group
			}
			if err := group.add(counts); err != nil {
				return Report{}, err
			}
			if err := report.Total.add(counts); err != nil {
				return Report{}, err
			}
		}
		if group != nil && sheet.Name != "" {
			group.Label = sheet.Name
		}
	}
	for _, group := range groups {
		report.Groups = append(report.Groups, *group)
	}
	report.sortByCredits()
	return report, nil
}

// ReportOfAgent reports the sheets of one agent's days as one group.
func ReportOfAgent(sheets []Sheet, agent string) (Report, error) {
	report := Report{}
	if err := report.sum(sheets); err != nil || len(sheets) == 0 {
		return report, err
	}
	label := agent
	for _, sheet := range sheets {
		label = cmp.Or(sheet.Name, label) // a day's debits may have no name
	}
	report.Groups = []Group{{Key: agent, Label: label, Counts: report.Total, Counted: true}}
	return report, nil
}

func (r *Report) sum(sheets []Sheet) error {
	for _, sheet := range sheets {
		r.Epoch = max(r.Epoch, sheet.Epoch)
		if err := r.Total.add(sheet.Counts); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) sortByCredits() {
	slices.SortFunc(r.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Credits, a.Credits), cmp.Compare(a.Key, b.Key))
	})
}
