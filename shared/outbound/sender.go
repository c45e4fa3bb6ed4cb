// Package outbound posts webhooks over HTTP to the operators' addresses, except
// to those in a private network. Package webhooks decides what is sent, how it
// is signed, which addresses are public and when to retry.
package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"drawdown/shared/webhooks"
)

const (
	// maxAnswer is how much is read of a response, in bytes, to keep the
	// connection; its content is ignored.
	maxAnswer = 16 << 10

	userAgent = "Drawdown-Webhooks/1"
)

// Sender sends deliveries. It is safe for concurrent use.
type Sender struct {
	client *http.Client
	local  bool
}

// NewSender is a sender to the public internet; local, for development, also
// allows addresses in a private network.
func NewSender(local bool) *Sender { return newSender(local, &net.Dialer{Timeout: webhooks.Timeout}) }

func newSender(local bool, dialer *net.Dialer) *Sender {
	if !local {
		// This runs after name resolution, on the address that is actually
		// dialed: a name may resolve to anything, and differently each time.
		dialer.Control = refusePrivate
	}
	return &Sender{local: local, client: &http.Client{
		Timeout: webhooks.Timeout,
		Transport: &http.Transport{
			// No proxy: it would dial in our place, without this check.
			DialContext:         dialer.DialContext,
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: webhooks.Timeout,
			MaxIdleConns:        32,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

var errPrivate = errors.New("the address is in a private network")

func refusePrivate(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !webhooks.Public(target.Addr()) {
		return errPrivate
	}
	return nil
}

// Send makes one try: it signs the body and posts it. Any status in 2xx means
// delivered; a redirect is not followed, since it would send what is signed for
// one address to another.
func (s *Sender) Send(ctx context.Context, endpoint webhooks.Endpoint, d webhooks.Delivery, at time.Time) webhooks.Result {
	if reason := webhooks.CheckURL(endpoint.URL, s.local); reason != "" {
		return webhooks.Result{Error: "the address " + reason}
	}
	id, body := webhooks.MessageID(d.EventID), []byte(d.Body)
	signature, err := webhooks.Sign(endpoint.Secrets(at), id, at, body)
	if err != nil {
		return webhooks.Result{Error: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return webhooks.Result{Error: "the address cannot be used"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set(webhooks.HeaderID, id)
	request.Header.Set(webhooks.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(webhooks.HeaderSignature, signature)
	response, err := s.client.Do(request)
	if err != nil {
		return webhooks.Result{Error: reasonOf(err)}
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // its status is known already
	result := webhooks.Result{Status: response.StatusCode}
	if !result.Delivered() {
		result.Error = fmt.Sprintf("the endpoint answered %d", response.StatusCode)
	}
	return result
}

// maxReason bounds the stored text of a failure.
const maxReason = 200

// reasonOf is the reason of a failure that an operator may see: without the
// address, which may contain a token, and without what a name resolved to.
func reasonOf(err error) string {
	var timeout net.Error
	var lookup *net.DNSError
	switch {
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "the endpoint did not answer in time"
	case errors.As(err, &lookup):
		return "the host name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	text := err.Error()
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	return text
}
