package capacity

import (
	"fmt"

	"drawdown/infra/load/report"
)

// rolledRow is the runs of one size.
type rolledRow struct {
	kind      runs
	each      []rolled
	committed Units // of their debits
}

func (row *rolledRow) add(one rolled, committed Units) {
	row.each = append(row.each, one)
	row.committed = row.committed.Plus(committed)
}

// mean returns the mean of a figure over the runs.
func (row *rolledRow) mean(figure func(rolled) float64) float64 {
	var sum float64
	for _, one := range row.each {
		sum += figure(one)
	}
	return sum / float64(len(row.each))
}

// atMost returns a cell with the means of a count and of its budget. Each run must keep the budget.
func (row *rolledRow) atMost(r *report.Report, unit string, counted, budget func(rolled) float64) string {
	for n, one := range row.each {
		r.AtMost(fmt.Sprintf("roll-up of %s entries, run %d", row.kind.name(), n+1), unit, counted(one), budget(one))
	}
	text := report.Number(row.mean(counted)) + " / " + report.Number(row.mean(budget))
	if row.mean(counted) > row.mean(budget) {
		text += " !"
	}
	return text
}

func reportRollup(r *report.Report, all []rolledRow) {
	r.Section("   Roll-up, runs for one account (counted / budget, means of the runs)")
	table := report.NewTable("entries per run", "runs", "requests", "in sequence", "sheets", "new conversations", "RRU", "WRU")
	for i := range all {
		row := &all[i]
		table.Row(row.kind.name(), len(row.each),
			row.mean(func(one rolled) float64 { return float64(one.requests) }),
			row.mean(func(one rolled) float64 { return float64(one.depth) }),
			row.atMost(r, "sheets", func(one rolled) float64 { return float64(one.sheets) }, func(one rolled) float64 { return float64(one.touched) }),
			row.mean(func(one rolled) float64 { return float64(one.begun) }),
			row.atMost(r, "RRU", func(one rolled) float64 { return one.cost.Read }, func(one rolled) float64 { return one.budget.Read }),
			row.atMost(r, "WRU", func(one rolled) float64 { return one.cost.Write }, func(one rolled) float64 { return one.budget.Write }))
	}
	r.Table(table)
	r.Note(
		fmt.Sprintf("An account of %d agents at the end of a month of 31 days, %d channels and %d nodes a day, several", talkerAgents, channels, nodes),
		"conversations at a time. Write budget: the sheets touched (the day's, and two for each agent) by their size,",
		"1 for the mark and 1 for each new conversation; read budget: the entries by their size, 1 for each",
		"conversation not cached, 1 for the mark.",
	)
	reportPerDebit(r, all)
}

// reportPerDebit shows what a debit costs to commit next to what it costs to roll
// up.
func reportPerDebit(r *report.Report, all []rolledRow) {
	r.Section("   Write units per debit, by the entries of a batch that is rolled up in one run")
	table := report.NewTable("entries a batch", "commit", "its index", "roll-up", "in all", "roll-up, RRU")
	for i := range all {
		row := &all[i]
		if row.kind.fresh {
			continue
		}
		debits := float64(row.kind.entries)
		commit, index := row.committed.Write/float64(row.kind.times)/debits, row.committed.Index/float64(row.kind.times)/debits
		written := row.mean(func(one rolled) float64 { return one.cost.Write }) / debits
		read := row.mean(func(one rolled) float64 { return one.cost.Read }) / debits
		table.Row(row.kind.entries, commit, index, written, commit+index+written, read)
	}
	r.Table(table)
	r.Note("A transaction takes at most 99 debits. One roll-up covers what the stream's window gathers,", "whether it was committed together or not.")
}
