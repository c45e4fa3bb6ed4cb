package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"drawdown/shared/access"
	"drawdown/shared/fault"
	"drawdown/shared/session"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// ring is a secret that can be rotated: its last two keys are valid.
type ring struct {
	keys []session.Key // the current one first
	err  error
}

func newRing() *ring {
	r := &ring{}
	r.rotate("k1")
	return r
}

func (r *ring) rotate(id string) {
	if len(r.keys) > 0 {
		r.keys[0].RetiredAt = start
	}
	r.keys = append([]session.Key{{ID: id, Secret: []byte(strings.Repeat(id, session.MinSecret))}}, r.keys...)
	r.keys = r.keys[:min(len(r.keys), 2)]
}

func (r *ring) Current(context.Context) (session.Key, error) { return r.keys[0], r.err }

func (r *ring) Find(_ context.Context, id string) (*session.Key, error) {
	for _, key := range r.keys {
		if key.ID == id {
			return &key, r.err
		}
	}
	return nil, r.err
}

func open() access.Session {
	return access.Session{
		Account: "acme", Name: "Acme \u2713", Zone: "Asia/Kathmandu", ReturnURL: "https://app.example.com/account?tab=usage",
		IssuedAt: start, ExpiresAt: start.Add(time.Hour),
	}
}

func at(t *time.Time) func() time.Time { return func() time.Time { return *t } }

func TestASessionComesBackAsItWasSigned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := start.Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "seconds")) * time.Second)
		ttl := time.Duration(rapid.Int64Range(60, 3600).Draw(t, "ttl")) * time.Second
		want := access.Session{
			Account: rapid.StringMatching(`[A-Za-z0-9_.:-]{1,64}`).Draw(t, "account"), Name: rapid.String().Draw(t, "name"),
			Zone: "Europe/Berlin", IssuedAt: now, ExpiresAt: now.Add(ttl),
		}
		tokens := session.New(newRing(), at(&now))
		token, err := tokens.Sign(context.Background(), want)
		if err != nil {
			t.Fatal(err)
		}
		want.Name = strings.ToValidUTF8(want.Name, "\uFFFD")
		for _, later := range []time.Duration{0, ttl - time.Second} {
			now = want.IssuedAt.Add(later)
			if got, err := tokens.Open(context.Background(), token); err != nil || got != want {
				t.Fatalf("after %s: %+v, %v; want %+v", later, got, err, want)
			}
		}
		now = want.ExpiresAt.Add(time.Minute)
		if _, err := tokens.Open(context.Background(), token); fault.CodeOf(err) != fault.Unauthenticated || !strings.Contains(err.Error(), "expired") {
			t.Fatalf("after its end: %v", err)
		}
	})
}

func TestTheLastTwoKeysAreValid(t *testing.T) {
	keys, now := newRing(), start
	tokens := session.New(keys, at(&now))
	first, err := tokens.Sign(t.Context(), open())
	if err != nil {
		t.Fatal(err)
	}
	keys.rotate("k2")
	second, err := tokens.Sign(t.Context(), open())
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"before the rotation": first, "after it": second} {
		if _, err := tokens.Open(t.Context(), token); err != nil {
			t.Errorf("signed %s: %v", name, err)
		}
	}
	keys.rotate("k3")
	if _, err := tokens.Open(t.Context(), first); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("two rotations later: %v", err)
	}
	if _, err := tokens.Open(t.Context(), second); err != nil {
		t.Errorf("one rotation later: %v", err)
	}
}

