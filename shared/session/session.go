// Package session encodes sessions as JSON Web Tokens (RFC 7519), signed with
// HMAC-SHA-256.
//
// The claims are the registered ones, and name and zoneinfo as in OpenID
// Connect, so that a page that receives a token can show whose it is. Two keys
// are valid at a time: tokens are signed with the current one, and those that
// were signed with the previous one stay valid until they expire.
//
// The package must not depend on where keys are kept.
package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"drawdown/shared/access"
	"drawdown/shared/fault"
)

// Key signs tokens. Each of them contains its id.
type Key struct {
	ID     string
	Secret []byte
	// RetiredAt is when the key has signed its last token; zero: it still signs.
	// A stolen retired key cannot make a token that would be accepted.
	RetiredAt time.Time
}

// MinSecret is the least length of a key's secret in bytes, that of the hash (RFC 7518, 3.2).
const MinSecret = 32

// Keys are the valid keys.
type Keys interface {
	// Current is the key that signs.
	Current(ctx context.Context) (Key, error)
	// Find is the valid key with that id, nil if there is none.
	Find(ctx context.Context, id string) (*Key, error)
}

// Issuer is the claim "iss" of every token.
const Issuer = "drawdown"

const (
	// maxToken bounds a token, in bytes: the longest name and return address fit,
	// however their letters are escaped.
	maxToken = 8 << 10
	// leeway is how far the clocks of two environments may differ.
	leeway = 5 * time.Second
)

// Tokens signs and opens sessions.
type Tokens struct {
	keys Keys
	now  func() time.Time
}

// New makes tokens with those keys.
func New(keys Keys, now func() time.Time) *Tokens { return &Tokens{keys, now} }

type claims struct {
	jwt.RegisteredClaims
	Name      string `json:"name"`
	Zone      string `json:"zoneinfo"`
	Scope     string `json:"scope"`
	ReturnURL string `json:"return_url,omitempty"`
}

// Sign is the token of a session. The times of the session are whole seconds.
func (t *Tokens) Sign(ctx context.Context, s access.Session) (string, error) {
	key, err := t.keys.Current(ctx)
	if err != nil {
		return "", err
	}
	if len(key.Secret) < MinSecret {
		return "", fmt.Errorf("session: the key %q has %d bytes; it must have %d or more", key.ID, len(key.Secret), MinSecret)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    Issuer,
			Subject:   s.Account,
			IssuedAt:  jwt.NewNumericDate(s.IssuedAt),
			ExpiresAt: jwt.NewNumericDate(s.ExpiresAt),
		},
		Name: s.Name, Zone: s.Zone, Scope: scopes(), ReturnURL: s.ReturnURL,
	})
	token.Header["kid"] = key.ID
	text, err := token.SignedString(key.Secret)
	if err == nil && len(text) > maxToken {
		err = fmt.Errorf("session: the token of account %s has %d bytes, more than the maximum of %d", s.Account, len(text), maxToken)
	}
	return text, err
}

func scopes() string {
	var words []string
	for _, scope := range access.SessionScopes() {
		words = append(words, string(scope))
	}
	return strings.Join(words, " ")
}

// errKey wraps an error of looking up a key, which is not a fault of the token.
type errKey struct{ error }

func (e errKey) Unwrap() error { return e.error }

// Open is the session of a token. It fails with fault.Unauthenticated if the
// token is not one of ours or not valid now; the error of an expired one says
// so, since its holder must get another.
func (t *Tokens) Open(ctx context.Context, token string) (access.Session, error) {
	if len(token) > maxToken {
		return access.Session{}, refusal()
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(t.now),
	)
	var read claims
	var retiredAt time.Time
	_, err := parser.ParseWithClaims(token, &read, func(unverified *jwt.Token) (any, error) {
		id, _ := unverified.Header["kid"].(string)
		key, err := t.keys.Find(ctx, id)
		if err != nil {
			return nil, errKey{err}
		}
		if key == nil || len(key.Secret) < MinSecret {
			return nil, jwt.ErrTokenUnverifiable
		}
		retiredAt = key.RetiredAt
		return key.Secret, nil
	})
	var unreachable errKey
	switch {
	case errors.As(err, &unreachable):
		return access.Session{}, unreachable.error
	case errors.Is(err, jwt.ErrTokenExpired):
		return access.Session{}, fault.New(fault.Unauthenticated, "The session has expired. Open this page again from the site you came from.")
	case err != nil, read.Subject == "", read.Scope != scopes(), read.IssuedAt == nil,
		read.ExpiresAt.Sub(read.IssuedAt.Time) > access.MaxSession,
		!retiredAt.IsZero() && read.IssuedAt.After(retiredAt):
		return access.Session{}, refusal()
	}
	return access.Session{
		Account: read.Subject, Name: read.Name, Zone: read.Zone, ReturnURL: read.ReturnURL,
		IssuedAt: read.IssuedAt.UTC(), ExpiresAt: read.ExpiresAt.UTC(),
	}, nil
}

func refusal() error {
	return fault.New(fault.Unauthenticated, "The session token is not valid. Open this page again from the site you came from.")
}
