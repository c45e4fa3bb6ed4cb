package boot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
	"drawdown/shared/lambdaio"
	"drawdown/shared/telemetry"
)

// environment is a function's environment variables.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// complete is an environment in which a function can start.
func complete(more ...string) environment {
	sum := access.HashOf("dk_root_" + strings.Repeat("x", access.MinSecret))
	env := environment{"AWS_REGION": "eu-central-1", EnvOperatorKey: "root:" + hex.EncodeToString(sum[:])}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1] //nolint:gosec // they come in pairs
	}
	return env
}

func TestRules(t *testing.T) {
	rules, err := readRules(environment{}.get)
	if err != nil || rules.MaxBackdate != 35*24*time.Hour || rules.MaxAhead != 5*time.Minute || !slices.Equal(rules.Channels, DefaultChannels()) {
		t.Errorf("without settings the rules are %+v, %v", rules, err)
	}
	rules, err = readRules(environment{EnvMaxBackdate: "7", EnvChannels: "api,kiosk"}.get)
	if err != nil || rules.MaxBackdate != 7*24*time.Hour || !slices.Equal(rules.Channels, []string{"api", "kiosk"}) {
		t.Errorf("with settings the rules are %+v, %v", rules, err)
	}
	if rules, err = readRules(environment{EnvMaxBackdate: "0"}.get); err != nil || rules.MaxBackdate != 0 {
		t.Errorf("no days back are read as %+v, %v", rules, err)
	}
}

func TestBadRulesAreRefused(t *testing.T) {
	for _, text := range []string{"a week", "-1", "1.5", " 7"} {
		_, err := readRules(environment{EnvMaxBackdate: text}.get)
		if err == nil || !strings.Contains(err.Error(), EnvMaxBackdate) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is answered with %v; it must name the variable and its value", text, err)
		}
		if _, err := newPlatform(complete(EnvMaxBackdate, text).get); err == nil {
			t.Errorf("a function starts with %s=%q", EnvMaxBackdate, text)
		}
	}
}

func TestPlatform(t *testing.T) {
	platform, err := newPlatform(complete(EnvChannels, "api").get)
	if err != nil {
		t.Fatal(err)
	}
	if platform.Tables.Ledger == nil || platform.Committer == nil || platform.Rates == nil || platform.Gate == nil || platform.Now == nil {
		t.Errorf("the platform lacks a part: %+v", platform)
	}
	if !slices.Equal(platform.Rules.Channels, []string{"api"}) || !slices.Equal(platform.Committer.Rules.Channels, platform.Rules.Channels) {
		t.Errorf("the rules are %+v, the committer's %+v", platform.Rules, platform.Committer.Rules)
	}
	caller, err := platform.Gate.Authenticate(t.Context(), "dk_root_"+strings.Repeat("x", access.MinSecret))
	if err != nil || caller.May(access.Admin, "") != nil {
		t.Errorf("the operator is %+v, %v", caller, err)
	}
}

func TestBadOperatorKeyIsRefused(t *testing.T) {
	for _, text := range []string{"", "dk_root_secret", "root:", "root:abcd", ":" + strings.Repeat("ab", 32), "root:" + strings.Repeat("zz", 32)} {
		_, err := newPlatform(complete(EnvOperatorKey, text).get)
		if !errors.Is(err, access.ErrOperatorKey) || !strings.Contains(err.Error(), EnvOperatorKey) {
			t.Errorf("%q is answered with %v; it must name the variable and its form", text, err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q is repeated in %v; it may hold a secret", text, err)
		}
	}
}

func TestStartReadsTheEnvironment(t *testing.T) {
	build := func(*Platform) (lambdaio.Handler, error) { return lambdaio.Failing(errors.New("built")), nil }
	t.Setenv(EnvOperatorKey, "")
	if handler, err := start(build); !errors.Is(err, access.ErrOperatorKey) || handler != nil {
		t.Errorf("without a key start ends with %v, %v", handler, err)
	}
	t.Setenv(EnvOperatorKey, complete()[EnvOperatorKey])
	handler, err := start(build)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handler.Invoke(t.Context(), nil); err == nil || err.Error() != "built" {
		t.Errorf("start gives another handler than the one that was built: %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		env  environment
		want string
	}{
		{environment{}, ""},
		{environment{"AWS_ENDPOINT_URL": "http://all"}, "http://all"},
		{environment{"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_DYNAMODB": "http://one"}, "http://one"},
		{environment{"AWS_ENDPOINT_URL_S3": "http://other"}, ""},
	} {
		if got := endpoint(c.env.get, "DYNAMODB"); got != c.want {
			t.Errorf("%v gives %q, want %q", c.env, got, c.want)
		}
	}
}

func TestCredentialsAreTheEnvironments(t *testing.T) {
	config := awsConfig(complete("AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "session").get)
	given, err := config.Credentials.Retrieve(t.Context())
	if err != nil || given.AccessKeyID != "id" || given.SecretAccessKey != "secret" || given.SessionToken != "session" || config.Region != "eu-central-1" {
		t.Errorf("got %+v in %s, %v", given, config.Region, err)
	}
	if tries := config.Retryer().MaxAttempts(); tries != maxAttempts {
		t.Errorf("a request is tried %d times, want %d", tries, maxAttempts)
	}
}

func TestCapacityAndRetriesAreCounted(t *testing.T) {
	ctx := telemetry.Begin(t.Context())
	observe(ctx, dynamo.Spent{ReadUnits: 1.5})
	observe(ctx, dynamo.Spent{WriteUnits: 4})
	countRetry(ctx, commit.WalletMoved)
	countRetry(ctx, commit.Throttled)
	countRetry(ctx, commit.GaveUp)
	var text bytes.Buffer
	telemetry.End(ctx, slog.New(slog.NewJSONHandler(&text, nil)), "debit", time.Now())
	var line map[string]any
	if err := json.Unmarshal(text.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		telemetry.RoundTrips: 2, telemetry.ReadUnits: 1.5, telemetry.WriteUnits: 4, telemetry.Retries: 2, telemetry.Contended: 1,
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
}
