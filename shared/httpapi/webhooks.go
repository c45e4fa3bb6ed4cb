package httpapi

import (
	"net/http"

	"drawdown/events"
	"drawdown/shared/fault"
	"drawdown/shared/webhooks"
)

const maxWebhookURL = 2048

// WantedEndpoint is a webhook endpoint as the operator wants it.
type WantedEndpoint struct {
	ID      string
	URL     string
	Events  []events.Type // empty: all
	Enabled bool
}

// DecodeEndpoint reads PUT /v1/webhook-endpoints/{endpoint_id}. The platform decides
// which URLs are allowed, since a development stage allows more.
func DecodeEndpoint(checkURL func(string) string) func(*Request) (WantedEndpoint, error) {
	return func(r *Request) (WantedEndpoint, error) {
		id, err := r.PathID("endpoint_id")
		if err != nil {
			return WantedEndpoint{}, err
		}
		body, err := ReadObject(r.body)
		if err != nil {
			return WantedEndpoint{}, err
		}
		wanted := WantedEndpoint{ID: id, URL: body.Text("url", maxWebhookURL), Enabled: body.Bool("enabled", true)}
		if wanted.URL != "" {
			if reason := checkURL(wanted.URL); reason != "" {
				body.Refuse("url", "%s", reason)
			}
		}
		if body.Has("events") {
			options := make([]string, 0, len(events.Types()))
			for _, kind := range events.Types() {
				options = append(options, string(kind))
			}
			for _, kind := range body.Choices("events", options...) {
				wanted.Events = append(wanted.Events, events.Type(kind))
			}
		}
		return wanted, body.Close()
	}
}

// DecodeEndpointID reads a route with an endpoint id and no other input.
func DecodeEndpointID(r *Request) (string, error) { return r.PathID("endpoint_id") }

type endpointBody struct {
	ID             string         `json:"id"`
	URL            string         `json:"url"`
	Events         *[]events.Type `json:"events"` // null: all
	Enabled        bool           `json:"enabled"`
	DisabledReason string         `json:"disabled_reason,omitempty"`
	Secret         string         `json:"secret,omitempty"`
	PreviousUntil  *string        `json:"previous_secret_until,omitempty"`
	CreatedAt      string         `json:"created_at"`
	UpdatedAt      string         `json:"updated_at"`
}

func encodeEndpoint(e webhooks.Endpoint) endpointBody {
	body := endpointBody{
		ID: e.ID, URL: e.URL, Enabled: e.Enabled, DisabledReason: e.DisabledReason,
		CreatedAt: instantText(e.CreatedAt), UpdatedAt: instantText(e.UpdatedAt),
	}
	if len(e.Events) > 0 {
		body.Events = &e.Events
	}
	return body
}

// SavedEndpoint is an endpoint and whether this request created it.
type SavedEndpoint struct {
	Endpoint webhooks.Endpoint
	Created  bool
}

// EncodeSavedEndpoint answers PUT /v1/webhook-endpoints/{endpoint_id}. The secret
// is returned when the endpoint is created.
func EncodeSavedEndpoint(s SavedEndpoint) Response {
	body := encodeEndpoint(s.Endpoint)
	if !s.Created {
		return OK(body)
	}
	body.Secret = s.Endpoint.Secret
	return Created(body)
}

// EncodeEndpoint answers with an endpoint, without its secret.
func EncodeEndpoint(e webhooks.Endpoint) Response { return OK(encodeEndpoint(e)) }

// EncodeRotatedEndpoint answers with an endpoint and its new secret.
func EncodeRotatedEndpoint(e webhooks.Endpoint) Response {
	body := encodeEndpoint(e)
	body.Secret, body.PreviousUntil = e.Secret, optionalInstant(e.PreviousUntil)
	return OK(body)
}

// EncodeEndpoints answers with a page of the listing.
func EncodeEndpoints(l Listing[webhooks.Endpoint]) Response {
	return OK(newPage(l, func(e webhooks.Endpoint) string { return e.ID }, encodeEndpoint))
}

