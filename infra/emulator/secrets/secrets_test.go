package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"drawdown/infra/emulator/awsjson"
	"drawdown/infra/emulator/secrets"
)

const (
	name = "stripe/key"
	arn  = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stripe/key-a1b2c3"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open serves a store with one secret to the SDK's client.
func open(t *testing.T) *secretsmanager.Client {
	t.Helper()
	store := secrets.New()
	if !store.Create(name, arn) || store.Create(name, arn) {
		t.Fatal("a secret can be made once")
	}
	server := httptest.NewServer(awsjson.Server{store.Service()})
	t.Cleanup(server.Close)
	return secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	})
}

func put(t *testing.T, client *secretsmanager.Client, value string, stages ...string) string {
	t.Helper()
	out, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), SecretString: aws.String(value), VersionStages: stages,
	})
	check(t, err)
	return aws.ToString(out.VersionId)
}

// get is the value under a label, or the code of the failure.
func get(t *testing.T, client *secretsmanager.Client, in *secretsmanager.GetSecretValueInput) string {
	t.Helper()
	if in.SecretId == nil {
		in.SecretId = aws.String(name)
	}
	out, err := client.GetSecretValue(t.Context(), in)
	if err != nil {
		return code(err)
	}
	if aws.ToString(out.ARN) != arn || aws.ToString(out.Name) != name || out.CreatedDate == nil {
		t.Errorf("the answer is %+v", out)
	}
	return aws.ToString(out.SecretString)
}

func code(err error) string {
	if e := smithy.APIError(nil); errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestASecretsLife(t *testing.T) {
	client := open(t)
	stage := func(label string) *secretsmanager.GetSecretValueInput {
		return &secretsmanager.GetSecretValueInput{VersionStage: aws.String(label)}
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	expect("no value yet", get(t, client, &secretsmanager.GetSecretValueInput{}), "ResourceNotFoundException")
	first := put(t, client, "one")
	for _, id := range []string{name, arn, strings.TrimSuffix(arn, "-a1b2c3")} {
		expect(id, get(t, client, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)}), "one")
	}
	expect("no previous one yet", get(t, client, stage("AWSPREVIOUS")), "ResourceNotFoundException")
	second := put(t, client, "two")
	third := put(t, client, "three")
	expect("current", get(t, client, stage("AWSCURRENT")), "three")
	expect("previous", get(t, client, stage("AWSPREVIOUS")), "two")
	expect("by id", get(t, client, &secretsmanager.GetSecretValueInput{VersionId: aws.String(first)}), "one")
	expect("by an id that is not there", get(t, client, &secretsmanager.GetSecretValueInput{VersionId: aws.String(strings.Repeat("0", 36))}), "ResourceNotFoundException")
	expect("by id and another's label", get(t, client, &secretsmanager.GetSecretValueInput{
		VersionId: aws.String(first), VersionStage: aws.String("AWSCURRENT"),
	}), "InvalidRequestException")
	pending := put(t, client, "four", "AWSPENDING")
	expect("pending", get(t, client, stage("AWSPENDING")), "four")
	expect("still current", get(t, client, stage("AWSCURRENT")), "three")

	described, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(arn)})
	check(t, err)
	want := map[string]string{second: "AWSPREVIOUS", third: "AWSCURRENT", pending: "AWSPENDING"}
	if len(described.VersionIdsToStages) != len(want) {
		t.Errorf("the versions are %v", described.VersionIdsToStages)
	}
	for id, label := range want {
		if !slices.Equal(described.VersionIdsToStages[id], []string{label}) {
			t.Errorf("the version %s has the labels %v, want %s", id, described.VersionIdsToStages[id], label)
		}
	}
}

