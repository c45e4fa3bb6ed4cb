// Package failurestest gives tests a bucket of failed batches: the few requests
// of S3 that it needs, answered from memory.
package failurestest

import (
	"context"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"drawdown/shared/failures"
)

// pageSize is small, so that every listing of more than a few has pages.
const pageSize = 2

// Bucket is a bucket and its objects.
type Bucket struct {
	*failures.Bucket

	mu      sync.Mutex
	objects map[string]string
}

// New is an empty bucket that ends with the test.
func New(t testing.TB) *Bucket {
	b := &Bucket{objects: map[string]string{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.Bucket = failures.Open(aws.Config{
		Region: "local",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, server.URL, "failed")
	return b
}

// Put puts an object.
func (b *Bucket) Put(key, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[key] = text
}

// Objects are the objects in the bucket.
func (b *Bucket) Objects() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.objects)
}

// ServeHTTP implements http.Handler.
func (b *Bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, inBucket := strings.CutPrefix(r.URL.Path, "/failed/")
	text, found := b.objects[key]
	switch {
	case !inBucket && !strings.HasPrefix(r.URL.Path, "/failed"):
		http.Error(w, "no such bucket", http.StatusNotFound)
	case key == "" || !inBucket:
		b.list(w, r.URL.Query().Get("continuation-token"))
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body) // a test that sends less than it should fails by what it reads
		b.objects[key] = string(body)
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case found:
		_, _ = io.WriteString(w, text)
	default:
		http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
	}
}

func (b *Bucket) list(w io.Writer, after string) {
	type object struct{ Key string }
	var answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []object
	}
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if key <= after {
			continue
		}
		if len(answer.Contents) == pageSize {
			answer.IsTruncated, answer.NextContinuationToken = true, answer.Contents[pageSize-1].Key
			break
		}
		answer.Contents = append(answer.Contents, object{key})
	}
	_ = xml.NewEncoder(w).Encode(answer) // to a caller that has gone
}
