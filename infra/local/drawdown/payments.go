package main

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"drawdown/infra/emulator"
	"drawdown/infra/standin/stripe"
)

// payments is the platform's payment processor: Stripe's test mode if the
// environment has its keys, else the stand-in.
type payments struct {
	standIn *stripe.Server // nil: Stripe itself
	hooks   atomic.Pointer[string]
	secret  string
	url     string // of Stripe's API; empty: its own
}

// The keys of the stand-in. They are valid nowhere else.
const (
	standInKey    = "sk_test_stand_in"
	standInSecret = "whsec_stand_in" //nolint:gosec // valid for the stand-in only
)

// openPayments uses Stripe's keys, or starts the stand-in without them. The
// stand-in's clock starts that far in the past, so that the demo has a history.
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

// webhookURL returns where the stand-in sends webhooks, once the platform runs.
func (p *payments) webhookURL() string {
	if url := p.hooks.Load(); url != nil {
		return *url
	}
	return ""
}

// configure passes the keys, and the address that they are for, to the platform.
func (p *payments) configure(options *emulator.Options) {
	options.Parameters["LocalWebhooks"] = "true"
	options.Secrets = map[string]string{"StripeKeys": p.secret}
	if p.url != "" {
		options.Parameters["StripeApiUrl"] = p.url
	}
}

// reach makes the stand-in send its webhooks to the platform.
func (p *payments) reach(platform *emulator.Platform) {
	url := platform.URL() + "/v1/webhooks/stripe"
	p.hooks.Store(&url)
}

func (p *payments) close() {
	if p.standIn != nil {
		p.standIn.Close()
	}
}

// String describes where payments go.
func (p *payments) String() string {
	if p.standIn == nil {
		return "Stripe's test mode"
	}
	return p.url + " (a stand-in for Stripe; no money moves)"
}
