package ledger

import (
	"time"

	"drawdown/shared/credit"
	"drawdown/shared/rating"
)

// Quotation is what a debit would do if it were sent at an instant.
type Quotation struct {
	Credits   credit.Amount
	Lines     []rating.Priced
	RateCard  string
	Available credit.Amount // grants only
	Overage   credit.Amount // what would be used beyond the grants
	Shortfall credit.Amount // what grants and overage room together lack; 0: affordable
}

// Quote returns what a debit of these lines would do. It fails as the debit
// would, except for insufficient credits, which it reports.
func Quote(state State, lines []rating.Line, occurredAt *time.Time, now time.Time) (Quotation, error) {
	if state.Wallet == nil {
		return Quotation{}, NoAccount(state.Account)
	}
	if err := state.Wallet.mayDebit(); err != nil {
		return Quotation{}, err
	}
	draft := begin(state.Wallet, Command{}, now)
	charge, credits, err := price(state, Debit{Lines: lines, OccurredAt: occurredAt}, draft.entry.CreatedAt)
	if err != nil {
		return Quotation{}, err
	}
	available := draft.on.BalanceAt(draft.entry.CreatedAt).Available
	order := draft.on.burnOrder(draft.entry.CreatedAt)
	var drawable credit.Amount
	for _, i := range order[:min(len(order), MaxDraws)] {
		drawable += draft.on.Grants[i].Remaining
	}
	beyond := max(0, credits-drawable)
	room := draft.overageRoom(len(order))
	return Quotation{
		Credits:   credits,
		Lines:     charge.Lines,
		RateCard:  charge.RateCard,
		Available: available,
		Overage:   min(beyond, room),
		Shortfall: max(0, beyond-room),
	}, nil
}
