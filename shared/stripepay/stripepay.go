// Package stripepay is Stripe: the only place that imports its SDK, makes its
// requests and reads its objects.
//
// Terms. What is sold has a product and a price there; who pays is a customer.
// Whatever else is made there bears the account, and what it pays for, in its
// metadata, so that a payment tells by itself what was bought. Of several
// deployments that share an account of Stripe's, each knows its own objects by
// their metadata; products and prices are common to them. An object that is none
// of ours has no account.
//
// Stripe's objects leave this package as shared/billing's, and its errors as
// the errors below. Each request that makes or changes something carries an
// idempotency key that is derived from our own ids, so that the same call again
// makes nothing twice. A call whose outcome is not known fails with billing.ErrUnknown:
// whether it took effect is found out by making it again, never assumed.
//
// The package decides nothing: who may buy what, what a payment is worth and
// when to try again is said elsewhere.
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
	// a card's bank may take some more.
	timeout = 12 * time.Second
	// retries are the SDK's own, under the same idempotency key.
	retries = 1
)

// Keys is where the secrets are kept. Either may be empty: not configured.
type Keys interface {
	Keys(ctx context.Context) (secretKey, webhookSecret string, err error)
}

// Options are what a Processor is made of.
type Options struct {
	Keys Keys
	URL  string           // of Stripe's API; empty: its own
	Now  func() time.Time // nil: the system's clock
	// Deployment is the id of this deployment. Several may share an account of
	// Stripe's: it is part of all keys and metadata, and what names another is not
	// ours. Empty: it is the only one.
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

// Open makes a Processor. It asks for no secret and makes no request yet.
func Open(options Options) *Processor {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Processor{options: options, http: &http.Client{Timeout: timeout}}
}

// stripe is a client with the key in force: a key that was replaced is used no
// longer than its keeper remembers it.
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
// request does, and of our ids. Where they are too long for Stripe, their hash
// stands for them.
func (p *Processor) once(parts ...string) *string {
	const longest = 255
	// An id may hold the separator: it is escaped, so that other parts never make
	// the same key.
	escape := strings.NewReplacer("%", "%25", ":", "%3A")
	var b strings.Builder
	b.WriteString(escape.Replace(p.options.Deployment))
	for _, part := range parts {
		b.WriteString(":" + escape.Replace(part))
	}
	return stripe.String(fit(b.String(), longest))
}

// ours is metadata of an object that is made here: it names the deployment.
func (p *Processor) ours(meta map[string]string) map[string]string {
	if p.options.Deployment != "" {
		meta[metaDeployment] = p.options.Deployment
	}
	return meta
}

// foreign reports whether metadata names another deployment. Older objects, and
// those that people have made, name none.
func (p *Processor) foreign(meta map[string]string) bool {
	return meta[metaDeployment] != "" && meta[metaDeployment] != p.options.Deployment
}

// accountIn is the account that metadata names, empty where they name none, or
// another deployment.
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

// fit is a text of at most so many bytes, which is another for another text.
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

// The names in Stripe's metadata. They stand in objects that outlive any
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
	metaNoted    = "noted_at" // when the bill was noted
	// of whose objects it is, where several deployments share an account of Stripe's
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
