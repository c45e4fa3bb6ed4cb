package boot

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"drawdown/shared/fault"
	"drawdown/shared/secrets"
)

// vaultOf answers with versions by stage; one that is missing is not found.
func vaultOf(t *testing.T, stages map[string]secrets.Version) environment {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ VersionStage string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		version, found := stages[in.VersionStage]
		if !found {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ResourceNotFoundException"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"VersionId": version.ID, "SecretString": version.Value, "CreatedDate": float64(version.CreatedAt.UnixMilli()) / 1000,
		})
	}))
	t.Cleanup(server.Close)
	return complete(EnvSessionKey, "arn:key", "AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL, "AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b")
}

// A new key signs once every environment has had the time to read it; the one
// before opens what it has signed until then.
func TestANewKeyBeginsWhenEveryEnvironmentKnowsIt(t *testing.T) {
	for _, c := range []struct {
		age    time.Duration
		signer string
	}{{time.Second, "old"}, {time.Minute + 10*time.Second, "new"}} {
		created := time.Now().Add(-c.age).Truncate(time.Millisecond)
		keys := openSessionKeys(vaultOf(t, map[string]secrets.Version{
			"AWSCURRENT": {ID: "new", Value: "n", CreatedAt: created}, "AWSPREVIOUS": {ID: "old", Value: "o", CreatedAt: created.Add(-time.Hour)},
		}).get)
		signer, err := keys.Current(t.Context())
		if err != nil || signer.ID != c.signer {
			t.Errorf("after %s %q signs, %v; want %q", c.age, signer.ID, err, c.signer)
		}
		old, err := keys.Find(t.Context(), "old")
		if err != nil || old == nil || old.RetiredAt.Before(created.Add(time.Minute)) || old.RetiredAt.After(created.Add(3*time.Minute)) {
			t.Errorf("the old key is %+v, %v", old, err)
		}
		if current, err := keys.Find(t.Context(), "new"); err != nil || current == nil || !current.RetiredAt.IsZero() {
			t.Errorf("the new key is %+v, %v", current, err)
		}
	}
	only := openSessionKeys(vaultOf(t, map[string]secrets.Version{"AWSCURRENT": {ID: "first", CreatedAt: time.Now()}}).get)
	if signer, err := only.Current(t.Context()); err != nil || signer.ID != "first" {
		t.Errorf("the first key of all: %+v, %v", signer, err)
	}
}

// Two environments around a rotation: whatever a cold one signs, one that has read
// the keys just before knows.
func TestAWarmEnvironmentKnowsWhatAColdOneSigns(t *testing.T) {
	stages := map[string]secrets.Version{"AWSCURRENT": {ID: "old", Value: "o", CreatedAt: time.Now().Add(-time.Hour)}}
	environment := vaultOf(t, stages)
	warm := openSessionKeys(environment.get)
	if known, err := warm.Find(t.Context(), "old"); err != nil || known == nil {
		t.Fatal(known, err)
	}
	stages["AWSPREVIOUS"] = stages["AWSCURRENT"]
	stages["AWSCURRENT"] = secrets.Version{ID: "new", Value: "n", CreatedAt: time.Now()}
	signer, err := openSessionKeys(environment.get).Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if known, err := warm.Find(t.Context(), signer.ID); err != nil || known == nil {
		t.Errorf("the cold one signs with %q, which the warm one does not know: %v", signer.ID, err)
	}
}

func TestKeysThatCannotBeReadAreNobodysFault(t *testing.T) {
	keys := openSessionKeys(vaultOf(t, nil).get)
	if _, err := keys.Current(t.Context()); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("signing: %v", err)
	}
	if _, err := keys.Find(t.Context(), "k"); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("opening: %v", err)
	}
}
