package emulator_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"drawdown/infra/emulator"
)

func withSecrets(template map[string]any) {
	type props = map[string]any
	withoutTables(template)
	resources := object(template["Resources"])
	resources["Empty"] = resource("AWS::SecretsManager::Secret", props{"Name": "probe/empty", "KmsKeyId": "key", "Description": "to be put"})
	resources["Stripe11111111"] = resource("AWS::SecretsManager::Secret", props{"SecretString": "of the template"})
	resources["Made"] = resource("AWS::SecretsManager::Secret", props{"GenerateSecretString": props{}})
	resources["Login"] = resource("AWS::SecretsManager::Secret", props{"GenerateSecretString": props{
		"SecretStringTemplate": `{"user":"probe"}`, "GenerateStringKey": "password", "PasswordLength": 12, "ExcludePunctuation": true,
	}})
	resources["EmptyPolicy"] = resource("AWS::SecretsManager::ResourcePolicy", props{"SecretId": props{"Ref": "Empty"}})
	properties(template, "Slow44444444")["Environment"] = props{"Variables": props{"STRIPE_SECRET": props{"Ref": "Stripe11111111"}}}
}

func secretOf(t *testing.T, p *emulator.Platform, id string) (value string, err error) {
	t.Helper()
	client := secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.SecretsURL()), Credentials: aws.CredentialsProviderFunc(credentials), RetryMaxAttempts: 1,
	})
	out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func TestSecrets(t *testing.T) {
	o := options(assembly(t, withSecrets))
	o.Secrets = map[string]string{"Stripe": "of the test"}
	p := start(t, o)
	if arn := p.SecretARN("Empty"); !strings.HasPrefix(arn, "arn:aws:secretsmanager:us-east-1:000000000000:secret:probe/empty-") || p.SecretARN("probe/empty") != arn {
		t.Errorf("the ARN is %q", arn)
	}
	if arn := p.SecretARN("Other"); arn != "" {
		t.Errorf("a secret that is not there has the ARN %q", arn)
	}
	if value, err := secretOf(t, p, p.SecretARN("Stripe")); err != nil || value != "of the test" {
		t.Errorf("the value is %q, %v", value, err)
	}
	if value, err := secretOf(t, p, "Probe-Made"); err != nil || len(value) != 32 {
		t.Errorf("the made value is %q, %v", value, err)
	}
	value, err := secretOf(t, p, p.SecretARN("Login"))
	check(t, err)
	var login struct{ User, Password string }
	if err := json.Unmarshal([]byte(value), &login); err != nil || login.User != "probe" || len(login.Password) != 12 {
		t.Errorf("the login is %q, %v", value, err)
	}
	if value, err := secretOf(t, p, "probe/empty"); err == nil || !strings.Contains(err.Error(), "staging label: AWSCURRENT") {
		t.Errorf("a secret without a value has %q, %v", value, err)
	}
	if !slices.Contains(p.Inert(), "EmptyPolicy (AWS::SecretsManager::ResourcePolicy): permissions are not checked") {
		t.Errorf("the inert resources are %q", p.Inert())
	}
	var answer struct{ Environment []string }
	check(t, json.Unmarshal(call(t, p, "probe-slow", `{}`).Payload, &answer))
	for _, want := range []string{"STRIPE_SECRET=" + p.SecretARN("Stripe"), "AWS_ENDPOINT_URL_SECRETS_MANAGER=" + p.SecretsURL()} {
		if !slices.Contains(answer.Environment, want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
}

func TestAValueForNoSecretIsRefused(t *testing.T) {
	o := options(assembly(t, withSecrets))
	o.Secrets = map[string]string{"Strip": "a secret"}
	_, err := emulator.Start(t.Context(), o)
	if err == nil || err.Error() != `the template has no secret "Strip" to give a value to` {
		t.Errorf("got %v", err)
	}
}