func TestATokenIsTakenOnce(t *testing.T) {
	client := open(t)
	in := &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), SecretString: aws.String("one"), ClientRequestToken: aws.String(strings.Repeat("a", 32)),
	}
	for range 2 {
		out, err := client.PutSecretValue(t.Context(), in)
		check(t, err)
		if aws.ToString(out.VersionId) != strings.Repeat("a", 32) || !slices.Equal(out.VersionStages, []string{"AWSCURRENT"}) {
			t.Errorf("the answer is %+v", out)
		}
	}
	if got := get(t, client, &secretsmanager.GetSecretValueInput{VersionStage: aws.String("AWSPREVIOUS")}); got != "ResourceNotFoundException" {
		t.Errorf("a value put twice has a version before: %s", got)
	}
	in.SecretString = aws.String("other")
	_, err := client.PutSecretValue(t.Context(), in)
	if exists := (*types.ResourceExistsException)(nil); !errors.As(err, &exists) {
		t.Errorf("the token with another value: %v", err)
	}
}

func TestBytesAndRefusals(t *testing.T) {
	client := open(t)
	data := []byte{0, 1, 0xff}
	_, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretBinary: data})
	check(t, err)
	out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(name)})
	check(t, err)
	if !bytes.Equal(out.SecretBinary, data) || out.SecretString != nil {
		t.Errorf("the value is %+v", out)
	}
	for want, in := range map[string]*secretsmanager.PutSecretValueInput{
		"ResourceNotFoundException": {SecretId: aws.String("other"), SecretString: aws.String("x")},
		"InvalidRequestException":   {SecretId: aws.String(name)},
		"ValidationException":       {SecretId: aws.String(name), SecretString: aws.String(strings.Repeat("x", 65_537))},
	} {
		if _, err := client.PutSecretValue(t.Context(), in); code(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if got := get(t, client, &secretsmanager.GetSecretValueInput{SecretId: aws.String("other")}); got != "ResourceNotFoundException" {
		t.Errorf("a secret that is not there: %s", got)
	}
	if _, err := client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{}); code(err) != "UnknownOperationException" {
		t.Errorf("an operation that is not served: %v", err)
	}
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(name), SecretString: aws.String("x"), RotationToken: aws.String(strings.Repeat("0", 36)),
	})
	if code(err) != "ValidationException" || !strings.Contains(err.Error(), `"RotationToken"`) {
		t.Errorf("a parameter that is not served: %v", err)
	}
}

func TestPasswords(t *testing.T) {
	const upper, lower, digits, punctuation = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	for _, c := range []struct {
		password secrets.Password
		each     []string
	}{
		{secrets.Password{Length: 4, RequireEach: true}, []string{upper, lower, digits, punctuation}},
		{secrets.Password{Length: 5, RequireEach: true, IncludeSpace: true}, []string{upper, lower, digits, punctuation, " "}},
		{secrets.Password{Length: 2, RequireEach: true, ExcludePunctuation: true, ExcludeNumbers: true}, []string{upper, lower}},
		{secrets.Password{Length: 2, RequireEach: true, ExcludeUppercase: true, ExcludeLowercase: true, ExcludeCharacters: "0123"}, []string{"456789", punctuation}},
	} {
		allowed := strings.Join(c.each, "")
		seen := map[string]bool{}
		for range 50 {
			got, err := c.password.Make()
			check(t, err)
			seen[got] = true
			if len(got) != c.password.Length || strings.Trim(got, allowed) != "" {
				t.Errorf("%+v makes %q", c.password, got)
			}
			for _, characters := range c.each {
				if !strings.ContainsAny(got, characters) {
					t.Errorf("%+v makes %q without one of %s", c.password, got, characters)
				}
			}
		}
		if len(seen) < 10 {
			t.Errorf("%+v makes %d passwords in 50 tries", c.password, len(seen))
		}
	}
	for _, p := range []secrets.Password{
		{}, {Length: 4097}, {Length: 3, RequireEach: true},
		{Length: 8, ExcludeUppercase: true, ExcludeLowercase: true, ExcludeNumbers: true, ExcludePunctuation: true},
	} {
		if got, err := p.Make(); err == nil {
			t.Errorf("%+v makes %q", p, got)
		}
	}
}
