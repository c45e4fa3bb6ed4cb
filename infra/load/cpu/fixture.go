package cpu

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"drawdown/infra/load/usual"
	"drawdown/shared/access"
	"drawdown/shared/commit"
	"drawdown/shared/httpapi"
	"drawdown/shared/rating"
)

const account = "usual"

// rates has one rate card, always cached, as it almost always is in a function.
type rates struct{ book rating.Book }

// Book implements commit.Rates.
func (r rates) Book(context.Context, time.Time) (rating.Book, error) { return r.book, nil }

func newRates() rates { return rates{rating.NewBook([]rating.Card{usual.Card(time.Now())})} }

func committerOver(store commit.Store) *commit.Committer {
	return &commit.Committer{
		Store: store, Rates: newRates(), Rules: usual.Rules(), Now: time.Now,
		OnRetry: func(context.Context, commit.Cause) {},
	}
}

// keyring holds one key.
type keyring struct{ key access.Key }

// Key implements access.Keys.
func (k keyring) Key(context.Context, string) (*access.Key, error) { return &k.key, nil }

// newServer returns a server of debits as their function sets it up, which accepts
// the token.
func newServer(committer func() *commit.Committer) (server *httpapi.Server, token string, err error) {
	key, token := access.NewKey("bench", []access.Scope{access.Debit}, "", time.Now())
	operator, err := access.OperatorKey(fmt.Sprintf("operator:%x", sha256.Sum256([]byte(token))))
	if err != nil {
		return nil, "", err
	}
	run := func(ctx context.Context, command httpapi.Command) (commit.Outcome, error) {
		outcome := committer().Do(ctx, command.Account, command.Command)
		return outcome, outcome.Err
	}
	return httpapi.NewServer(access.NewAuthenticator(keyring{key}, nil, operator, time.Now),
		httpapi.Handle(httpapi.PostDebit, httpapi.DecodeDebit, run, httpapi.EncodeDebit)), token, nil
}

// event returns a debit as API Gateway passes it to a function.
func event(token, operation string) ([]byte, error) {
	return json.Marshal(events.APIGatewayV2HTTPRequest{
		Version:  "2.0",
		RouteKey: httpapi.PostDebit.Key(),
		RawPath:  strings.Replace(httpapi.PostDebit.Path, "{account_id}", account, 1),
		Headers: map[string]string{
			"authorization": "Bearer " + token, "idempotency-key": operation, "content-type": "application/json",
			"host": "api.example.com", "user-agent": "agent-runtime/1.0", "x-forwarded-proto": "https",
			"x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443", "accept": "*/*",
			"x-amzn-trace-id": "Root=1-6565a1b2-0123456789abcdef01234567",
		},
		PathParameters: map[string]string{"account_id": account},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: httpapi.PostDebit.Key(), Stage: "$default", APIID: "abcdefghij", AccountID: "123456789012",
			RequestID: "JKJaXmPLvHcESHA=", DomainName: "api.example.com",
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: httpapi.PostDebit.Method, Path: "/v1/accounts/usual/debits", Protocol: "HTTP/1.1", SourceIP: "203.0.113.7",
			},
		},
		Body: string(usual.DebitJSON()),
	})
}
