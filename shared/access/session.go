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
	Name      string // of the account, for its reader
	Zone      string // of the account, an IANA name
	ReturnURL string // where the person came from; empty: not said
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// SessionScopes are the rights of every session.
func SessionScopes() []Scope { return []Scope{Read, Purchase} }

// Caller is the caller that holds the session.
func (s Session) Caller() Caller {
	return Caller{KeyID: "session", Scopes: SessionScopes(), Account: s.Account}
}

// Sessions opens session tokens. It answers with fault.Unauthenticated where a
// token is not valid now.
type Sessions interface {
	Open(ctx context.Context, token string) (Session, error)
}
