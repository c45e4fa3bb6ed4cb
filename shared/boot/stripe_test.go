package boot

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestStripesKeys(t *testing.T) {
	value := `{\"secret_key\":\"sk\",\"webhook_secret\":\"wh\",\"unused\":\"x\"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		if strings.Contains(string(asked), "AWSPREVIOUS") {
			w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
			http.Error(w, `{"__type":"ResourceNotFoundException"}`, http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"VersionId":"v","SecretString":"`+value+`"}`)
	}))
	defer server.Close()
	keys := func(more ...string) (string, string, error) {
		t.Helper()
		platform, err := newPlatform(complete(append(more, "AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL, "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "s")...).get)
		if err != nil {
			t.Fatal(err)
		}
		return platform.StripeKeys().Keys(t.Context())
	}
	if key, webhook, err := keys(); key != "" || webhook != "" || err != nil {
		t.Errorf("without a secret: %q, %q, %v", key, webhook, err)
	}
	if key, webhook, err := keys(EnvStripeKeys, "arn"); key != "sk" || webhook != "wh" || err != nil {
		t.Errorf("got %q, %q, %v", key, webhook, err)
	}
	value = `{\"secret_key\":\" sk\\n\",\"webhook_secret\":\" \\n\"}`
	if key, webhook, err := keys(EnvStripeKeys, "arn"); key != "sk" || webhook != "" || err != nil {
		t.Errorf("pasted with space around them: %q, %q, %v", key, webhook, err)
	}
	value = `sk_live_hidden`
	if _, _, err := keys(EnvStripeKeys, "arn"); err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), EnvStripeKeys) {
		t.Errorf("a secret that is no object: %v", err)
	}
}

// What is made at Stripe bears the deployment's id.
func TestStripeIsToldTheDeployment(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/v1/customers":
			if !strings.Contains(string(asked), "deployment]=d-1") || !strings.HasPrefix(r.Header.Get("Idempotency-Key"), "d-1:") {
				t.Errorf("asked %s with key %s", asked, r.Header.Get("Idempotency-Key"))
			}
			_, _ = io.WriteString(w, `{"id":"cus_1","object":"customer"}`)
		case strings.Contains(string(asked), "AWSPREVIOUS"):
			w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
			http.Error(w, `{"__type":"ResourceNotFoundException"}`, http.StatusBadRequest)
		default:
			_, _ = io.WriteString(w, `{"VersionId":"v","SecretString":"{\"secret_key\":\"sk\"}"}`)
		}
	}))
	defer server.Close()
	platform, err := newPlatform(complete(EnvStripeKeys, "arn", EnvStripeURL, server.URL, EnvDeployment, "d-1",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL, "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "s").get)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := platform.processor().EnsureCustomer(t.Context(), "acme", ""); id != "cus_1" || err != nil {
		t.Errorf("customer %q, %v", id, err)
	}
}

func TestBusAndWebhooksAreTheEnvironments(t *testing.T) {
	for text, want := range map[string]bool{"": false, "true": true, "yes": false} {
		platform, err := newPlatform(complete(EnvLocalHooks, text, EnvBus, "drawdown").get)
		if err != nil || platform.LocalWebhooks() != want || platform.Bus() == nil {
			t.Errorf("%q: %t, %v", text, platform.LocalWebhooks(), err)
		}
	}
}
