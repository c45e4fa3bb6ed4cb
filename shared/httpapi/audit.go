package httpapi

import "drawdown/shared/audit"

type auditBody struct {
	AccountID string            `json:"account_id"`
	Clean     bool              `json:"clean"`
	Seq       int64             `json:"seq"`
	Entries   map[string]int64  `json:"entries"`
	Credits   map[string]string `json:"credits"`
	Lapsed    string            `json:"lapsed"`
	Balance   balanceBody       `json:"balance"`
	Usage     auditUsage        `json:"usage"`
	Drift     []driftBody       `json:"drift"`
}

type auditUsage struct {
	Seq         int64 `json:"seq"`
	Sheets      int   `json:"sheets"`
	Quarantined bool  `json:"quarantined"`
}

type driftBody struct {
	Where  string `json:"where"`
	Ledger string `json:"ledger"`
	Stored string `json:"stored"`
}

// EncodeAudit answers with the proof or the drift.
func EncodeAudit(r audit.Result) Response {
	body := auditBody{
		AccountID: r.Account, Clean: r.Clean(), Seq: r.Seq,
		Entries: map[string]int64{}, Credits: map[string]string{},
		Lapsed: r.Lapsed.String(), Balance: encodeBalance(r.Balance),
		Usage: auditUsage{r.Mark.Seq, r.Sheets, r.Mark.Quarantine != ""},
		Drift: make([]driftBody, len(r.Drift)),
	}
	for kind, count := range r.Entries {
		body.Entries[string(kind)] = count
		body.Credits[string(kind)] = r.Sums[kind].String()
	}
	for i, drift := range r.Drift {
		body.Drift[i] = driftBody(drift)
	}
	return OK(body)
}
