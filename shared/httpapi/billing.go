package httpapi

import (
	"strings"
	"time"

	"drawdown/shared/billing"
	"drawdown/shared/fault"
)

// HistoryQuery asks for a page of an account's billing history.
type HistoryQuery struct {
	Account string
	After   billing.BillPlace // where the previous page ended; zero: from the start
	Limit   int
}

// DecodeHistory reads GET .../billing-history.
func DecodeHistory(r *Request) (HistoryQuery, error) {
	account, err := r.PathID("account_id")
	if err != nil {
		return HistoryQuery{}, err
	}
	query := HistoryQuery{Account: account}
	page, problems := r.pageQueryWhere(func(after string) bool {
		place, ok := readPlace(after)
		query.After = place
		return ok
	})
	problems = append(problems, r.refuseUnknownQuery("limit", "cursor")...)
	if len(problems) > 0 {
		return query, fault.Invalid(problems...)
	}
	query.Limit = page.Limit
	return query, nil
}

// placeOf writes a place in the history as the text of a cursor.
func placeOf(b billing.Bill) string { return instantText(b.At) + " " + b.ID }

func readPlace(text string) (billing.BillPlace, bool) {
	const longest = 512 // of a bill's id, in bytes
	when, id, found := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339, when)
	if !found || err != nil || id == "" || len(id) > longest {
		return billing.BillPlace{}, false
	}
	return billing.BillPlace{At: at.UTC(), ID: id}, true
}

type billBody struct {
	ID          string    `json:"id"`
	At          string    `json:"at"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Amount      moneyBody `json:"amount"`
	Credits     string    `json:"credits"`
	Description string    `json:"description"`
	ReceiptURL  *string   `json:"receipt_url"`
	Reason      *string   `json:"reason"`
}

func encodeBill(b billing.Bill) billBody {
	return billBody{
		b.ID, instantText(b.At), string(b.Kind), string(b.State), moneyOf(b.Amount), b.Credits.String(), b.Description,
		optionalText(b.ReceiptURL), optionalText(b.Reason),
	}
}

// EncodeHistory answers with a page of the billing history.
func EncodeHistory(l Listing[billing.Bill]) Response { return OK(newPage(l, placeOf, encodeBill)) }
