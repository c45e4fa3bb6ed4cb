package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/ledger"
)

// Wallet is a wallet and the instant of its balance.
type Wallet struct {
	*ledger.Wallet
	At time.Time
}

// EncodeWallet answers with the balance of an account.
func EncodeWallet(w Wallet) Response {
	at := w.At
	type overage struct {
		Policy string `json:"policy"`
		Limit  string `json:"limit"`
		Used   string `json:"used"`
	}
	type plan struct {
		ID          string `json:"id"`
		PeriodStart string `json:"period_start"`
		PeriodEnd   string `json:"period_end"`
	}
	body := struct {
		AccountID string      `json:"account_id"`
		Available string      `json:"available"`
		Owed      string      `json:"owed"`
		Overage   overage     `json:"overage"`
		Plan      *plan       `json:"plan,omitempty"`
		Grants    []grantBody `json:"grants"`
		Seq       int64       `json:"seq"`
		AsOf      string      `json:"as_of"`
	}{
		AccountID: w.Account,
		Available: w.BalanceAt(at).Available.String(),
		Owed:      w.Owed.String(),
		Overage:   overage{string(w.Overage().Policy), w.Overage().Limit.String(), w.OverageUsed.String()},
		Grants:    []grantBody{},
		Seq:       w.Seq,
		AsOf:      instantText(at),
	}
	if p := w.Plan; p != nil {
		body.Plan = &plan{p.Plan, instantText(p.Start), instantText(p.End)}
	}
	for _, grant := range w.Grants {
		if !grant.Expired(at) {
			body.Grants = append(body.Grants, encodeGrant(grant))
		}
	}
	return OK(body)
}

// StatementQuery is which entries of an account are asked for.
type StatementQuery struct {
	Account   string
	After     int64 // the seq where the page before ended; 0: from the start
	Limit     int
	Ascending bool
	Filter    ledger.Filter
}

// DecodeStatement reads GET .../entries.
func DecodeStatement(r *Request) (StatementQuery, error) {
	account, err := r.PathID("account_id")
	if err != nil {
		return StatementQuery{}, err
	}
	page, problems := r.pageQuery()
	problems = append(problems, r.refuseUnknownQuery("limit", "cursor", "order", "type", "from", "to")...)
	query := StatementQuery{Account: account, Limit: page.Limit}
	switch r.query["order"] {
	case "", "desc":
	case "asc":
		query.Ascending = true
	default:
		problems = append(problems, fault.Param{Name: "order", Reason: "must be asc or desc"})
	}
	filter, wrong := r.statementFilter()
	query.Filter = filter
	problems = append(problems, wrong...)
	if page.After != "" {
		seq, err := strconv.ParseInt(page.After, 10, 64)
		if err != nil || seq < 1 {
			problems = append(problems, fault.Param{Name: "cursor", Reason: badCursor})
		}
		query.After = seq
	}
	if len(problems) > 0 {
		return query, fault.Invalid(problems...)
	}
	return query, nil
}

// statementFilter reads ?type=debit,grant and ?from=&to=, instants of which
// the first is inclusive and the second is not.
func (r *Request) statementFilter() (ledger.Filter, []fault.Param) {
	var filter ledger.Filter
	var problems []fault.Param
	if text := r.query["type"]; text != "" {
		for _, name := range strings.Split(text, ",") {
			kind := ledger.EntryType(name)
			if !slices.Contains(ledger.EntryTypes(), kind) {
				problems = append(problems, fault.Param{Name: "type", Reason: fmt.Sprintf("must be one or more of %v, separated by commas", ledger.EntryTypes())})
				break
			}
			filter.Types = append(filter.Types, kind)
		}
	}
	for _, end := range []struct {
		name string
		at   *time.Time
	}{{"from", &filter.From}, {"to", &filter.To}} {
		text := r.query[end.name]
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			problems = append(problems, fault.Param{Name: end.name, Reason: `must be an RFC 3339 time such as "2026-11-23T09:30:00Z"`})
			continue
		}
		*end.at = at.UTC()
	}
	return filter, problems
}

// EncodeStatement answers with a page of the listing.
func EncodeStatement(l Listing[ledger.Entry]) Response {
	return OK(newPage(l, func(e ledger.Entry) string { return strconv.FormatInt(e.Seq, 10) }, encodeEntry))
}
