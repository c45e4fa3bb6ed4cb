package settlement

import (
	"context"

	"drawdown/shared/billing"
)

// writeBill brings a line of the billing history up to the present object. The
// first reading serves a line that is not there yet; where one is, the object is
// read again after it, so that an old reading never covers a newer one.
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

// kept takes over what the present object does not know. What was bought is told
// as it was called then: the catalog may have changed since.
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
