package settlement

import (
	"context"

	"drawdown/shared/billing"
)

// writeBill brings a line of the billing history up to the present object. The
// first reading is used for a new line; if there is a line, the object is read
// again after it, so that an old reading never overwrites a newer one.
func (s *Settler) writeBill(ctx context.Context, first billing.Bill, again func() (billing.Bill, error)) error {
	next := first
	for range maxTries {
		stored, err := s.Store.Bill(ctx, first.Account, first.At, first.ID)
		if err != nil {
			return err
		}
		if stored != nil {
			if next, err = again(); err != nil {
				return err
			}
			next = kept(next, *stored)
			if next == *stored {
				return nil
			}
		}
		saved, err := s.Store.SaveBill(ctx, next)
		if err != nil || saved && stored == nil {
			return err
		}
	}
	return ErrMoved
}

// kept copies what the current object does not contain. What was bought keeps
// its name at the time: the catalog may have changed since.
func kept(next, stored billing.Bill) billing.Bill {
	next.Version = stored.Version
	if next.Seq == 0 {
		next.Seq = stored.Seq
	}
	if next.State == stored.State && stored.Description != "" {
		next.Description, next.Credits = stored.Description, stored.Credits
	}
	return next
}
