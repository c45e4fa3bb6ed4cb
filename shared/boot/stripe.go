package boot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/secrets"
)

// The environment variables of a function that uses Stripe.
const (
	EnvStripeKeys = "STRIPE_KEYS"    // the ARN of the secret that holds Stripe's keys
	EnvStripeURL  = "STRIPE_API_URL" // where Stripe's API is
	EnvDeployment = "DEPLOYMENT_ID"  // distinguishes our objects there from another deployment's; it never changes
)

// StripeKeys are Stripe's keys as the operator stored them in their secret: a JSON
// object with the members secret_key and webhook_secret. Both are empty until then,
// and for a function without the secret.
type StripeKeys struct{ secret *secrets.Secret }

// StripeKeys returns the keys that the environment names, without reading them.
func (p *Platform) StripeKeys() StripeKeys {
	arn := p.env(EnvStripeKeys)
	if arn == "" {
		return StripeKeys{}
	}
	return StripeKeys{secrets.Open(awsConfig(p.env), endpoint(p.env, "SECRETS_MANAGER"), arn, time.Now)}
}

// Keys returns the API key and the webhook signing secret, each empty if it is not
// configured. Surrounding space, as pasting leaves it, is removed.
func (k StripeKeys) Keys(ctx context.Context) (secretKey, webhookSecret string, err error) {
	if k.secret == nil {
		return "", "", nil
	}
	version, err := k.secret.Current(ctx)
	if err != nil {
		return "", "", err
	}
	var keys struct {
		SecretKey     string `json:"secret_key"`
		WebhookSecret string `json:"webhook_secret"`
	}
	// The error omits the text, since it contains the keys.
	if json.Unmarshal([]byte(version.Value), &keys) != nil {
		return "", "", fmt.Errorf("boot: the secret that %s names is not a JSON object with secret_key and webhook_secret", EnvStripeKeys)
	}
	return strings.TrimSpace(keys.SecretKey), strings.TrimSpace(keys.WebhookSecret), nil
}
