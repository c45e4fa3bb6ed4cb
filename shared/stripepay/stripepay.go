// Package stripepay is the adapter for Stripe: the only package that imports
// its SDK, makes its requests and reads its objects.
//
// Terms. What is sold has a product and a price there; who pays is a customer.
// All other objects carry the account, and what they pay for, in their metadata,
// so that a payment by itself shows what was bought. Several deployments that
// share one Stripe account recognize their own objects by the metadata; they
// share products and prices. An object that is not ours has no account.
//
// Stripe's objects leave this package as shared/billing's, and its errors as the errors
// below. Each request that makes or changes something carries an idempotency key that
// is derived from our own ids, so that the same call again makes nothing twice. A call
// whose outcome is not known fails with billing.ErrUnknown: whether it took effect is
// determined by repeating it, never assumed.
//
// The package decides nothing: who may buy what, what a payment is worth and
// when to retry is decided elsewhere.
package stripepay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v85"

	"drawdown/shared/billing"
)

const (
	// timeout bounds one try of a request. Stripe answers most within a second;
	// a card's bank may take longer.
	timeout = 12 * time.Second
	// retries are the SDK's own, under the same idempotency key.
	retries = 1
)

// Keys is where the secrets are kept. Either may be empty: not configured.
type Keys interface {
	Keys(ctx context.Context) (secretKey, webhookSecret string, err error)
}

// Options configure a Processor.
type Options struct {
	Keys Keys
	URL  string           // of Stripe's API; empty: the default
	Now  func() time.Time // nil: the system's clock
	// Deployment is the id of this deployment. Several may share one Stripe
	// account: the id is part of all keys and metadata, and an object that names
	// another is not ours. Empty: it is the only one.
	Deployment string
}

// Processor makes requests to Stripe with the key that is in force.
type Processor struct {
	options Options
	http    *http.Client

	mu     sync.Mutex
	key    string // that client was made for
	client *stripe.Client
}

// Open creates a Processor. It reads no secret and makes no request yet.
func Open(options Options) *Processor {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Processor{options: options, http: &http.Client{Timeout: timeout}}
}

// stripe is a client with the key in force: a replaced key is used no longer
// than it is cached.
func (p *Processor) stripe(ctx context.Context) (*stripe.Client, error) {
	key, _, err := p.options.Keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, billing.ErrNotConfigured
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil || p.key != key {
		config := &stripe.BackendConfig{
			EnableTelemetry:   stripe.Bool(false),
			HTTPClient:        p.http,
			LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // what fails is in the error
			MaxNetworkRetries: stripe.Int64(retries),
		}
		if p.options.URL != "" {
			config.URL = stripe.String(strings.TrimSuffix(p.options.URL, "/"))
		}
		p.client = stripe.NewClient(key, stripe.WithBackends(stripe.NewBackendsWithConfig(config)))
		p.key = key
	}
	return p.client, nil
}

// once is the idempotency key of a request, made of the deployment, of what the
// request does, and of our ids. If they are too long for Stripe, their hash
// replaces them.
func (p *Processor) once(parts ...string) *string {
	const longest = 255
	// An id may contain the separator: it is escaped, so that different parts
	// never make the same key.
	escape := strings.NewReplacer("%", "%25", ":", "%3A")
	var b strings.Builder
	b.WriteString(escape.Replace(p.options.Deployment))
	for _, part := range parts {
		b.WriteString(":" + escape.Replace(part))
	}
	return stripe.String(fit(b.String(), longest))
}

// ours is the metadata of an object that is created here: it names the deployment.
func (p *Processor) ours(meta map[string]string) map[string]string {
	if p.options.Deployment != "" {
		meta[metaDeployment] = p.options.Deployment
	}
	return meta
}

// foreign reports whether metadata names another deployment. Older objects, and
// those created by people, name none.
func (p *Processor) foreign(meta map[string]string) bool {
	return meta[metaDeployment] != "" && meta[metaDeployment] != p.options.Deployment
}

// accountIn is the account in metadata, empty if they name none, or another
// deployment.
func (p *Processor) accountIn(meta map[string]string) string {
	if p.foreign(meta) {
		return ""
	}
	return meta[metaAccount]
}

// accountOf is the account of a customer, as its metadata have it.
func (p *Processor) accountOf(customer *stripe.Customer) string {
	if customer == nil {
		return ""
	}
	return p.accountIn(customer.Metadata)
}

// fit shortens a text to at most so many bytes, so that different texts stay
// different.
func fit(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return "sha256:" + digest(text)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The names in Stripe's metadata. They are stored in objects that outlive any
// version of this code, so they never change.
const (
	metaAccount  = "account_id"
	metaKind     = "kind" // "pack", "refill" or "plan"
	metaPack     = "pack_id"
	metaPlan     = "plan_id"
	metaCredits  = "credits" // in micro-credits
	metaValidity = "validity_days"
	metaRefill   = "refill_id"
	metaBill     = "bill_id"
	metaNoted    = "noted_at" // when the bill was recorded
	// the deployment, if several share one Stripe account
	metaDeployment = "deployment"
)

const (
	kindPack   = "pack"
	kindRefill = "refill"
	kindPlan   = "plan"
)

// at is a time of Stripe's; its zero is ours.
func at(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
