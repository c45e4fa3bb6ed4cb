package lambdaio

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// BusEvent is what a rule of the event bus hands over: a message in its wrapping.
type BusEvent struct {
	DetailType string         `json:"detail-type"`
	Source     string         `json:"source"`
	Detail     jsontext.Value `json:"detail"`
}

// ReadBusEvent reads what a rule hands over. It fails where the payload has
// neither a type nor a detail.
func ReadBusEvent(payload []byte) (BusEvent, error) {
	var event BusEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return event, fmt.Errorf("lambdaio: the payload is none of the bus's: %w", err)
	}
	if event.DetailType == "" || event.Detail.Kind() != '{' {
		return event, fmt.Errorf("lambdaio: the payload is none of the bus's: it has no detail-type or no detail")
	}
	return event, nil
}
