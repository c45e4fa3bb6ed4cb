package webhooks

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"drawdown/events"
)

// RotationPeriod is how long the previous secret still signs.
const RotationPeriod = 24 * time.Hour

// Endpoint is an address that receives events.
type Endpoint struct {
	ID             string
	URL            string
	Events         []events.Type // empty: all
	Enabled        bool
	DisabledReason string // why the platform disabled it; empty: it did not
	Secret         string
	Previous       string // the previous secret; empty: none
	PreviousUntil  time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Version        int64 // as it was read; a change replaces only this version. 0: not stored yet
}

// Wants reports whether the endpoint receives a type of events.
func (e Endpoint) Wants(t events.Type) bool {
	return e.Enabled && (len(e.Events) == 0 || slices.Contains(e.Events, t))
}

// Secrets are those that sign at an instant, the current one first.
func (e Endpoint) Secrets(at time.Time) []string {
	if e.Previous != "" && at.Before(e.PreviousUntil) {
		return []string{e.Secret, e.Previous}
	}
	return []string{e.Secret}
}

// Rotated is the endpoint with a new secret.
func (e Endpoint) Rotated(secret string, at time.Time) Endpoint {
	e.Previous, e.PreviousUntil = e.Secret, at.Add(RotationPeriod)
	e.Secret, e.UpdatedAt = secret, at
	return e
}

// WithTerms is the endpoint with the operator's settings of another. Enabling it
// clears the reason why it was disabled; its secret stays.
func (e Endpoint) WithTerms(other Endpoint, at time.Time) Endpoint {
	e.URL, e.Events, e.Enabled, e.UpdatedAt = other.URL, other.Events, other.Enabled, at
	if e.Enabled {
		e.DisabledReason = ""
	}
	return e
}

// SameTerms reports whether two endpoints have the same operator's settings.
func (e Endpoint) SameTerms(other Endpoint) bool {
	return e.URL == other.URL && e.Enabled == other.Enabled && slices.Equal(e.Events, other.Events)
}

// State is the state of a delivery.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Failed    State = "failed" // no automatic try is left
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	Endpoint      string
	ID            string
	EventID       string
	Type          events.Type
	OccurredAt    time.Time // of the event
	Body          string    // what is sent, to the byte
	State         State
	Attempts      int // made so far
	Step          int // of the schedule: tries since it was created or resent
	LastStatus    int // HTTP status of the last try; 0: there was no answer
	LastError     string
	LastAttemptAt time.Time
	NextAttemptAt time.Time // zero: none
	// Claim is until when only the current holder may try; its result is ignored after
	// another's claim.
	Claim time.Time
}

// DueDelivery is a delivery whose next try is due.
type DueDelivery struct {
	Endpoint string
	ID       string
	Place    string // in the list of due deliveries; claiming the delivery moves it
}

// NewDelivery is an event for an endpoint, not tried yet. Its ids follow from
// the event's, so that an event published twice is one delivery.
func NewDelivery(endpoint string, message events.Message, body string) Delivery {
	return Delivery{
		Endpoint: endpoint, ID: DeliveryID(message), EventID: message.ID, Type: message.Type,
		OccurredAt: message.OccurredAt, Body: body, State: Pending,
	}
}

// hashed is a short name for an event's id, which itself may have any length,
// and characters that neither a path nor a signature allows.
func hashed(eventID string) string {
	const bytes = 15 // 24 characters
	digest := sha256.Sum256([]byte(eventID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(digest[:bytes]))
}

// DeliveryID names an event's deliveries, one per endpoint. Ids sort by the
// events' time.
func DeliveryID(message events.Message) string {
	return fmt.Sprintf("%013d-%s", max(message.OccurredAt.UnixMilli(), 0), hashed(message.ID))
}

// MessageID is the webhook-id of an event, the same at every try and endpoint.
// It has no full stop, which would make what is signed ambiguous.
func MessageID(eventID string) string { return "msg_" + hashed(eventID) }
