package dynamo

import (
	"drawdown/shared/credit"
	"drawdown/shared/ledger"
)

// tallyRecord is what has been undone of a debit, or of a grant, up to one
// reversal or recovery.
type tallyRecord struct {
	Count   int     `dynamodbav:"k"`
	Credits int64   `dynamodbav:"c,omitempty"`
	Overage int64   `dynamodbav:"o,omitempty"`
	Draws   []int64 `dynamodbav:"dr,omitempty"`
	Lines   []int64 `dynamodbav:"l,omitempty"`

	Owed  int64        `dynamodbav:"ow,omitempty"`
	Taken []drawRecord `dynamodbav:"tk,omitempty"`
	Since int64        `dynamodbav:"s,omitempty"`
}

func tallyRecordOf(t ledger.Reversed) tallyRecord {
	plain := func(a credit.Amount) int64 { return int64(a) }
	return tallyRecord{
		Count: t.Count, Credits: int64(t.Credits), Overage: int64(t.Overage), Draws: mapped(t.Draws, plain), Lines: mapped(t.Lines, plain),
		Owed: int64(t.Owed), Since: millis(t.Since),
		Taken: mapped(t.Taken, func(taken ledger.Taken) drawRecord { return drawRecordOf(ledger.Draw(taken)) }),
	}
}

func (r tallyRecord) tally() ledger.Reversed {
	amount := func(n int64) credit.Amount { return credit.Amount(n) }
	return ledger.Reversed{
		Count: r.Count, Credits: credit.Amount(r.Credits), Overage: credit.Amount(r.Overage),
		Draws: mapped(r.Draws, amount), Lines: mapped(r.Lines, amount),
		Owed: credit.Amount(r.Owed), Since: instant(r.Since),
		Taken: mapped(r.Taken, func(d drawRecord) ledger.Taken { return ledger.Taken(d.draw()) }),
	}
}
