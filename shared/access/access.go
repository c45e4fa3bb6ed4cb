// Package access decides who may do what.
//
// An API key is "dk_<id>_<secret>". It carries scopes and may be bound to one
// account. Only a SHA-256 of the whole key is kept: a secret has at least 192
// random bits, so a slow hash would only cost time.
package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"drawdown/shared/fault"
)

// Scope is a right that a key carries.
type Scope string

// The scopes. Admin includes every other one.
const (
	Debit    Scope = "debit"
	Read     Scope = "read"
	Purchase Scope = "purchase"
	Admin    Scope = "admin"
)

// Scopes lists them.
func Scopes() []Scope { return []Scope{Debit, Read, Purchase, Admin} }

const (
	prefix = "dk_"
	// MinSecret is the least length of a secret, in characters.
	MinSecret = 32
	maxToken  = 512
)

// Key is the stored form of an API key.
type Key struct {
	ID        string
	Name      string
	Scopes    []Scope
	Account   string // empty: not bound to an account
	Hash      Hash
	CreatedAt time.Time
	RevokedAt time.Time // zero: valid
}

// Hash is the SHA-256 of a whole key.
type Hash [sha256.Size]byte

// HashOf hashes a key.
func HashOf(token string) Hash { return sha256.Sum256([]byte(token)) }

// IDOf is the id within a key, and false if the text is not a key.
func IDOf(token string) (string, bool) {
	rest, found := strings.CutPrefix(token, prefix)
	id, secret, separated := strings.Cut(rest, "_")
	if !found || !separated || id == "" || len(token) > maxToken || len(secret) < MinSecret {
		return "", false
	}
	for i := range len(id) {
		if !(id[i] >= 'a' && id[i] <= 'z' || id[i] >= '0' && id[i] <= '9') {
			return "", false
		}
	}
	return id, true
}

// NewKey makes a key and the token that is shown once.
func NewKey(name string, scopes []Scope, account string, now time.Time) (Key, string) {
	id := strings.ToLower(rand.Text()[:16])
	secret := make([]byte, 32)
	// crypto/rand never fails: it ends the program if the system has no randomness.
	_, _ = rand.Read(secret)
	token := prefix + id + "_" + base64.RawURLEncoding.EncodeToString(secret)
	return Key{ID: id, Name: name, Scopes: scopes, Account: account, Hash: HashOf(token), CreatedAt: now.UTC().Truncate(time.Millisecond)}, token
}

// ErrOperatorKey means that the deployment's description of the operator's key
// cannot be used.
var ErrOperatorKey = errors.New(`access: the operator's key must have the form "<id>:<hex SHA-256 of the key>"`)

// OperatorKey reads the description of the key that a deployment starts with:
// its id and its hash, so that the deployment never contains the key itself.
func OperatorKey(description string) (Key, error) {
	id, digest, found := strings.Cut(description, ":")
	sum, err := hex.DecodeString(digest)
	if !found || id == "" || err != nil || len(sum) != sha256.Size {
		return Key{}, ErrOperatorKey
	}
	return Key{ID: id, Name: "operator", Scopes: []Scope{Admin}, Hash: Hash(sum)}, nil
}

// Opens reports whether a token is this key, and still valid.
func (k Key) Opens(token string) bool {
	given := HashOf(token)
	return subtle.ConstantTimeCompare(given[:], k.Hash[:]) == 1 && k.RevokedAt.IsZero()
}

// Caller is who calls, and with which rights.
type Caller struct {
	KeyID   string
	Scopes  []Scope
	Account string // empty: every account
}

// Caller is the caller that holds the key.
func (k Key) Caller() Caller { return Caller{KeyID: k.ID, Scopes: k.Scopes, Account: k.Account} }

// Anything is a caller that another authority has admitted, such as a runtime
// that may invoke a function.
func Anything(scopes ...Scope) Caller { return Caller{Scopes: scopes} }

// May checks that the caller has a scope, and, if an account is named, may use that
// account. It fails with fault.Forbidden, whether or not the account exists.
func (c Caller) May(scope Scope, account string) error {
	if scope == "" || !slices.Contains(c.Scopes, scope) && !slices.Contains(c.Scopes, Admin) {
		return fault.New(fault.Forbidden, "The key does not have the scope %q.", scope)
	}
	if c.Account != "" && account != c.Account {
		return fault.New(fault.Forbidden, "The key is bound to another account.")
	}
	return nil
}
