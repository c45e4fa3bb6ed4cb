package httpapi

import (
	"fmt"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/fault"
	"drawdown/shared/rating"
)

const maxRate = 1_000_000_000 * 1_000_000 // a thousand million credits a unit

// DecodeRateCard reads PUT /v1/rate-cards/{version}.
func DecodeRateCard(r *Request) (rating.Card, error) {
	body, err := ReadObject(r.body)
	if err != nil {
		return rating.Card{}, err
	}
	version, err := r.PathID("version")
	if err != nil {
		return rating.Card{}, err
	}
	card := rating.Card{Version: version}
	if effectiveAt := body.Instant("effective_at"); effectiveAt != nil {
		card.EffectiveAt = *effectiveAt
	} else if !body.Has("effective_at") {
		body.Refuse("effective_at", "is required")
	}
	seen := map[rating.Item]bool{}
	for i, object := range body.Objects("rates", 1, rating.MaxRates) {
		rate := rating.Rate{
			Item:    rating.Item{Node: object.Slug("node"), Action: object.Slug("action")},
			Label:   object.Text("label", maxName),
			Unit:    object.Text("unit", 64),
			PerUnit: object.Amount("credits_per_unit", 0, maxRate),
		}
		if seen[rate.Item] {
			body.Refuse(fmt.Sprintf("rates[%d]", i), "is the second rate for %s", rate.Item)
		}
		seen[rate.Item] = true
		card.Rates = append(card.Rates, rate)
	}
	card.Sort()
	return card, body.Close()
}

type cardBody struct {
	Version     string     `json:"version"`
	EffectiveAt string     `json:"effective_at"`
	PublishedAt string     `json:"published_at"`
	Rates       []rateBody `json:"rates"`
}

type rateBody struct {
	Node           string `json:"node"`
	Action         string `json:"action"`
	Label          string `json:"label"`
	Unit           string `json:"unit"`
	CreditsPerUnit string `json:"credits_per_unit"`
}

func encodeCard(c rating.Card) cardBody {
	body := cardBody{c.Version, instantText(c.EffectiveAt), instantText(c.PublishedAt), make([]rateBody, len(c.Rates))}
	for i, r := range c.Rates {
		body.Rates[i] = rateBody{r.Node, r.Action, r.Label, r.Unit, r.PerUnit.String()}
	}
	return body
}

// Published is a rate card and whether this request published it.
type Published struct {
	Card    rating.Card
	Created bool
}

// EncodePublished answers PUT /v1/rate-cards/{version}.
func EncodePublished(p Published) Response {
	if p.Created {
		return Created(encodeCard(p.Card))
	}
	return OK(encodeCard(p.Card))
}

// DecodeVersion reads a route with a version and no other input.
func DecodeVersion(r *Request) (string, error) { return r.PathID("version") }

// EncodeRateCard answers with a rate card.
func EncodeRateCard(c rating.Card) Response { return OK(encodeCard(c)) }

// EncodeRateCards answers with a page of the listing.
func EncodeRateCards(l Listing[rating.Card]) Response {
	return OK(newPage(l, func(c rating.Card) string { return c.Version }, encodeCard))
}

// NewAPIKey describes a key to create.
type NewAPIKey struct {
	Name    string
	Scopes  []access.Scope
	Account string
}

// DecodeAPIKey reads POST /v1/api-keys.
func DecodeAPIKey(r *Request) (NewAPIKey, error) {
	body, err := ReadObject(r.body)
	if err != nil {
		return NewAPIKey{}, err
	}
	key := NewAPIKey{Name: body.Text("name", maxName), Account: body.OptionalID("account_id")}
	options := make([]string, 0, len(access.Scopes()))
	for _, scope := range access.Scopes() {
		options = append(options, string(scope))
	}
	for _, scope := range body.Choices("scopes", options...) {
		key.Scopes = append(key.Scopes, access.Scope(scope))
		if access.Scope(scope) == access.Admin && key.Account != "" {
			body.Refuse("account_id", "cannot restrict a key with the scope admin, which covers all accounts")
		}
	}
	return key, body.Close()
}

type apiKeyBody struct {
	ID        string         `json:"id"`
	Key       string         `json:"key,omitempty"`
	Name      string         `json:"name"`
	Scopes    []access.Scope `json:"scopes"`
	AccountID string         `json:"account_id,omitempty"`
	CreatedAt string         `json:"created_at"`
	RevokedAt *string        `json:"revoked_at"`
}

func encodeAPIKey(k access.Key) apiKeyBody {
	return apiKeyBody{
		ID: k.ID, Name: k.Name, Scopes: k.Scopes, AccountID: k.Account,
		CreatedAt: instantText(k.CreatedAt), RevokedAt: optionalInstant(k.RevokedAt),
	}
}

// IssuedKey is a new key with its token, which is shown only this once.
type IssuedKey struct {
	Key   access.Key
	Token string
}

// EncodeIssuedKey answers POST /v1/api-keys.
func EncodeIssuedKey(k IssuedKey) Response {
	body := encodeAPIKey(k.Key)
	body.Key = k.Token
	return Created(body)
}

// EncodeAPIKeys answers with a page of the listing.
func EncodeAPIKeys(l Listing[access.Key]) Response {
	return OK(newPage(l, func(k access.Key) string { return k.ID }, encodeAPIKey))
}

// DecodeKeyID reads DELETE /v1/api-keys/{key_id}.
func DecodeKeyID(r *Request) (string, error) { return r.PathID("key_id") }

// DecodeNothing reads a request without input.
func DecodeNothing(*Request) (struct{}, error) { return struct{}{}, nil }

// NoRateCard is the fault for a version that does not exist.
func NoRateCard(version string) error {
	return fault.New(fault.RateCardNotFound, "There is no rate card %q; GET /v1/rate-cards lists the published ones.", version)
}

// NoRateCardAt is the fault for an instant before the first rate card.
func NoRateCardAt(at time.Time) error {
	return fault.New(fault.RateCardNotFound, "No rate card is in force at %s.", at.UTC().Format(time.RFC3339))
}

// EncodeRevoked answers DELETE /v1/api-keys/{key_id}.
func EncodeRevoked(string) Response { return NoContent() }

// EncodeHealth answers GET /healthz.
func EncodeHealth(struct{}) Response {
	return OK(struct {
		Status string `json:"status"`
	}{"ok"})
}
