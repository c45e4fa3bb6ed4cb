package main

import (
	"testing"

	"drawdown/shared/httpapi"
	"drawdown/shared/httpapi/httpapitest"
)

func TestServesItsRoutes(t *testing.T) {
	httpapitest.Serves(t, httpapi.FunctionCheckout, new(handler).server(nil))
}
