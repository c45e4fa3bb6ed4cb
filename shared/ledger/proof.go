package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Difference is one field in which a stored wallet differs from its ledger.
type Difference struct {
	Where  string
	Ledger string // what the ledger folds to
	Stored string
}

// Differences compares the fold of a ledger with the wallet that is stored.
// Alerts are news, not state, and are not compared.
func Differences(folded, stored *Wallet) []Difference {
	var found []Difference
	differ := func(field, ledger, stored string) {
		if ledger != stored {
			found = append(found, Difference{"wallet " + field, ledger, stored})
		}
	}
	differ("seq", strconv.FormatInt(folded.Seq, 10), strconv.FormatInt(stored.Seq, 10))
	differ("last_at", instantOf(folded.LastAt), instantOf(stored.LastAt))
	differ("overage_used", folded.OverageUsed.String(), stored.OverageUsed.String())
	differ("name", folded.Settings.Name, stored.Settings.Name)
	differ("time_zone", folded.Settings.Zone, stored.Settings.Zone)
	differ("status", string(folded.Settings.Status), string(stored.Settings.Status))
	differ("low_balance_threshold", folded.Settings.LowBalance.String(), stored.Settings.LowBalance.String())
	differ("overage", overageOf(folded.Settings.Overage), overageOf(stored.Settings.Overage))
	differ("owed", folded.Owed.String(), stored.Owed.String())
	differ("plan", planOf(folded.Plan), planOf(stored.Plan))
	differ("refill", refillOf(folded.Refill), refillOf(stored.Refill))
	var ids []string
	for _, grant := range slices.Concat(folded.Grants, stored.Grants) {
		if !slices.Contains(ids, grant.ID) {
			ids = append(ids, grant.ID)
		}
	}
	for _, id := range ids {
		differ("grant "+id, grantOf(folded.grant(id)), grantOf(stored.grant(id)))
	}
	return found
}

func instantOf(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func overageOf(o *Overage) string {
	if o == nil {
		return "not set"
	}
	return string(o.Policy) + " up to " + o.Limit.String()
}

func planOf(p *PlanState) string {
	if p == nil {
		return "none"
	}
	return p.Plan + " of " + p.Subscription + " from " + instantOf(p.Start) + " to " + instantOf(p.End) + ", lapsing " + instantOf(p.LapseAt) +
		", includes " + p.Included.String() + ", overage " + overageOf(&p.Overage) + " at " + p.OverageRate.PerCredit.String() + " " + p.OverageRate.Currency +
		", rolls over " + p.Rollover.String()
}

func refillOf(r *RefillState) string {
	if r == nil {
		return "not set up"
	}
	return fmt.Sprintf("%s (off %t, reason %q, failures %d, until %s) below %s, pack %q, cap %s, %d spent in %q; in flight %q since %s, pack %q, %s for %s, valid for %d days",
		r.Phase, r.Off, r.Reason, r.Failures, instantOf(r.Until), r.Threshold, r.Pack, r.Cap, r.Spent, r.Month,
		r.ID, instantOf(r.Since), r.Buys, r.Credits, r.Price, r.ValidityDays)
}

func grantOf(g *Grant) string {
	if g == nil {
		return "not there"
	}
	return g.Remaining.String() + " of " + g.Amount.String() + " from " + string(g.Source) +
		", priority " + strconv.Itoa(g.Priority) + ", effective " + instantOf(g.EffectiveAt) + ", expires " + instantOf(g.ExpiresAt)
}
