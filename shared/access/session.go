package access

import (
	"context"
	"time"
)

// How long a session lasts: it stands in for a person who looks at one page,
// and cannot be revoked one by one.
const (
	MinSession = time.Minute
	MaxSession = time.Hour
)

// Session lets one person see one account, and buy for it, for a while.
type Session struct {
	Account   string
	Name      string // of the account, for display
	Zone      string // of the account, an IANA name
	ReturnURL string // where the person came from; empty: not given
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// SessionScopes are the rights of every session.
func SessionScopes() []Scope { return []Scope{Read, Purchase} }

// Caller is the caller that holds the session.
func (s Session) Caller() Caller {
	return Caller{KeyID: "session", Scopes: SessionScopes(), Account: s.Account}
}

// Sessions opens session tokens. It returns fault.Unauthenticated for a token
// that is not valid now.
type Sessions interface {
	Open(ctx context.Context, token string) (Session, error)
}
