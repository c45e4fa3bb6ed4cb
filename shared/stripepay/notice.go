package stripepay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stripe/stripe-go/v85"
)

// Notice reports that something has happened to an object. The object is read
// again: notices arrive late, twice, and in any order.
type Notice struct {
	ID         string // evt_...
	Type       string // "invoice.paid"
	Created    time.Time
	ObjectID   string
	ObjectType string // "invoice"
	LiveMode   bool
	APIVersion string // of the endpoint's settings; only ids are used, so any will do
}

// Verify reads a notice if it was signed with one of the secrets, within the
// tolerance of Stripe's own libraries before or after now. The payload is the
// raw body. While a secret is being replaced, the old one is still accepted;
// empty and blank ones never are, since anyone could sign with them.
func Verify(payload []byte, header string, secrets []string, now time.Time) (Notice, error) {
	if err := verifySignature(payload, header, secrets); err != nil {
		return Notice{}, err
	}
	// The SDK compares with the system's clock, so its check is made here.
	age := now.Sub(signedAt(header))
	if age.Abs() > stripe.WebhookDefaultTolerance {
		return Notice{}, fmt.Errorf("%w: it was made %s ago", ErrSignature, age.Round(time.Second))
	}
	var event struct {
		ID         string `json:"id"`
		Object     string `json:"object"`
		Type       string `json:"type"`
		Created    int64  `json:"created"`
		Livemode   bool   `json:"livemode"`
		APIVersion string `json:"api_version"`
		Data       struct {
			Object struct {
				ID     string `json:"id"`
				Object string `json:"object"`
			} `json:"object"`
		} `json:"data"`
	}
	// The text is known to be Stripe's; free-form members may contain duplicate
	// names.
	if err := json.Unmarshal(payload, &event, jsontext.AllowDuplicateNames(true)); err != nil {
		return Notice{}, fmt.Errorf("stripepay: reading a signed notice: %w", err)
	}
	if event.Object != "event" || event.ID == "" {
		return Notice{}, fmt.Errorf("stripepay: a signed %q is not an event", event.Object)
	}
	return Notice{
		ID: event.ID, Type: event.Type, Created: at(event.Created), LiveMode: event.Livemode, APIVersion: event.APIVersion,
		ObjectID: event.Data.Object.ID, ObjectType: event.Data.Object.Object,
	}, nil
}

func verifySignature(payload []byte, header string, secrets []string) error {
	for _, secret := range secrets {
		if strings.TrimSpace(secret) != "" && stripe.ValidatePayload(payload, header, secret, stripe.WithIgnoreTolerance()) == nil {
			return nil
		}
	}
	return ErrSignature
}

// signedAt is the time in a header that was verified: the last one in it, which
// is the one that was signed.
func signedAt(header string) time.Time {
	var last time.Time
	for part := range strings.SplitSeq(header, ",") {
		if text, ok := strings.CutPrefix(part, "t="); ok {
			unix, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return time.Time{}
			}
			last = time.Unix(unix, 0)
		}
	}
	return last
}
