package main

import (
	"testing"

	"drawdown/shared/httpapi"
	"drawdown/shared/httpapi/httpapitest"
)

func TestServesItsRoutes(t *testing.T) {
	httpapitest.Serves(t, httpapi.FunctionDebit, new(handler).server(nil))
}
