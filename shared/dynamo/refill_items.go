package dynamo

import "context"

// Refills lists the accounts that the sweep of refills must look at, by id, those
// after one, at most limit: all whose refill is not off. The index may lag behind
// by moments.
func (c *Client) Refills(ctx context.Context, after string, limit int) ([]string, error) {
	due, err := c.DueAfter(ctx, DueRefills, after, limit)
	return mapped(due, func(d DueItem) string { return d.Account }), err
}
