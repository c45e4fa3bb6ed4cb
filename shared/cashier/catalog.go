package cashier

import (
	"context"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/money"
)

// The processor's kinds of products.
const (
	kindPlan = "plan"
	kindPack = "pack"
)

// PutPlan puts a plan on sale, or replaces it: first at the processor, then here, so
// that what is offered can be paid. The processor has no free plans. An identical
// plan changes nothing. It reports whether the plan is new.
func (c *Cashier) PutPlan(ctx context.Context, plan billing.Plan) (billing.Plan, bool, error) {
	for range maxTries {
		stored, err := c.Store.Plan(ctx, plan.ID)
		if err != nil {
			return plan, false, err
		}
		var replaced time.Time
		if stored != nil {
			replaced = stored.UpdatedAt
			plan.UpdatedAt, plan.ProductID, plan.PriceID = stored.UpdatedAt, stored.ProductID, stored.PriceID
			if plan == *stored {
				return plan, false, nil
			}
		}
		plan.ProductID, plan.PriceID = "", ""
		if !plan.Free() {
			plan.ProductID, plan.PriceID, err = c.mirror(ctx, kindPlan, plan.ID, plan.Name, plan.Description, plan.Price, plan.Interval)
			if err != nil {
				return plan, false, err
			}
		}
		plan.UpdatedAt = c.after(replaced)
		if saved, err := c.Store.SavePlan(ctx, plan, replaced); err != nil || saved {
			return plan, stored == nil, err
		}
	}
	return plan, false, errMoved()
}

// PutPack is PutPlan for a pack. No pack is free.
func (c *Cashier) PutPack(ctx context.Context, pack billing.Pack) (billing.Pack, bool, error) {
	for range maxTries {
		stored, err := c.Store.Pack(ctx, pack.ID)
		if err != nil {
			return pack, false, err
		}
		var replaced time.Time
		if stored != nil {
			replaced = stored.UpdatedAt
			pack.UpdatedAt, pack.ProductID, pack.PriceID = stored.UpdatedAt, stored.ProductID, stored.PriceID
			if pack == *stored {
				return pack, false, nil
			}
		}
		pack.ProductID, pack.PriceID, err = c.mirror(ctx, kindPack, pack.ID, pack.Name, pack.Description, pack.Price, "")
		if err != nil {
			return pack, false, err
		}
		pack.UpdatedAt = c.after(replaced)
		if saved, err := c.Store.SavePack(ctx, pack, replaced); err != nil || saved {
			return pack, stored == nil, err
		}
	}
	return pack, false, errMoved()
}

// mirror is the product and the price at the processor.
func (c *Cashier) mirror(
	ctx context.Context, kind, id, name, description string, price money.Money, interval billing.Interval,
) (product, priced string, err error) {
	if product, err = c.Processor.EnsureProduct(ctx, kind, id, name, description); err != nil {
		return "", "", refused(err)
	}
	if priced, err = c.Processor.EnsurePrice(ctx, product, price, interval); err != nil {
		return "", "", refused(err)
	}
	return product, priced, nil
}

// after is now, to the millisecond, but always later than the given instant: each
// change has a time of its own.
func (c *Cashier) after(instant time.Time) time.Time {
	now := c.Now().UTC().Truncate(time.Millisecond)
	if !now.After(instant) {
		return instant.Add(time.Millisecond)
	}
	return now
}
