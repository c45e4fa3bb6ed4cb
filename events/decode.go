package events

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// data is an empty value of what a message carries; nil for a type that is not known.
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
	case ProcessorNotice, RefillDue: // no contract: read by those alone for whom they are
	}
	return nil
}

// Decode reads a message; its Data is a pointer to the type that the message
// carries. Members that are not known are ignored, as listeners should.
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
		return message, fmt.Errorf("events: there is no message %q", message.Type)
	}
	if err := json.Unmarshal(read.Data, message.Data); err != nil {
		return message, fmt.Errorf("events: the data of %s: %w", message.ID, err)
	}
	return message, nil
}

// Encode writes a message, the same at every time. Of a message among the
// platform's own functions it writes the data alone.
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
