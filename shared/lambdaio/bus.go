package lambdaio

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// BusEvent is an event as delivered by a rule of the event bus: a message in its
// envelope.
type BusEvent struct {
	DetailType string         `json:"detail-type"`
	Source     string         `json:"source"`
	Detail     jsontext.Value `json:"detail"`
}

// ReadBusEvent reads an event delivered by a rule. It fails if the payload has no
// type or no detail.
func ReadBusEvent(payload []byte) (BusEvent, error) {
	var event BusEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return event, fmt.Errorf("lambdaio: not an event of the bus: %w", err)
	}
	if event.DetailType == "" || event.Detail.Kind() != '{' {
		return event, fmt.Errorf("lambdaio: not an event of the bus: no detail-type or no detail")
	}
	return event, nil
}
