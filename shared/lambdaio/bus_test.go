package lambdaio_test

import (
	"testing"

	"drawdown/shared/lambdaio"
)

func TestAnEventOfTheBus(t *testing.T) {
	const payload = `{"version":"0","id":"e","detail-type":"balance.low","source":"drawdown","time":"2026-11-24T10:00:00Z","resources":[],"detail":{ "a": 1 }}`
	event, err := lambdaio.ReadBusEvent([]byte(payload))
	if err != nil || event.DetailType != "balance.low" || event.Source != "drawdown" || string(event.Detail) != `{ "a": 1 }` {
		t.Errorf("read as %+v, %v", event, err)
	}
	for _, none := range []string{``, `[]`, `{}`, `{"detail":{}}`, `{"detail-type":"x"}`, `{"detail-type":"x","detail":null}`, `{"detail-type":"","detail":{}}`} {
		if event, err := lambdaio.ReadBusEvent([]byte(none)); err == nil {
			t.Errorf("%s is read as %+v", none, event)
		}
	}
}
