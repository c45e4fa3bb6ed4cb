package ledgertest

import (
	"math/big"
	"slices"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// reversal gives back the last taken first: overage, then the draws from the
// last to the first. It is tried on a copy of the grants, since it may turn out
// on the way that it must be refused.
func (r *Reference) reversal(operation string, command ledger.ReverseDebit, now int64) Answer {
	debit, found := r.reverse[string(command.Of)]
	if !found {
		return refuse(fault.DebitNotFound)
	}
	if command.Credits != nil && *command.Credits <= 0 {
		return invalid("credits")
	}
	left := debit.entry.Credits - debit.given.Credits
	amount := left
	if command.Credits != nil {
		amount = int64(*command.Credits)
	}
	if left == 0 || amount > left {
		return Answer{Refusal: Refusal{
			Code: fault.NotReversible, Charged: decimal(debit.entry.Credits), Reversed: decimal(debit.given.Credits), Reversible: decimal(left),
		}}
	}
	detail, grants, code := r.giveBack(debit, amount, now)
	if code != "" {
		return refuse(code)
	}
	was := r.before()
	lapsed := r.prune(now)
	r.Grants = slices.Concat(grants, detail.Reopened)
	r.OverageUsed -= detail.Overage
	debit.given = Total{
		Count: detail.Total.Count, Credits: detail.Total.Credits, Overage: detail.Total.Overage,
		Draws: slices.Clone(detail.Total.Draws), Lines: slices.Clone(detail.Total.Lines),
	}
	return r.write(Entry{Operation: operation, Type: "reversal", Credits: amount, Lapsed: lapsed, Reversal: detail, Reason: command.Reason}, was, now)
}

// giveBack works out where credits go, and the grants that are left open, the
// reopened ones aside.
func (r *Reference) giveBack(debit *reversible, amount, now int64) (ReversalDetail, []Grant, fault.Code) {
	charge := debit.entry.Debit
	total := Total{
		Count: debit.given.Count + 1, Credits: debit.given.Credits + amount, Overage: debit.given.Overage,
		Draws: slices.Clone(debit.given.Draws),
	}
	detail := ReversalDetail{
		Of: debit.entry.Operation, OfSeq: debit.entry.Seq, Agent: charge.Agent, AgentName: charge.AgentName,
		Channel: charge.Channel, Conversation: charge.Conversation, Day: charge.Day,
	}
	detail.Lines, total.Lines = sharesOfLines(charge.Lines, debit.given.Lines, amount)

	left := amount
	beyond := min(left, charge.Overage-debit.given.Overage)
	total.Overage += beyond
	left -= beyond
	// What has been billed since is no longer in use: it is restored as credits.
	detail.Overage = min(beyond, r.OverageUsed)
	billed := beyond - detail.Overage

	var grants []Grant
	for _, g := range r.Grants {
		if !expired(g, now) {
			grants = append(grants, g)
		}
	}
	if billed > 0 {
		detail.Reopened = []Grant{{
			ID: r.grantID(0), Source: "adjustment", Priority: defaultPriority, EffectiveAt: now, Amount: billed, Remaining: billed,
		}}
		if code := fits(slices.Concat(grants, detail.Reopened), maxOpenGrants); code != "" {
			return detail, nil, code
		}
	}
	for i := len(charge.Drawn) - 1; i >= 0; i-- {
		part := min(left, charge.Drawn[i].Credits-total.Draws[i])
		if part == 0 {
			continue
		}
		left -= part
		total.Draws[i] += part
		if at := slices.IndexFunc(grants, func(g Grant) bool { return g.ID == charge.Drawn[i].Grant }); at >= 0 {
			if back := min(part, grants[at].Amount-grants[at].Remaining); back > 0 {
				grants[at].Remaining += back
				detail.Restored = append(detail.Restored, Part{grants[at].ID, back})
				part -= back
			}
		}
		if part > 0 {
			reopened, code := reopen(debit.terms[i], debit.entry.CreatedAt, now)
			if code != "" {
				return detail, nil, code
			}
			reopened.ID, reopened.Amount, reopened.Remaining = r.grantID(len(detail.Reopened)), part, part
			detail.Reopened = append([]Grant{reopened}, detail.Reopened...)
		}
		if code := r.fitsReversal(grants, detail); code != "" {
			return detail, nil, code
		}
	}
	detail.Total = total
	return detail, grants, ""
}

// fitsReversal: what is reopened needs a place among those of gifts; what goes back
// to a grant only must not be too much.
func (r *Reference) fitsReversal(grants []Grant, detail ReversalDetail) fault.Code {
	places := maxOpenGrants
	if len(detail.Reopened) == 0 {
		places = maxGrants
	}
	return fits(slices.Concat(grants, detail.Reopened), places)
}

// reopen is the new grant in place of one that has left the wallet: spent out,
// with its old terms; expired, with the time that it had left when it was
// debited, unless it expired 30 days ago or longer.
func reopen(old Grant, debitedAt, now int64) (Grant, fault.Code) {
	if !expired(old, now) {
		return old, ""
	}
	if now-old.ExpiresAt >= reversalWindowMS {
		return old, fault.NotReversible
	}
	old.ExpiresAt = now + old.ExpiresAt - debitedAt
	old.EffectiveAt = now
	return old, ""
}

// sharesOfLines spreads an amount over what is left of each line, in
// proportion: line by line, what all lines so far must have, rounded down, less
// what they have already.
func sharesOfLines(lines []Line, given []int64, amount int64) (shares, total []int64) {
	var all int64
	for i, line := range lines {
		all += line.Credits - given[i]
	}
	var upTo, spread int64
	for i, line := range lines {
		upTo += line.Credits - given[i]
		due := new(big.Int).Div(product(amount, upTo), big.NewInt(all)).Int64()
		shares = append(shares, due-spread)
		total = append(total, given[i]+due-spread)
		spread = due
	}
	return shares, total
}
