// Package boot is a function's cold start: it reads the environment, creates the
// clients once, and passes a handler to the Lambda runtime.
//
// The SDK's shared configuration is left out on purpose: loading it costs half
// of a start, and a function needs only its environment variables.
package boot

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the runtime has no zones of its own

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/eventbus"
	"drawdown/shared/failures"
	"drawdown/shared/lambdaio"
	"drawdown/shared/ledger"
	"drawdown/shared/session"
)

// The environment variables of a function, besides those of the tables.
const (
	EnvOperatorKey = "OPERATOR_KEY"      // "<id>:<hex SHA-256 of the key>"
	EnvChannels    = "CHANNELS"          // comma-separated
	EnvFailures    = "FAILURES_BUCKET"   // where the stream mapping stores batches after its last retry
	EnvMaxBackdate = "MAX_BACKDATE_DAYS" // how far back occurred_at may be
	EnvSessionKey  = "SESSION_KEY"       // the ARN of the secret that signs session tokens
	EnvBus         = "BUS_NAME"          // the event bus
	EnvLocalHooks  = "LOCAL_WEBHOOKS"    // "true" lets webhooks reach local networks, for development
)

// maxAhead is how far in the future occurred_at may be, for clocks that are fast.
const maxAhead = 5 * time.Minute

// DefaultChannels are the channels of a deployment that configures none.
func DefaultChannels() []string {
	return []string{"api", "widget", "chat_portal", "whatsapp", "test_chat", "reports"}
}

// Platform contains what handlers are built from.
type Platform struct {
	Tables    dynamo.Tables
	Committer *commit.Committer
	Rates     *dynamo.Rates
	Gate      *access.Authenticator
	Sessions  *session.Tokens
	Rules     ledger.Rules
	Now       func() time.Time

	env func(string) string
}

// Failures is the bucket of the batches that still failed after the last retry of the
// stream mapping. Only a function that asks for it carries S3's client.
func (p *Platform) Failures() *failures.Bucket {
	return failures.Open(awsConfig(p.env), endpoint(p.env, "S3"), p.env(EnvFailures))
}

// Bus is the event bus. Only a function that asks for it carries EventBridge's
// client.
func (p *Platform) Bus() *eventbus.Bus {
	return eventbus.Open(awsConfig(p.env), endpoint(p.env, "EVENTBRIDGE"), p.env(EnvBus))
}

// LocalWebhooks reports whether webhooks may reach local networks.
func (p *Platform) LocalWebhooks() bool { return p.env(EnvLocalHooks) == "true" }

// Run starts a function of the platform; build creates its handler.
func Run(build func(*Platform) (lambdaio.Handler, error)) {
	lambdaio.Serve(func() (lambdaio.Handler, error) { return start(build) })
}

func start(build func(*Platform) (lambdaio.Handler, error)) (lambdaio.Handler, error) {
	platform, err := newPlatform(os.Getenv)
	if err != nil {
		return nil, err
	}
	return build(platform)
}

func newPlatform(env func(string) string) (*Platform, error) {
	rules, err := readRules(env)
	if err != nil {
		return nil, err
	}
	operator, err := access.OperatorKey(env(EnvOperatorKey))
	if err != nil {
		return nil, fmt.Errorf("boot: %s: %w", EnvOperatorKey, err)
	}
	tables := dynamo.Open(awsConfig(env), endpoint(env, "DYNAMODB"), dynamo.Names{
		Wallets:  env(dynamo.WalletsTable.EnvVar),
		Ledger:   env(dynamo.LedgerTable.EnvVar),
		Usage:    env(dynamo.UsageTable.EnvVar),
		Accounts: env(dynamo.AccountsTable.EnvVar),
	}, observe)
	rates := dynamo.NewRates(tables.Catalog.ReadBook, time.Now)
	sessions := session.New(openSessionKeys(env), time.Now)
	return &Platform{
		Tables: tables,
		Committer: &commit.Committer{
			Store: tables.Ledger, Rates: rates, Rules: rules, Now: time.Now, OnRetry: countRetry,
		},
		Rates:    rates,
		Gate:     access.NewAuthenticator(tables.Accounts, sessions, operator, time.Now),
		Sessions: sessions,
		Rules:    rules,
		Now:      time.Now,
		env:      env,
	}, nil
}

func readRules(env func(string) string) (ledger.Rules, error) {
	rules := ledger.Rules{MaxBackdate: 35 * 24 * time.Hour, MaxAhead: maxAhead, Channels: DefaultChannels()}
	if text := env(EnvMaxBackdate); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 0 {
			return rules, fmt.Errorf("boot: %s is %q; it must be a number of days", EnvMaxBackdate, text)
		}
		rules.MaxBackdate = time.Duration(days) * 24 * time.Hour
	}
	if text := env(EnvChannels); text != "" {
		rules.Channels = strings.Split(strings.ReplaceAll(text, " ", ""), ",")
	}
	return rules, nil
}

const (
	// requestTimeout bounds one request to a service: a caller does not wait
	// for a connection that has died.
	requestTimeout = 3 * time.Second
	maxAttempts    = 3
	maxBackoff     = 100 * time.Millisecond
)

// awsConfig is the configuration that the clients of all services share.
func awsConfig(env func(string) string) aws.Config {
	return aws.Config{
		Region: env("AWS_REGION"),
		Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID:     env("AWS_ACCESS_KEY_ID"),
				SecretAccessKey: env("AWS_SECRET_ACCESS_KEY"),
				SessionToken:    env("AWS_SESSION_TOKEN"),
			}, nil
		})),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(requestTimeout),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = maxAttempts
				o.MaxBackoff = maxBackoff
				o.RateLimiter = ratelimit.None // the commit's own jitter and deadline bound retries
			})
		},
	}
}

// endpoint is the address of a service other than AWS's own, from the SDK's
// environment variables.
func endpoint(env func(string) string, service string) string {
	if url := env("AWS_ENDPOINT_URL_" + service); url != "" {
		return url
	}
	return env("AWS_ENDPOINT_URL")
}