// EncodeRemovedEndpoint answers DELETE /v1/webhook-endpoints/{endpoint_id}.
func EncodeRemovedEndpoint(string) Response { return NoContent() }

// NoEndpoint is the fault for an endpoint that does not exist.
func NoEndpoint(id string) error {
	return fault.New(fault.EndpointNotFound, "There is no webhook endpoint %q; GET /v1/webhook-endpoints lists the existing endpoints.", id)
}

// DeliveriesQuery asks for a page of an endpoint's deliveries.
type DeliveriesQuery struct {
	Endpoint string
	PageQuery
}

// DecodeDeliveries reads GET .../deliveries.
func DecodeDeliveries(r *Request) (DeliveriesQuery, error) {
	endpoint, err := r.PathID("endpoint_id")
	if err != nil {
		return DeliveriesQuery{}, err
	}
	page, err := DecodePage(r)
	return DeliveriesQuery{endpoint, page}, err
}

// DeliveryID names a delivery.
type DeliveryID struct{ Endpoint, ID string }

// DecodeDeliveryID reads POST .../deliveries/{delivery_id}/resend.
func DecodeDeliveryID(r *Request) (DeliveryID, error) {
	endpoint, err := r.PathID("endpoint_id")
	if err != nil {
		return DeliveryID{}, err
	}
	id, err := r.PathID("delivery_id")
	return DeliveryID{endpoint, id}, err
}

type deliveryBody struct {
	ID            string         `json:"id"`
	EventID       string         `json:"event_id"`
	Type          events.Type    `json:"type"`
	OccurredAt    string         `json:"occurred_at"`
	State         webhooks.State `json:"state"`
	Attempts      int            `json:"attempts"`
	LastStatus    *int           `json:"last_status"`
	LastError     *string        `json:"last_error"`
	LastAttemptAt *string        `json:"last_attempt_at"`
	NextAttemptAt *string        `json:"next_attempt_at"`
	Body          string         `json:"body"`
}

func encodeDelivery(d webhooks.Delivery) deliveryBody {
	body := deliveryBody{
		ID: d.ID, EventID: d.EventID, Type: d.Type, OccurredAt: instantText(d.OccurredAt), State: d.State, Attempts: d.Attempts,
		LastAttemptAt: optionalInstant(d.LastAttemptAt), NextAttemptAt: optionalInstant(d.NextAttemptAt), Body: d.Body,
	}
	if d.LastStatus != 0 {
		body.LastStatus = &d.LastStatus
	}
	if d.LastError != "" {
		body.LastError = &d.LastError
	}
	return body
}

// EncodeDeliveries answers with a page of the listing.
func EncodeDeliveries(l Listing[webhooks.Delivery]) Response {
	return OK(newPage(l, func(d webhooks.Delivery) string { return d.ID }, encodeDelivery))
}

// EncodeResent answers POST .../resend: the delivery is scheduled, not sent yet.
func EncodeResent(d webhooks.Delivery) Response {
	return Response{Status: http.StatusAccepted, Body: encodeDelivery(d)}
}

// NoDelivery is the fault for a delivery that does not exist.
func NoDelivery(id DeliveryID) error {
	return fault.New(fault.DeliveryNotFound, "The endpoint %q has no delivery %q; deliveries are kept for 30 days.", id.Endpoint, id.ID)
}

// SignedNotice is a payment processor's webhook as received: nothing in it can be
// trusted before its signature is verified.
type SignedNotice struct {
	Payload   []byte
	Signature string
}

// DecodeStripeWebhook reads POST /v1/webhooks/stripe.
func DecodeStripeWebhook(r *Request) (SignedNotice, error) {
	return SignedNotice{r.body, r.header["stripe-signature"]}, nil
}

// EncodeReceived answers a webhook that was accepted.
func EncodeReceived(struct{}) Response {
	return OK(struct {
		Received bool `json:"received"`
	}{true})
}
