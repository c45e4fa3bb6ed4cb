package capacity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"drawdown/infra/load/report"
	"drawdown/infra/load/usual"
	"drawdown/shared/dynamo"
	"drawdown/shared/parallel"
	"drawdown/shared/usage"
)

// writersAtOnce bounds the sheets that are written concurrently.
const writersAtOnce = 16

var channels, nodes = len(usual.Channels), len(usual.Nodes)

// fill writes sheets as they are after an account's first entry.
func fill(ctx context.Context, store *dynamo.Usage, account string, sheets []usage.Delta) error {
	return errors.Join(parallel.Each(ctx, writersAtOnce, len(sheets), func(ctx context.Context, i int) error {
		sheet := sheets[i]
		sheet.First, sheet.Last = 1, 1
		standing, err := store.Add(ctx, account, 0, sheet)
		if err == nil && !standing.Added {
			err = fmt.Errorf("sheet %v already exists", sheet.Key)
		}
		return err
	})...)
}

// grownSheets returns the sheets that a debit at the instant touches, at their
// largest: the day with every node and channel, and every agent with 31 days.
func grownSheets(now time.Time) []usage.Delta {
	today := now.Format(time.DateOnly)
	sheets := []usage.Delta{accountDay(today, talkerAgents)}
	for agent := range talkerAgents {
		sheets = append(sheets, agentDay(agent, today), agentMonth(agent, thirtyOneDays(today)))
	}
	return sheets
}

// thirtyOneDays returns 31 days of a day's month, whether it has them or not.
func thirtyOneDays(day string) []string {
	days := make([]string, 31)
	for i := range days {
		days[i] = fmt.Sprintf("%s-%02d", day[:len("2006-01")], i+1)
	}
	return days
}

func accountDay(day string, agents int64) usage.Delta {
	return usage.Delta{Key: usage.Key{Kind: usage.AccountDay, Period: day}, Content: usual.Day(agents * talkerDebits)}
}

func agentDay(agent int, day string) usage.Delta {
	content := usual.Day(talkerDebits)
	content.Name = usual.Agent(agent).Name
	return usage.Delta{Key: usage.Key{Kind: usage.AgentDay, Agent: usual.Agent(agent).ID, Period: day}, Content: content}
}

func agentMonth(agent int, days []string) usage.Delta {
	return usage.Delta{
		Key:     usage.Key{Kind: usage.AgentMonth, Agent: usual.Agent(agent).ID, Period: days[0][:len("2006-01")]},
		Content: usual.Month(agent, days, talkerDebits),
	}
}

// reportSheets tells how large sheets are that have seen all there is to see.
func reportSheets(ctx context.Context, r *report.Report, meter *Meter, store *dynamo.Usage) error {
	r.Section("   Sizes of sheets")
	table := report.NewTable("sheet", "bytes", "WRU per update")
	const day = "2026-10-31"
	for _, sheet := range []struct {
		name string
		usage.Delta
	}{
		{fmt.Sprintf("day of an account of %d agents, %d nodes, %d channels", busyAgents, nodes, channels), accountDay(day, busyAgents)},
		{fmt.Sprintf("day of an agent, %d nodes, %d channels", nodes, channels), agentDay(0, day)},
		{"month of an agent, 31 days", agentMonth(0, thirtyOneDays(day))},
	} {
		if err := fill(ctx, store, "sizes", []usage.Delta{sheet.Delta}); err != nil {
			return err
		}
		cost, err := meter.Take()
		if err != nil {
			return err
		}
		table.Row(sheet.name, cost.Written[dynamo.UsageTable.Name], cost.Counted.Write)
	}
	r.Table(table)
	return nil
}
