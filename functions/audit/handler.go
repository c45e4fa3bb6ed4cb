package main

import (
	"context"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/auditor"
	"drawdown/shared/httpapi"
)

type handler struct{ auditor *auditor.Auditor }

func (h *handler) server(gate *access.Authenticator) *httpapi.Server {
	return httpapi.NewServer(gate,
		httpapi.Handle(httpapi.GetAudit, httpapi.DecodeAccountID, h.auditor.One, httpapi.EncodeAudit),
	)
}

// all answers the schedule, whose event carries no input.
func (h *handler) all(ctx context.Context, _ []byte) ([]byte, error) {
	progress, err := h.auditor.All(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Audited int    `json:"audited"`
		GoesOn  string `json:"goes_on_after,omitempty"`
	}{progress.Audited, progress.After})
}
