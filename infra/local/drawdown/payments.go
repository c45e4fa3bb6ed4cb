package main

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"drawdown/infra/emulator"
	"drawdown/infra/standin/stripe"
)

// payments are what the platform takes money by: Stripe's test mode where the
// environment has its keys, else the stand-in.
type payments struct {
	standIn *stripe.Server // nil: Stripe itself
	hooks   atomic.Pointer[string]
	secret  string
	url     string // of Stripe's API; empty: its own
}

// The keys of the stand-in. They open nothing else.
const (
	standInKey    = "sk_test_stand_in"
	standInSecret = "whsec_stand_in" //nolint:gosec // opens the stand-in alone
)

// openPayments reads the environment's keys of Stripe, or starts the stand-in,
// whose clock begins so long ago that the demo has a past.
func openPayments(secretKey, webhookSecret string, past time.Duration) (*payments, error) {
	p := &payments{}
	switch {
	case (secretKey == "") != (webhookSecret == ""):
		return nil, errors.New("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET must both be set, or neither")
	case secretKey == "":
		server, err := stripe.New(stripe.Options{
			WebhookURL: p.webhookURL, WebhookSecret: standInSecret, Key: standInKey, Behind: past,
		})
		if err != nil {
			return nil, err
		}
		secretKey, webhookSecret, p.standIn, p.url = standInKey, standInSecret, server, server.URL()
	}
	secret, err := json.Marshal(map[string]string{"secret_key": secretKey, "webhook_secret": webhookSecret})
	p.secret = string(secret)
	return p, err
}

// webhookURL is where the stand-in tells of events, once the platform is there.
func (p *payments) webhookURL() string {
	if url := p.hooks.Load(); url != nil {
		return *url
	}
	return ""
}

// configure tells the platform of the keys and of where they are good.
func (p *payments) configure(options *emulator.Options) {
	options.Parameters["LocalWebhooks"] = "true"
	options.Secrets = map[string]string{"StripeKeys": p.secret}
	if p.url != "" {
		options.Parameters["StripeApiUrl"] = p.url
	}
}

// reach lets the stand-in know the platform.
func (p *payments) reach(platform *emulator.Platform) {
	url := platform.URL() + "/v1/webhooks/stripe"
	p.hooks.Store(&url)
}

func (p *payments) close() {
	if p.standIn != nil {
		p.standIn.Close()
	}
}

// String says where payments go.
func (p *payments) String() string {
	if p.standIn == nil {
		return "Stripe's test mode"
	}
	return p.url + " (a stand-in for Stripe: no money moves)"
}
