package events

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// data is an empty value of the data of a message type; nil for an unknown type.
func (t Type) data() any {
	switch t {
	case BalanceLow, BalanceDepleted, OverageStarted, OverageLimitReached:
		return new(Balance)
	case RefillSucceeded, RefillFailed:
		return new(RefillResult)
	case PurchaseCompleted:
		return new(Purchase)
	case PlanChanged:
		return new(Plan)
	case PeriodRenewed:
		return new(Period)
	case AuditDrift:
		return new(Drift)
	case ProcessorNotice, RefillDue: // not a contract: read only by their own functions
	}
	return nil
}

// Decode reads a message; its Data is a pointer to the type that the message
// carries. Unknown members are ignored, as listeners should.
func Decode(text []byte) (Message, error) {
	var read struct {
		Message
		Data jsontext.Value `json:"data"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return Message{}, fmt.Errorf("events: not a message: %w", err)
	}
	message := read.Message
	if message.Data = message.Type.data(); message.Data == nil {
		return message, fmt.Errorf("events: unknown message type %q", message.Type)
	}
	if err := json.Unmarshal(read.Data, message.Data); err != nil {
		return message, fmt.Errorf("events: the data of %s: %w", message.ID, err)
	}
	return message, nil
}

// Encode encodes a message, always to the same bytes. For an internal message it
// encodes only the data.
func Encode(m Message) ([]byte, error) {
	var said any = m
	if m.Type.Internal() {
		said = m.Data
	}
	text, err := json.Marshal(said, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("events: encoding %s: %w", m.ID, err)
	}
	return text, nil
}
