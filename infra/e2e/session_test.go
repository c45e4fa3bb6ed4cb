package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"drawdown/shared/httpapi"
)

func readAll(t *testing.T, response *http.Response) []byte {
	t.Helper()
	defer func() { _ = response.Body.Close() }() // read to its end, or the test has failed
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestASessionIsForOneAccountAndAWhile(t *testing.T) {
	t.Parallel()
	account, other := openFunded(t, 10*credit), openFunded(t, 10*credit)
	before := time.Now()
	opened := openSession(t, account, body{"ttl_seconds": 90, "return_url": "https://app.example.com/"})
	if opened.URL != platform.URL()+"/usage#"+opened.Token {
		t.Errorf("the link is %q", opened.URL)
	}
	ends, err := time.Parse(time.RFC3339, opened.ExpiresAt)
	if left := ends.Sub(before); err != nil || left < 85*time.Second || left > 91*time.Second {
		t.Errorf("it ends at %s, %v", opened.ExpiresAt, err)
	}
	person := client{t, opened.Token}
	for _, route := range []httpapi.Route{httpapi.GetBalance, httpapi.GetUsage, httpapi.ListEntries} {
		if a := person.call(request{route: route, path: []string{account}}); a.Status != http.StatusOK {
			t.Errorf("of its account: %s", a)
		}
		refused(t, person.call(request{route: route, path: []string{other}}), http.StatusForbidden, "forbidden")
	}
	if a := person.call(request{route: httpapi.CurrentRates}); a.Status != http.StatusOK {
		t.Errorf("the prices: %s", a)
	}
	refused(t, person.call(debit(account, "by-a-person", use("unit", credit))), http.StatusForbidden, "forbidden")
	refused(t, person.call(request{route: httpapi.GetAccount, path: []string{account}}), http.StatusForbidden, "forbidden")
	refused(t, person.call(request{route: httpapi.PostSession, path: []string{account}}), http.StatusForbidden, "forbidden")
	forged := client{t, opened.Token[:strings.LastIndex(opened.Token, ".")+1] + strings.Repeat("A", 43)}
	refused(t, forged.call(request{route: httpapi.GetBalance, path: []string{account}}), http.StatusUnauthorized, "unauthenticated")
	refused(t, admin(t).call(request{route: httpapi.PostSession, path: []string{"no.such.account"}}), http.StatusNotFound, "account-not-found")
	invalid(t, admin(t).call(request{route: httpapi.PostSession, path: []string{account}, body: body{"ttl_seconds": 7200}}), "ttl_seconds")
}

// Sessions that are open when the key is rotated go on. The platform is rotated
// this once: a second rotation would end the sessions of other tests.
func TestARotationEndsNoSession(t *testing.T) {
	t.Parallel()
	account := openFunded(t, credit)
	before := client{t, openSession(t, account, body{}).Token}
	vault := secretsmanager.New(secretsmanager.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(platform.SecretsURL()),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	rotated, err := vault.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(platform.SecretARN("SessionKey")), SecretString: aws.String(strings.Repeat("another key ", 6)),
	})
	if err != nil {
		t.Fatal(err)
	}
	// Environments sign with the key that they remember for a minute at most.
	var after session
	kid := func(token string) string {
		header, _, _ := strings.Cut(token, ".")
		text, _ := base64.RawURLEncoding.DecodeString(header)
		return string(text)
	}
	if !eventually(t, 2*time.Minute, func() bool {
		after = openSession(t, account, body{})
		return strings.Contains(kid(after.Token), aws.ToString(rotated.VersionId))
	}) {
		t.Fatalf("after two minutes tokens are still signed by %s", kid(after.Token))
	}
	for name, person := range map[string]client{"before": before, "after": {t, after.Token}} {
		// The usage function may just have looked for a key: then it looks again in some seconds.
		if !eventually(t, 20*time.Second, func() bool {
			return person.call(request{route: httpapi.GetBalance, path: []string{account}}).Status == http.StatusOK
		}) {
			t.Errorf("a session opened %s the rotation is refused", name)
		}
	}
}
