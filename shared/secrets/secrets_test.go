package secrets_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"drawdown/shared/secrets"
)

// vault answers GetSecretValue as Secrets Manager does.
type vault struct {
	mu     sync.Mutex
	stages map[string]secrets.Version
	asked  int
	broken bool
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	var in struct{ SecretID, VersionStage string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	version, found := v.stages[in.VersionStage]
	switch {
	case r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || in.SecretID != "arn:the-secret":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"InvalidRequestException"}`))
	case v.broken:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"DecryptionFailure"}`))
	case !found:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"ResourceNotFoundException"}`))
	default:
		_ = json.NewEncoder(w).Encode(map[string]string{"VersionId": version.ID, "SecretString": version.Value})
	}
}

// rotate makes a new version the current one.
func (v *vault) rotate(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if current, found := v.stages["AWSCURRENT"]; found {
		v.stages["AWSPREVIOUS"] = current
	}
	v.stages["AWSCURRENT"] = secrets.Version{ID: id, Value: "value of " + id}
}

func (v *vault) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() { v.asked = 0 }()
	return v.asked
}

func open(t *testing.T) (*vault, *secrets.Secret, *time.Time) {
	v := &vault{stages: map[string]secrets.Version{}}
	v.rotate("v1")
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	config := aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	return v, secrets.Open(config, server.URL, "arn:the-secret", func() time.Time { return now }), &now
}

func TestVersionsAreRemembered(t *testing.T) {
	v, secret, now := open(t)
	for range 3 {
		if got, err := secret.Current(t.Context()); err != nil || got != (secrets.Version{ID: "v1", Value: "value of v1"}) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := v.requests(); n != 2 {
		t.Errorf("%d requests for two stages", n)
	}
	v.rotate("v2")
	*now = now.Add(time.Minute)
	if got, err := secret.Current(t.Context()); err != nil || got.ID != "v2" {
		t.Errorf("after its time: %+v, %v", got, err)
	}
	if got, found, err := secret.Find(t.Context(), "v1"); err != nil || !found || got.Value != "value of v1" {
		t.Errorf("the version before: %+v, %t, %v", got, found, err)
	}
}

// A token that another environment has signed with a new key is let in at once,
// and made-up ids do not make every request a request to Secrets Manager.
func TestAnUnknownVersionIsLookedFor(t *testing.T) {
	v, secret, now := open(t)
	if _, err := secret.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.rotate("v2")
	v.requests()
	for range 10 {
		if _, found, err := secret.Find(t.Context(), "v2"); found || err != nil {
			t.Fatalf("right after the last look: %t, %v", found, err)
		}
	}
	if n := v.requests(); n != 0 {
		t.Errorf("%d requests for made-up ids", n)
	}
	*now = now.Add(10 * time.Second)
	if got, found, err := secret.Find(t.Context(), "v2"); err != nil || !found || got.ID != "v2" {
		t.Errorf("some seconds later: %+v, %t, %v", got, found, err)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	v, secret, now := open(t)
	v.broken = true
	if _, err := secret.Current(t.Context()); err == nil {
		t.Error("it has a current version")
	}
	if _, found, err := secret.Find(t.Context(), "v1"); err == nil || found {
		t.Errorf("it finds %t, %v", found, err)
	}
	v.broken = false
	*now = now.Add(10 * time.Second)
	if got, err := secret.Current(t.Context()); err != nil || got.ID != "v1" {
		t.Errorf("once it can be read: %+v, %v", got, err)
	}
}

// What is known serves on while it cannot be read again, for an hour; and an
// outage is not answered with a request a call.
func TestAnOutageIsOutlived(t *testing.T) {
	v, secret, now := open(t)
	if _, err := secret.Current(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.broken = true
	*now = now.Add(time.Minute)
	v.requests()
	for range 10 {
		if _, found, err := secret.Find(t.Context(), "v1"); err != nil || !found {
			t.Fatalf("during an outage: %t, %v", found, err)
		}
		if _, found, err := secret.Find(t.Context(), "made up"); err != nil || found {
			t.Fatalf("during an outage, of a made-up id: %t, %v", found, err)
		}
	}
	if n := v.requests(); n > 3 { // one reading, which the SDK may try again
		t.Errorf("%d requests", n)
	}
	*now = now.Add(time.Hour)
	if _, err := secret.Current(t.Context()); err == nil {
		t.Error("an hour later what was known is still good")
	}
}