// forge signs any claims with any method.
func forge(t *testing.T, method jwt.SigningMethod, kid any, key any, change func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{
		"iss": session.Issuer, "sub": "acme", "scope": "read purchase", "zoneinfo": "UTC",
		"iat": start.Unix(), "exp": start.Add(time.Hour).Unix(),
	}
	change(claims)
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestForgedTokensAreRefused(t *testing.T) {
	keys, now := newRing(), start
	tokens := session.New(keys, at(&now))
	secret := keys.keys[0].Secret
	same := func(jwt.MapClaims) {}
	good := forge(t, jwt.SigningMethodHS256, "k1", secret, same)
	if _, err := tokens.Open(t.Context(), good); err != nil {
		t.Fatalf("a good one is refused, so the rest says nothing: %v", err)
	}
	parts := strings.Split(good, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	other := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "acme", "evil", 1)))
	set := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	for name, token := range map[string]string{
		"nothing":            "",
		"dots":               "..",
		"another account":    parts[0] + "." + other + "." + parts[2],
		"no signature":       parts[0] + "." + parts[1] + ".",
		"the method none":    forge(t, jwt.SigningMethodNone, "k1", jwt.UnsafeAllowNoneSignatureType, same),
		"another method":     forge(t, jwt.SigningMethodHS512, "k1", secret, same),
		"another secret":     forge(t, jwt.SigningMethodHS256, "k1", []byte(strings.Repeat("x", 64)), same),
		"an unknown key":     forge(t, jwt.SigningMethodHS256, "k9", secret, same),
		"a key that is none": forge(t, jwt.SigningMethodHS256, 1, secret, same),
		"another issuer":     forge(t, jwt.SigningMethodHS256, "k1", secret, set("iss", "somebody")),
		"another scope":      forge(t, jwt.SigningMethodHS256, "k1", secret, set("scope", "admin")),
		"no account":         forge(t, jwt.SigningMethodHS256, "k1", secret, set("sub", "")),
		"no end":             forge(t, jwt.SigningMethodHS256, "k1", secret, func(c jwt.MapClaims) { delete(c, "exp") }),
		"no beginning":       forge(t, jwt.SigningMethodHS256, "k1", secret, func(c jwt.MapClaims) { delete(c, "iat") }),
		"too long a life":    forge(t, jwt.SigningMethodHS256, "k1", secret, set("exp", start.Add(2*time.Hour).Unix())),
		"ended":              forge(t, jwt.SigningMethodHS256, "k1", secret, set("exp", start.Add(-time.Minute).Unix())),
		"from the future":    forge(t, jwt.SigningMethodHS256, "k1", secret, set("iat", start.Add(time.Minute).Unix())),
		"too large":          forge(t, jwt.SigningMethodHS256, "k1", secret, set("name", strings.Repeat("x", 9000))),
	} {
		if got, err := tokens.Open(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What keeps keys from being read is our fault, and does not send people away.
func TestAnUnreachableKeyIsNoRefusal(t *testing.T) {
	keys, now := newRing(), start
	tokens := session.New(keys, at(&now))
	token, err := tokens.Sign(t.Context(), open())
	if err != nil {
		t.Fatal(err)
	}
	keys.err = errors.New("the service is down")
	if _, err := tokens.Open(t.Context(), token); !errors.Is(err, keys.err) || fault.CodeOf(err) != fault.Internal {
		t.Errorf("opening answers %v", err)
	}
	if _, err := tokens.Sign(t.Context(), open()); !errors.Is(err, keys.err) {
		t.Errorf("signing answers %v", err)
	}
}

func TestAShortSecretIsNoKey(t *testing.T) {
	now := start
	keys := &ring{keys: []session.Key{{ID: "k", Secret: []byte("short")}}}
	tokens := session.New(keys, at(&now))
	if _, err := tokens.Sign(t.Context(), open()); err == nil {
		t.Error("it signs")
	}
	token := forge(t, jwt.SigningMethodHS256, "k", []byte("short"), func(jwt.MapClaims) {})
	if _, err := tokens.Open(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("it opens: %v", err)
	}
}

func TestASessionReadsAndBuysForItsAccount(t *testing.T) {
	caller := open().Caller()
	for _, scope := range access.Scopes() {
		allowed := slices.Contains([]access.Scope{access.Read, access.Purchase}, scope)
		if err := caller.May(scope, "acme"); (err == nil) != allowed {
			t.Errorf("%s: %v", scope, err)
		}
		if err := caller.May(scope, "other"); err == nil {
			t.Errorf("%s of another account is allowed", scope)
		}
	}
}

// Whoever gets hold of a key that was rotated makes no session with it.
func TestARetiredKeyOpensOnlyWhatItSignedInTime(t *testing.T) {
	keys, now := newRing(), start
	tokens := session.New(keys, at(&now))
	stolen := keys.keys[0].Secret
	keys.rotate("k2")
	now = start.Add(10 * time.Minute)
	inTime := forge(t, jwt.SigningMethodHS256, "k1", stolen, func(jwt.MapClaims) {})
	if _, err := tokens.Open(t.Context(), inTime); err != nil {
		t.Errorf("signed before: %v", err)
	}
	late := forge(t, jwt.SigningMethodHS256, "k1", stolen, func(c jwt.MapClaims) {
		c["iat"], c["exp"] = start.Add(9*time.Minute).Unix(), start.Add(30*time.Minute).Unix()
	})
	if _, err := tokens.Open(t.Context(), late); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("signed after its time: %v", err)
	}
}

// What is signed is let in, whatever its words are escaped to.
func TestTheLongestTokenIsLetIn(t *testing.T) {
	now := start
	tokens := session.New(newRing(), at(&now))
	longest := open()
	longest.Name, longest.ReturnURL = strings.Repeat("&", 200), "https://a.example/"+strings.Repeat("&", 494)
	token, err := tokens.Sign(t.Context(), longest)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.Open(t.Context(), token); err != nil || got != longest {
		t.Errorf("%+v, %v", got, err)
	}
	longest.Name = strings.Repeat("&", 2000)
	if _, err := tokens.Sign(t.Context(), longest); err == nil {
		t.Error("a token is signed that is let in nowhere")
	}
}
