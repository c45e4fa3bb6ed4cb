package settlement

import (
	"context"
	"errors"

	"drawdown/shared/billing"
	"drawdown/shared/ledger"
)

// takeBack adjusts what is taken back of a grant to the current state of the
// money.
func (s *Settler) takeBack(ctx context.Context, account string, of ledger.OperationID, payment string) error {
	for range maxTries {
		snapshot, err := s.Store.Read(ctx, account, nil, of)
		if err != nil {
			return err
		}
		charged := snapshot.Charged
		if charged == nil {
			return ErrNotYet
		}
		// Read after the tally: a newer reading of the money has changed the tally.
		present, err := s.Processor.Payment(ctx, payment)
		if err != nil {
			return err
		}
		total, err := present.TakenBack(ledger.Granted(charged.Entry))
		if err != nil {
			return err
		}
		if total == charged.Reversed.Credits {
			return nil
		}
		outcome := s.Committer.Do(ctx, account, ledger.Command{Action: ledger.TakeBack{
			Of: of, Total: total, Seen: charged.Reversed.Count, Reason: reasonOf(present),
		}})
		if outcome.Err != nil && !errors.Is(outcome.Err, ledger.ErrTallyMoved) {
			return outcome.Err
		}
		// Read again: another reading of the money, newer than ours, may have found
		// nothing to change before ours took effect.
	}
	return ErrMoved
}

func reasonOf(p billing.Payment) string {
	switch {
	case p.Dispute == billing.DisputeOpen:
		return "disputed"
	case p.Dispute == billing.DisputeLost:
		return "dispute lost"
	case p.Dispute == billing.DisputeWon && p.Refunded == 0:
		return "dispute won"
	}
	return "refunded"
}
