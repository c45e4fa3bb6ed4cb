package access_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"drawdown/shared/access"
	"drawdown/shared/fault"
)

func TestNewKeyOpensOnlyItself(t *testing.T) {
	key, token := access.NewKey("runtime", []access.Scope{access.Debit}, "", time.Now())
	id, ok := access.IDOf(token)
	if !ok || id != key.ID {
		t.Fatalf("IDOf(%q) = %q, %v; want %q", token, id, ok, key.ID)
	}
	if !key.Opens(token) || key.Opens(token+"x") || key.Opens("") {
		t.Fatal("a key must open to its own token and to nothing else")
	}
	key.RevokedAt = time.Now()
	if key.Opens(token) {
		t.Fatal("a revoked key opens")
	}
}

func TestIDOfRefusesWhatIsNotAKey(t *testing.T) {
	secret := strings.Repeat("s", access.MinSecret)
	for text, want := range map[string]bool{
		"dk_a1_" + secret:                    true,
		"dk_a1_" + secret + "_more":          true,
		"dk_a1_" + secret[1:]:                false,
		"dk__" + secret:                      false,
		"dk_A1_" + secret:                    false,
		"dk_a-1_" + secret:                   false,
		"sk_a1_" + secret:                    false,
		"dk_a1" + secret:                     false,
		"":                                   false,
		"dk_a1_" + strings.Repeat("s", 1000): false,
	} {
		if _, got := access.IDOf(text); got != want {
			t.Errorf("IDOf(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestMay(t *testing.T) {
	debit := access.Caller{Scopes: []access.Scope{access.Debit}}
	bound := access.Caller{Scopes: []access.Scope{access.Debit}, Account: "acme"}
	admin := access.Caller{Scopes: []access.Scope{access.Admin}}
	for _, c := range []struct {
		name    string
		caller  access.Caller
		scope   access.Scope
		account string
		allowed bool
	}{
		{"its scope", debit, access.Debit, "acme", true},
		{"another scope", debit, access.Read, "acme", false},
		{"its account", bound, access.Debit, "acme", true},
		{"another account", bound, access.Debit, "other", false},
		{"no account, bound", bound, access.Debit, "", false},
		{"admin includes every scope", admin, access.Purchase, "acme", true},
		{"no scope at all", admin, "", "acme", false},
		{"nobody", access.Caller{}, access.Debit, "acme", false},
	} {
		if err := c.caller.May(c.scope, c.account); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

type keyring map[string]*access.Key

func (k keyring) Key(_ context.Context, id string) (*access.Key, error) { return k[id], nil }

// The promise is 30 seconds, whatever is remembered and since when: a key that is used every second, or was first seen
// right before its revocation, is refused 30 seconds after it, and is let in no more.
func TestARevokedKeyIsRefusedAfterThirtySeconds(t *testing.T) {
	const promise = 30 * time.Second
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, uses := range map[string]func(since time.Duration) bool{ // since the revocation
		"each second":            func(time.Duration) bool { return true },
		"once, long before":      func(since time.Duration) bool { return since == -promise },
		"once, right before":     func(since time.Duration) bool { return since == 0 },
		"each second until then": func(since time.Duration) bool { return since <= 0 },
		"each second since":      func(since time.Duration) bool { return since >= 0 },
	} {
		now := start
		key, token := access.NewKey("runtime", []access.Scope{access.Debit}, "", now)
		ring := keyring{key.ID: &key}
		gate := access.NewAuthenticator(ring, nil, access.Key{ID: "root"}, func() time.Time { return now })
		used := 0
		for since := -2 * promise; since <= 2*promise; since += time.Second {
			now = start.Add(since)
			if uses(since) || since >= promise {
				used++
				_, err := gate.Authenticate(t.Context(), token)
				if since <= 0 && err != nil {
					t.Fatalf("%s: a good key is answered with %v", name, err)
				}
				if since >= promise && fault.CodeOf(err) != fault.Unauthenticated {
					t.Errorf("%s: %s after its revocation the key is answered with %v", name, since, err)
				}
			}
			if since == 0 {
				revoked := key
				revoked.RevokedAt = now
				ring[key.ID] = &revoked
			}
		}
		if used < 32 {
			t.Errorf("%s: used %d times", name, used)
		}
	}
}

func TestOperatorKey(t *testing.T) {
	token := "dk_root_" + strings.Repeat("x", access.MinSecret)
	hash := access.HashOf(token)
	key, err := access.OperatorKey("root:" + hex.EncodeToString(hash[:]))
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewAuthenticator(keyring{}, nil, key, time.Now)
	caller, err := gate.Authenticate(t.Context(), token)
	if err != nil || caller.May(access.Admin, "") != nil {
		t.Fatalf("the operator is %+v, %v", caller, err)
	}
	if _, err := gate.Authenticate(t.Context(), token+"y"); fault.CodeOf(err) != fault.Unauthenticated {
		t.Fatalf("another secret was answered with %v", err)
	}
	for _, bad := range []string{"", "root", "root:zz", ":" + hex.EncodeToString(hash[:]), "root:abcd"} {
		if _, err := access.OperatorKey(bad); !errors.Is(err, access.ErrOperatorKey) {
			t.Errorf("OperatorKey(%q) = %v", bad, err)
		}
	}
}
