package capacity

import (
	"context"
	"fmt"

	"drawdown/infra/load/report"
	"drawdown/infra/load/subject"
	"drawdown/shared/dynamo"
)

// repeats is how often each operation is measured. The highest cost counts, but the
// lowest depth: concurrent requests may fail to overlap on a busy machine, but
// sequential ones never overlap.
const repeats = 3

// Measure runs the operations and reports what each costs.
func Measure(ctx context.Context, r *report.Report) error {
	platform, err := subject.Start(ctx)
	if err != nil {
		return err
	}
	defer platform.Close(ctx)
	meter := NewMeter(platform.DB(), schemaOf(platform.Names()))
	tables := platform.Tables(meter.Install)
	b := &bench{tables.Ledger, platform.Committer(tables)}
	if err := platform.Open(ctx, account); err != nil {
		return err
	}
	// The rate cards are cached, as they almost always are in a function.
	if err := b.quote(ctx, 0); err != nil {
		return err
	}
	if _, err := meter.Take(); err != nil {
		return err
	}

	r.Section("1. Capacity and round trips of an operation (counted / budget)")
	table := report.NewTable("operation", "requests", "in sequence", "RRU", "WRU", "index WRU", "Local: read", "Local: write")
	var sizes map[string]int
	for _, op := range b.operations() {
		cost, err := measure(ctx, meter, op)
		if err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		if sizes == nil {
			sizes = cost.Written
		}
		depth, read, write, index := op.budget.cells(r, op.name, cost)
		table.Row(op.name, cost.Requests, depth, read, write, index, cost.Reported.Read, cost.Reported.Write)
	}
	r.Table(table)
	r.Note(
		"Counted by the documented rules from the sizes of the items read and written. \"In sequence\" counts",
		"concurrent requests once. Local is what DynamoDB Local 3.3.1 reports, tables and indexes together. It is",
		"right for existing items, but charges nothing for missing items of a batch, and for a transaction sums",
		"distinct values only, so it cannot check the count there.",
	)
	reportSizes(r, sizes)
	if err := measureRollup(ctx, r, platform); err != nil {
		return fmt.Errorf("roll-up: %w", err)
	}
	if err := measureQueries(ctx, r, platform); err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	return nil
}

func reportSizes(r *report.Report, sizes map[string]int) {
	r.Section("   Item sizes (bytes / budget)")
	table := report.NewTable("item", "size")
	for _, item := range []struct{ name, table string }{
		{"usual wallet, 3 grants", dynamo.WalletsTable.Name},
		{"entry of a debit of one line", dynamo.LedgerTable.Name},
	} {
		table.Row(item.name, r.AtMost(item.name, "bytes", float64(sizes[item.table]), itemBudget))
	}
	r.Table(table)
}

func measure(ctx context.Context, meter *Meter, op operation) (Cost, error) {
	var highest Cost
	for n := range repeats {
		if err := op.run(ctx, n); err != nil {
			return Cost{}, err
		}
		cost, err := meter.Take()
		if err != nil {
			return Cost{}, err
		}
		if n == 0 {
			highest = cost
		}
		highest = highest.max(cost)
	}
	return highest, nil
}

func (c Cost) max(d Cost) Cost {
	c.Requests, c.Depth, c.Queries = max(c.Requests, d.Requests), min(c.Depth, d.Depth), max(c.Queries, d.Queries)
	c.Counted, c.Reported = c.Counted.max(d.Counted), c.Reported.max(d.Reported)
	for table, size := range d.Written {
		c.Written[table] = max(c.Written[table], size)
	}
	return c
}

func (u Units) max(v Units) Units {
	return Units{max(u.Read, v.Read), max(u.Write, v.Write), max(u.Index, v.Index)}
}

func schemaOf(names dynamo.Names) map[string]dynamo.Table {
	return map[string]dynamo.Table{
		names.Wallets: dynamo.WalletsTable, names.Ledger: dynamo.LedgerTable, names.Usage: dynamo.UsageTable, names.Accounts: dynamo.AccountsTable,
	}
}
