package httpapi

import (
	"net/url"
	"time"

	"drawdown/shared/access"
)

// maxReturnURL bounds a return address, since the token carries it in a link.
const maxReturnURL = 512

// NewSession describes a session to open.
type NewSession struct {
	Account   string
	TTL       time.Duration
	ReturnURL string
	Origin    string // of the platform, as the operator reached it
}

// DecodeSession reads POST .../sessions. The body may be omitted.
func DecodeSession(r *Request) (NewSession, error) {
	account, err := r.PathID("account_id")
	if err != nil {
		return NewSession{}, err
	}
	content := r.body
	if len(content) == 0 {
		content = []byte("{}")
	}
	body, err := ReadObject(content)
	if err != nil {
		return NewSession{}, err
	}
	wanted := NewSession{Account: account, Origin: r.Origin(), ReturnURL: body.OptionalText("return_url", maxReturnURL)}
	seconds := body.Int("ttl_seconds", int64(access.MaxSession/time.Second),
		int64(access.MinSession/time.Second), int64(access.MaxSession/time.Second))
	wanted.TTL = time.Duration(seconds) * time.Second
	if wanted.ReturnURL != "" && !isWebAddress(wanted.ReturnURL) {
		body.Refuse("return_url", `must be an address such as "https://example.com/account"`)
	}
	return wanted, body.Close()
}

// isWebAddress reports whether a text can be a link on a page.
func isWebAddress(text string) bool {
	address, err := url.Parse(text)
	return err == nil && (address.Scheme == "https" || address.Scheme == "http") && address.Host != "" && address.User == nil
}

// IssuedSession is a new session with its token.
type IssuedSession struct {
	Token     string
	Origin    string
	ExpiresAt time.Time
}

// EncodeSession answers POST .../sessions. The token is in the link's
// fragment, which browsers do not send to servers, so it reaches no log.
func EncodeSession(s IssuedSession) Response {
	return Created(struct {
		URL       string `json:"url"`
		Token     string `json:"token"`
		ExpiresAt string `json:"expires_at"`
	}{s.Origin + pagePath + "#" + s.Token, s.Token, instantText(s.ExpiresAt)})
}

// pagePath is the path of the Usage page.
const pagePath = "/usage"
