package capacity

import "drawdown/infra/load/report"

// budget is what the design allows for an operation.
type budget struct {
	read, write, index float64
	depth              int
}

// The budgets of section 10 of the design.
var (
	debitBudget   = &budget{read: 2, write: 4, index: 1, depth: 2}
	nothingBudget = &budget{read: 2, depth: 1} // of a refusal or a replay
)

// itemBudget is the largest size of a typical wallet and of a typical debit's
// entry.
const itemBudget = 1 << 10

func batchBudget(n int) *budget {
	return &budget{read: float64(n + 1), write: float64(2*n + 2), index: float64(n), depth: 2}
}

// cells are the counted columns of an operation's row, with its budget where it has one.
func (b *budget) cells(r *report.Report, name string, c Cost) (depth, read, write, index any) {
	if b == nil {
		return c.Depth, c.Counted.Read, c.Counted.Write, c.Counted.Index
	}
	return r.AtMost(name, "round trips one after another", float64(c.Depth), float64(b.depth)),
		r.AtMost(name, "RRU", c.Counted.Read, b.read),
		r.AtMost(name, "WRU", c.Counted.Write, b.write),
		r.AtMost(name, "WRU of indexes", c.Counted.Index, b.index)
}
