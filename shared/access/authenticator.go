package access

import (
	"context"
	"strings"
	"sync"
	"time"

	"drawdown/shared/fault"
)

const (
	// KeyTTL is how long a key is remembered, and so how long a revoked one may
	// still be accepted.
	KeyTTL = 10 * time.Second
	// maxRemembered bounds the memory that made-up ids can fill.
	maxRemembered = 1000
	// sessionDots are the dots of a JSON Web Token: header.claims.signature.
	sessionDots = 2
)

// Keys finds keys by id; nil if there is none.
type Keys interface {
	Key(ctx context.Context, id string) (*Key, error)
}

// Authenticator identifies the holder of a token. It remembers keys for KeyTTL,
// unknown ids included.
type Authenticator struct {
	keys     Keys
	sessions Sessions
	operator Key
	now      func() time.Time

	mu         sync.Mutex
	remembered map[string]remembered
}

type remembered struct {
	key   *Key
	until time.Time
}

// NewAuthenticator is given the operator's key; it finds all others through
// keys, and sessions through sessions, which may be nil.
func NewAuthenticator(keys Keys, sessions Sessions, operator Key, now func() time.Time) *Authenticator {
	return &Authenticator{keys: keys, sessions: sessions, operator: operator, now: now, remembered: map[string]remembered{}}
}

// Authenticate is the caller that holds the token. It fails with
// fault.Unauthenticated, without saying what is wrong with the token.
func (a *Authenticator) Authenticate(ctx context.Context, token string) (Caller, error) {
	refusal := fault.New(fault.Unauthenticated, "Send a valid key as \"Authorization: Bearer dk_...\".")
	// A session's token has two dots, which no key has before its secret.
	if a.sessions != nil && !strings.HasPrefix(token, prefix) && strings.Count(token, ".") == sessionDots {
		session, err := a.sessions.Open(ctx, token)
		if err != nil {
			return Caller{}, err
		}
		return session.Caller(), nil
	}
	id, ok := IDOf(token)
	if !ok {
		return Caller{}, refusal
	}
	if id == a.operator.ID {
		if !a.operator.Opens(token) {
			return Caller{}, refusal
		}
		return a.operator.Caller(), nil
	}
	key, err := a.find(ctx, id)
	if err != nil {
		return Caller{}, err
	}
	if key == nil || !key.Opens(token) {
		return Caller{}, refusal
	}
	return key.Caller(), nil
}

func (a *Authenticator) find(ctx context.Context, id string) (*Key, error) {
	now := a.now()
	a.mu.Lock()
	known, found := a.remembered[id]
	a.mu.Unlock()
	if found && now.Before(known.until) {
		return known.key, nil
	}
	key, err := a.keys.Key(ctx, id)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.remembered) >= maxRemembered {
		clear(a.remembered)
	}
	a.remembered[id] = remembered{key, now.Add(KeyTTL)}
	return key, nil
}
