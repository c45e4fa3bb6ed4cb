package boot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/secrets"
)

// The environment variables of a function that knows Stripe.
const (
	EnvStripeKeys = "STRIPE_KEYS"    // the ARN of the secret that holds Stripe's keys
	EnvStripeURL  = "STRIPE_API_URL" // where Stripe's API is
	EnvDeployment = "DEPLOYMENT_ID"  // what tells our objects there from another deployment's; it never changes
)

// StripeKeys are Stripe's keys as the operator has put them into their secret: a
// JSON object with the members secret_key and webhook_secret. Both are empty
// until then, and where the function is given no secret.
type StripeKeys struct{ secret *secrets.Secret }

// StripeKeys are the keys that the environment names. Nothing is read yet.
func (p *Platform) StripeKeys() StripeKeys {
	arn := p.env(EnvStripeKeys)
	if arn == "" {
		return StripeKeys{}
	}
	return StripeKeys{secrets.Open(awsConfig(p.env), endpoint(p.env, "SECRETS_MANAGER"), arn, time.Now)}
}

// Keys gives the key of the API and the secret that signs webhooks, each empty
// where it is not configured. Space around them, as pasting leaves it, is none of
// theirs.
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
	// The text is not repeated in the error, since it holds the keys.
	if json.Unmarshal([]byte(version.Value), &keys) != nil {
		return "", "", fmt.Errorf("boot: the secret that %s names is no JSON object with secret_key and webhook_secret", EnvStripeKeys)
	}
	return strings.TrimSpace(keys.SecretKey), strings.TrimSpace(keys.WebhookSecret), nil
}
