package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"drawdown/infra/e2e/leak"
)

// What a run of the whole suite has seen at least: a search for nothing, or in nothing, would find nothing. It is about
// half of what it sees.
const (
	leastLogged = 5 << 20 // bytes, of all functions
	leastEvents = 200_000 // bytes, of what was said on the bus
)

var leastSecrets = map[string]int{
	leak.APIKey: 8, leak.SessionToken: 40, leak.EndpointSecret: 4, leak.StripeKey: 1, sessionKey: 2, addressToken: 2,
}

// The kinds of secrets that have no shape.
const (
	sessionKey   = "key of sessions"
	addressToken = "token in an endpoint's address"
)

var (
	secrets leak.Secrets
	outputs = &outputLog{files: map[string]*outputFile{}}
)

// outputLog keeps all that anybody puts out, by who: each process, and what else is kept or answered. The files go with
// the folder.
type outputLog struct {
	mu    sync.Mutex
	dir   string
	files map[string]*outputFile
	err   error // the first
}

type outputFile struct {
	*bufio.Writer
	file *os.File
	size int
}

func (l *outputLog) add(who, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.files[who] == nil && !l.open(who) {
		return
	}
	n, err := fmt.Fprintln(l.files[who], text)
	l.files[who].size += n
	l.err = errors.Join(l.err, err)
}

func (l *outputLog) open(who string) bool {
	if l.dir == "" {
		l.dir, l.err = os.MkdirTemp("", "drawdown-outputs-")
	}
	file, err := os.Create(filepath.Join(l.dir, fmt.Sprint(len(l.files))))
	if l.err = errors.Join(l.err, err); l.err != nil {
		return false
	}
	l.files[who] = &outputFile{bufio.NewWriter(file), file, 0}
	return true
}

// close gives all texts by who has put them out, one after another, and removes them.
func (l *outputLog) close(look func(who, text string)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, who := range slices.Sorted(maps.Keys(l.files)) {
		one := l.files[who]
		l.err = errors.Join(l.err, one.Flush(), one.file.Close())
		text, err := os.ReadFile(one.file.Name())
		l.err = errors.Join(l.err, err)
		look(who, string(text))
	}
	return errors.Join(l.err, os.RemoveAll(l.dir))
}

// noticing is a transport that notes the secrets in what is sent and answered, and keeps what failed calls are told.
type noticing struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (n noticing) RoundTrip(r *http.Request) (*http.Response, error) {
	secrets.NoteAll(r.Header.Get("Authorization"))
	response, err := n.RoundTripper.RoundTrip(r)
	if err != nil {
		return response, err
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // read to its end, or the call fails
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(strings.NewReader(string(text)))
	secrets.NoteAll(string(text))
	if response.StatusCode >= http.StatusBadRequest {
		outputs.add("the answers of failed calls", string(text))
	}
	return response, nil
}

// noteGiven notes the secrets that the platform is given.
func noteGiven() {
	for _, given := range []string{adminKey, processorKey, webhookSecret} {
		secrets.NoteAll(given)
	}
}

// noteSessionKeys notes the keys that sign sessions: the one in use, and the one before if there is one.
func noteSessionKeys(ctx context.Context) error {
	vault := secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(platform.SecretsURL()), Credentials: aws.CredentialsProviderFunc(anyCredentials),
	})
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		out, err := vault.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
			SecretId: aws.String(platform.SecretARN("SessionKey")), VersionStage: &stage,
		})
		if err != nil && stage == "AWSPREVIOUS" {
			return nil // it was not rotated
		}
		if err != nil {
			return err
		}
		secrets.Note(sessionKey, aws.ToString(out.SecretString))
	}
	return nil
}

// keepEvents keeps what is said on the bus, until the platform stops.
func keepEvents() (stop func()) {
	events, cancel := platform.Subscribe(10_000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range events {
			outputs.add("the bus", string(event.JSON()))
		}
	}()
	return func() { cancel(); <-done }
}

// keepStored keeps what the platform has put away: failed batches, dead letters, and accounts.
func keepStored(ctx context.Context) error {
	for _, queue := range []string{"Purchases", "Undelivered", "NotifyFailed", "RefillFailed"} {
		for _, letter := range platform.DeadLetters(queue) {
			outputs.add("the dead letters of "+queue, fmt.Sprint(letter.Body, letter.Attributes))
		}
	}
	objects := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(platform.S3URL()), Credentials: aws.CredentialsProviderFunc(anyCredentials), UsePathStyle: true,
	})
	for _, construct := range []string{"Failures", "RelayFailures"} {
		bucket := aws.String(platform.BucketName(construct))
		pages := s3.NewListObjectsV2Paginator(objects, &s3.ListObjectsV2Input{Bucket: bucket})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, one := range page.Contents {
				out, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: one.Key})
				if err != nil {
					continue // a sweep has removed it
				}
				text, err := io.ReadAll(out.Body)
				if err = errors.Join(err, out.Body.Close()); err != nil {
					return err
				}
				outputs.add("the bucket "+construct, string(text))
			}
		}
	}
	return keepAccounts(ctx)
}

// keepAccounts keeps the table Accounts, in which keys are to stand by their hashes alone. The addresses and
// secrets of endpoints are there, or nobody could send to them, and sign.
func keepAccounts(ctx context.Context) error {
	pages := dynamodb.NewScanPaginator(database(), &dynamodb.ScanInput{TableName: aws.String(platform.TableName("Accounts"))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		text, err := json.Marshal(page.Items)
		if err != nil {
			return err
		}
		outputs.add(accountsTable, string(text))
	}
	return nil
}

const accountsTable = "the table Accounts"

// checkLeaks searches all that was put out for every secret that was given or seen. Of a whole run it demands that there
// was enough of both.
func checkLeaks(whole bool) error {
	search := secrets.Search()
	var found []error
	sizes := map[string]int{}
	err := outputs.close(func(who, text string) {
		sizes[who] = len(text)
		for _, kind := range search.In(text) {
			if who == accountsTable && (kind == leak.EndpointSecret || kind == addressToken) {
				continue
			}
			found = append(found, fmt.Errorf("%s shows a secret: %s", who, kind))
		}
	})
	found = append(found, err)
	logged, silent := 0, []string{}
	for _, name := range platform.FunctionNames() {
		logged += sizes[name]
		if sizes[name] == 0 {
			silent = append(silent, name)
		}
	}
	fmt.Printf("e2e: searched %d bytes of logs, %d of the bus and %d of failed calls for %v secrets\n",
		logged, sizes["the bus"], sizes["the answers of failed calls"], secrets.Counts())
	if !whole {
		return errors.Join(found...)
	}
	if logged < leastLogged || len(silent) > 0 {
		found = append(found, fmt.Errorf("the functions have logged %d bytes, and %q nothing: too little to search", logged, silent))
	}
	for _, who := range []string{"the bus", accountsTable} {
		if sizes[who] < leastEvents {
			found = append(found, fmt.Errorf("%s has %d bytes: too little to search", who, sizes[who]))
		}
	}
	if sizes["the answers of failed calls"] == 0 {
		found = append(found, errors.New("no call has failed: too little to search"))
	}
	for kind, least := range leastSecrets {
		if n := secrets.Counts()[kind]; n < least {
			found = append(found, fmt.Errorf("%d secrets of the kind %s were seen, want %d", n, kind, least))
		}
	}
	return errors.Join(found...)
}

// logLine takes a line that a process has put out.
func logLine(function, line string) {
	metrics.add(function, line)
	drifts.add(line)
	outputs.add(function, line)
}
